"""Scaled coordinates: what the solvers see, and the way back.

Features are centred (where the gate allows it) and whitened, the response is replaced by its scaled residual from one
regression on the experts' features.  So every fit starts from a problem whose single-expert solution is "coef 0,
variance 1", whatever the units, offsets or correlations of the data; results are equivariant by construction, and
constant or collinear columns drop out as missing rows of the transform.
"""

from dataclasses import dataclass

import numpy as np

from gmoe._arrays import BLOCK, Blocks, Design
from gmoe.gates import Gate
from gmoe.parameters import Parameters

# Combinations of standardised columns with a standard deviation below this are collinearity (R's lm: 1e-7).
RANK_TOLERANCE = 1e-9
CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Scaling:
    """Maps between scaled and raw parameters.

    Attributes
    ----------
    gate, expert : Design
    centre_y : float
    slope_y : ndarray, shape (rank of expert,)
        Coefficients of the single regression on the scaled expert features.
    scale_y : float
        Standard deviation of its residuals, kept away from zero.
    n_features : int
    """

    gate: Design
    expert: Design
    centre_y: float
    slope_y: np.ndarray
    scale_y: float

    def blocks(self, X, y, weight=None, run=map, weight_unit=1.0, length=BLOCK) -> Blocks:
        """Scaled blocks of raw data; ``run`` as in :func:`scale`."""
        scales = np.array([self.centre_y]), self.slope_y[None], np.array([[1.0 / self.scale_y]])
        return Blocks(X, y, weight, self.gate, self.expert, *scales, run, weight_unit, length)

    def to_raw(self, kind: Gate, gate, shared, own) -> Parameters:
        """Raw parameters of scaled ones.

        Parameters
        ----------
        kind : Gate
        gate, shared : ndarray, shapes (k, 1 + rank) and (n_shared,)
            Natural coordinates.
        own : ndarray, shape (k, 2 + rank)
            Experts' coefficients and log variances.
        """
        expert, variance = own[:, :-1], np.exp(own[:, -1])
        slopes = gate[:, 1:] @ self.gate.transform
        natural = np.column_stack([gate[:, 0] - slopes @ self.gate.centre, slopes])
        gate_raw, temperature = kind.raw(natural, shared)
        coef = (self.slope_y + self.scale_y * expert[:, 1:]) @ self.expert.transform
        return Parameters(
            gate_intercept=gate_raw[:, 0],
            gate_coef=gate_raw[:, 1:],
            intercept=self.centre_y + self.scale_y * expert[:, 0] - coef @ self.expert.centre,
            coef=coef,
            variance=self.scale_y**2 * variance,
            temperature=temperature,
        )

    def from_raw(self, kind: Gate, parameters: Parameters):
        """Scaled (gate, own, shared); the inverse of :meth:`to_raw` on the data's span."""
        p = parameters
        natural, shared = kind.natural(p.gate, p.temperature)
        gate = np.column_stack(
            [
                natural[:, 0] + natural[:, 1:] @ self.gate.centre,
                natural[:, 1:] @ np.linalg.pinv(self.gate.transform),
            ]
        )
        slope = p.coef @ np.linalg.pinv(self.expert.transform)
        intercept = p.intercept + p.coef @ self.expert.centre - self.centre_y
        expert = np.column_stack([intercept, slope - self.slope_y]) / self.scale_y
        return gate, np.column_stack([expert, np.log(p.variance / self.scale_y**2)]), shared

    def jacobian(self, n_experts):
        """Matrix of the linear part of :meth:`to_raw` for rows (gate, expert, log variance), (raw size, scaled size).

        Raw rows are (natural gate, intercept, coef, log variance) of one expert after the other.
        """
        g, e = self.gate, self.expert
        block = np.zeros((len(g.columns) + len(e.columns) + 3, g.n_coefficients + e.n_coefficients + 1))
        dg, qg = 1 + len(g.columns), g.n_coefficients
        block[0, 0] = 1.0
        block[1:dg, 1:qg] = g.transform.T
        block[0, 1:qg] = -g.transform @ g.centre
        block[dg, qg] = self.scale_y
        block[dg + 1 : -1, qg + 1 : -1] = self.scale_y * e.transform.T
        block[dg, qg + 1 : -1] = -self.scale_y * (e.transform @ e.centre)
        block[-1, -1] = 1.0
        return np.kron(np.eye(n_experts), block)


def scale(X, y, weight, gate_columns, expert_columns, centre_gate=True, run=map) -> Scaling:
    """Scaling of a data set.

    Parameters
    ----------
    X : array (n, d), y : array (n,), weight : array (n,) or None
        Raw data of any dtype and layout; read in chunks.
    gate_columns, expert_columns : ndarray of int
    centre_gate : bool
        Whether the gate's model class allows its features to be centred.
    run : callable
        ``map``, or that of an executor, which then reads chunks in threads.
    """
    mean, covariance = _moments(X, y, weight, run)
    expert = _design(expert_columns, mean, covariance, X, weight, run)
    second = covariance if centre_gate else covariance + np.outer(mean, mean)
    centre = mean if centre_gate else np.zeros_like(mean)
    same = centre_gate and np.array_equal(gate_columns, expert_columns)
    gate = expert if same else _design(gate_columns, centre, second, X, weight, run)
    slope = expert.transform @ covariance[expert_columns, -1]
    variance_y = covariance[-1, -1]
    residual = max(variance_y - slope @ slope, 0.0)
    # y constant or exactly linear: a millionth of the spread, or of the size, stands for the noise that is not there.
    floor = 1e-6 * (np.sqrt(variance_y) if variance_y > (1e-14 * mean[-1]) ** 2 else abs(mean[-1]) or 1.0)
    scale_y = float(max(np.sqrt(residual), floor))
    if scale_y < 1e-140:
        raise ValueError(f"y varies by no more than {scale_y:.1e}, whose square underflows; rescale y.")
    return Scaling(gate, expert, float(mean[-1]), slope, scale_y)


def _moments(X, y, weight, run):
    """Weighted mean and covariance of the columns of (X, y), in one pass of chunks that are summed in order."""
    # About a point amid the data, so that nothing cancels.
    shift = _rows(X, y, slice(None, None, max(len(y) // 1000, 1))).mean(axis=1)
    total, first, second = _sums(lambda part: _rows(X, y, part) - shift[:, None], len(y), weight, run)
    if not np.all(np.isfinite(second)):
        raise ValueError(
            f"The squares of columns {np.flatnonzero(~np.isfinite(np.diag(second))).tolist()} of (X, y) overflow; "
            "rescale them."
        )
    offset = first / total
    return shift + offset, second / total - np.outer(offset, offset)


def _sums(rows_of, n, weight, run):
    """Sum w, w row and w row row' over chunks of observations, in order; ``rows_of`` gives (d, m) arrays."""

    def chunk(lo):
        rows = rows_of(slice(lo, lo + CHUNK))
        with np.errstate(over="ignore", invalid="ignore"):
            if weight is None:
                return rows.shape[1], rows.sum(axis=1), rows @ rows.T
            w = np.asarray(weight[lo : lo + CHUNK], dtype=float)
            weighted = rows * w
            return w.sum(), weighted.sum(axis=1), weighted @ rows.T

    total, first, second = 0.0, 0.0, 0.0
    for w, one, two in run(chunk, range(0, n, CHUNK)):
        total, first, second = total + w, first + one, second + two
    return total, first, second


def _rows(X, y, rows):
    """Observations of (X, y) as float64, feature-major (d + 1, m): sums along rows are four times faster."""
    part = X[rows]
    result = np.empty((X.shape[1] + 1, len(part)))
    result[:-1] = part.T
    result[-1] = y[rows]
    return result


def _design(columns, centre, second, X, weight, run):
    """Whitening design without the directions of constant or collinear columns."""
    columns = np.asarray(columns, dtype=np.intp)
    centre, second = centre[columns], second[np.ix_(columns, columns)]
    size = np.sqrt(np.diag(second))
    varies = size > 1e-14 * np.abs(centre)
    size = np.where(varies, size, 1.0)
    correlation = (second / np.outer(size, size))[np.ix_(varies, varies)]
    values, vectors = np.linalg.eigh(correlation)
    directions = np.zeros((len(values), len(columns)))
    directions[:, varies] = vectors.T
    weak = values < 1e-8
    if weak.any():

        def projections(part):
            return directions @ ((X[part][:, columns] - centre) / size).T

        total, _, gram = _sums(projections, len(X), weight, run)
        whiten = _whitener(gram / total, weak)
    else:
        whiten = np.diag(1.0 / np.sqrt(values))
    return Design(columns, centre, np.ascontiguousarray(whiten @ directions / size), size)


def _whitener(gram, weak):
    """Map from principal directions to whitened ones, (rank, d), without the directions of collinear columns.

    The eigenvalues of a correlation matrix see a column that differs from another by a relative e only as e squared.
    So the data were projected on the eigenvectors: among the weak ones the projections' own moments tell noise from
    columns.  What is noise must go before the others are whitened, or it leaks into them.
    """
    squares, turn = np.linalg.eigh(gram[np.ix_(weak, weak)])
    kept = turn[:, squares > RANK_TOLERANCE**2]
    strong = np.eye(len(gram))[~weak]
    basis = np.vstack([strong, kept.T @ np.eye(len(gram))[weak]])
    moments = basis @ gram @ basis.T
    unit = 1.0 / np.sqrt(np.diag(moments))
    values, vectors = np.linalg.eigh(moments * np.outer(unit, unit))
    return (vectors / np.sqrt(values)).T @ (unit[:, None] * basis)


def null_space(design: Design):
    """Orthonormal directions of standardised slopes that do not move the scaled ones, shape (d - rank, d)."""
    d = len(design.columns)
    if len(design.transform) == d:
        return np.empty((0, d))
    return np.linalg.svd(design.transform * design.size, full_matrices=True)[2][len(design.transform) :]
