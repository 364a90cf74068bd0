"""The quadratic gate: regions with curved boundaries, such as those between Gaussian clouds of features."""

from dataclasses import dataclass

import numpy as np

from gmoe.frames import Change
from gmoe.gates._features import COEF, INTERCEPT, FeatureGate
from gmoe.part import Array, Axis

QUADRATIC = Array("gate_quadratic", (Axis.EXPERT, Axis.FEATURE, Axis.FEATURE))


@dataclass(frozen=True)
class QuadraticGate(FeatureGate):
    """Log-weight ``gate_intercept_j + gate_coef_j . x + x' gate_quadratic_j x``, the matrices symmetric.

    Parameters
    ----------
    monomial : bool, default False
        Whether to leave out ``gate_coef . x``.

    Raises
    ------
    TypeError
        For a monomial that is not a bool.

    Notes
    -----
    Quadratic gating and its two forms, polynomial and monomial: Akbarian, Nguyen, Han and Ho (arXiv:2410.11222). A
    Gaussian gate, with one Gaussian density of x for each expert, has these weights. The monomial form has an origin,
    which is part of the model: centre the features as it should be.
    """

    monomial: bool = False

    def __post_init__(self):
        if not isinstance(self.monomial, bool):
            raise TypeError(f"monomial must be True or False, got {self.monomial!r}.")

    def n_functions(self, n_features):
        return n_features * (n_features + 1) // 2 + (0 if self.monomial else n_features)

    def functions(self, x, out):
        d, (row, column) = len(x), _pairs(len(x))
        if not self.monomial:
            out[:d] = x
        np.multiply(x[row], x[column], out=out[len(out) - len(row) :])

    def follows(self, n_experts):
        return Change.LINEAR if self.monomial else Change.AFFINE

    def arrays(self, size):
        return (INTERCEPT, QUADRATIC) if self.monomial else (INTERCEPT, COEF, QUADRATIC)

    def to_raw(self, own, shared, frame):
        # Of z = T (x - c): z' Q z + g . z + b.
        d, transform, centre = len(frame.transform), frame.transform, frame.centre
        slope, matrix = self._split(own, d)
        matrix = transform.T @ matrix @ transform
        slope = slope @ transform
        linear = {} if self.monomial else {"gate_coef": slope - 2.0 * matrix @ centre}
        return {
            "gate_intercept": own[:, 0] - slope @ centre + (matrix @ centre) @ centre,
            **linear,
            "gate_quadratic": matrix,
        }

    def from_raw(self, arrays, frame):
        # Of x = c + S z.
        intercept, matrix = np.asarray(arrays["gate_intercept"]), np.asarray(arrays["gate_quadratic"])
        matrix = 0.5 * (matrix + np.swapaxes(matrix, 1, 2))
        centre, inverse = frame.centre, frame.inverse
        bent = matrix @ centre
        slope = np.zeros_like(bent) if self.monomial else np.asarray(arrays["gate_coef"])
        intercept = intercept + slope @ centre + bent @ centre
        row, column = _pairs(inverse.shape[1])
        scaled = inverse.T @ matrix @ inverse
        products = scaled[:, row, column] * np.where(row == column, 1.0, 2.0)
        slopes = () if self.monomial else ((slope + 2.0 * bent) @ inverse,)
        return np.column_stack([intercept, *slopes, products]), np.empty(0)

    def _split(self, own, d):
        """Slopes (k, d) and symmetric matrices (k, d, d)."""
        row, column = _pairs(d)
        products = own[:, own.shape[1] - len(row) :]
        matrix = np.zeros((len(own), d, d))
        matrix[:, row, column] += 0.5 * products
        matrix[:, column, row] += 0.5 * products
        return np.zeros((len(own), d)) if self.monomial else own[:, 1 : 1 + d], matrix


def _pairs(d):
    """Rows and columns of an upper triangle."""
    return np.triu_indices(d)
