"""The model itself: a gate with parameters, as an immutable value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gmoe._arrays import BLOCK
from gmoe._validation import check_finite
from gmoe.gates import Gate, GateRows, SoftmaxGate, as_gate
from gmoe.kernels.exact import affine_exact
from gmoe.parameters import Parameters

LOG_2_PI = np.log(2.0 * np.pi)


@dataclass(frozen=True, eq=False)
class GMoE:
    """A Gaussian mixture of experts ``p(y | x) = sum_j pi_j(x) N(y | intercept_j + coef_j . x, variance_j)``.

    Parameters
    ----------
    parameters : Parameters
        In the units of the data.
    gate : Gate or str, default SoftmaxGate()
    gate_columns, expert_columns : sequence of int, optional
        Columns of X that gate and experts see; all by default. An empty sequence is a constant gate (a mixture of
        regressions) or constant experts.

    Raises
    ------
    ValueError
        Where the number of columns does not fit the parameters, the gate not so many experts, or its fixed
        temperature not that of the parameters.
    """

    parameters: Parameters
    gate: Gate = SoftmaxGate()  # noqa: RUF009 (an immutable value)
    gate_columns: Sequence[int] | None = None
    expert_columns: Sequence[int] | None = None

    def __post_init__(self):
        object.__setattr__(self, "gate", as_gate(self.gate))
        for name, coef in (
            ("gate_columns", self.parameters.gate_coef),
            ("expert_columns", self.parameters.coef),
        ):
            columns = getattr(self, name)
            columns = tuple(range(coef.shape[1])) if columns is None else tuple(int(c) for c in columns)
            if len(columns) != coef.shape[1]:
                raise ValueError(f"{name} names {len(columns)} columns, the parameters have {coef.shape[1]} slopes.")
            if min(columns, default=0) < 0:
                raise ValueError(f"{name} must count from 0, got {columns}: a model does not know the width of X.")
            object.__setattr__(self, name, columns)
        self.gate.check(self.n_experts, self.parameters.gate_coef.shape[1])
        given, fixed = self.parameters.temperature, self.gate.temperature
        if not isinstance(fixed, str) and given != fixed:
            if given != 1.0:
                raise ValueError(
                    f"The parameters have temperature {given}, which {self.gate!r} fixes at {fixed}; give parameters "
                    "of that temperature, or a gate with temperature='estimate'."
                )
            object.__setattr__(self, "parameters", replace(self.parameters, temperature=fixed))

    @property
    def n_experts(self) -> int:
        """Number of experts."""
        return self.parameters.n_experts

    @property
    def n_features(self) -> int:
        """Smallest number of columns that X must have."""
        return max((*(self.gate_columns or ()), *(self.expert_columns or ())), default=-1) + 1

    @property
    def n_free_parameters(self) -> int:
        """Number of identified parameters: the degrees of freedom of AIC and BIC."""
        return self.gate.n_free(*self.parameters.gate.shape) + self.parameters.expert.size + self.n_experts

    def log_density(self, X, y) -> np.ndarray:
        """Log of p(y | x) for each row.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        y : array-like, shape (n,)

        Returns
        -------
        ndarray, shape (n,)
            To about 1e-13 relative accuracy, also with logits of several hundred or tiny variances.
        """
        return self._by_block(X, y, self._log_density_block)

    def responsibilities(self, X, y) -> np.ndarray:
        """Posterior probability of each expert given x and y, shape (n, k); rows sum to 1."""
        return self._by_block(X, y, lambda logit, z: _softmax(self._joint(logit, z)).T)

    def gate_proba(self, X) -> np.ndarray:
        """Prior probability of each expert given x, shape (n, k); rows sum to 1."""
        return self._by_block(X, None, lambda logit, z: _softmax(logit).T)

    def log_gate_proba(self, X) -> np.ndarray:
        """Log of :meth:`gate_proba`, shape (n, k), finite also where the probability underflows."""
        return self._by_block(X, None, lambda logit, z: (logit - _log_sum_exp(logit)).T)

    def expert_means(self, X) -> np.ndarray:
        """Mean of each expert, shape (n, k); same unit as y."""
        X = self._features(X)
        return X[:, list(self.expert_columns or ())] @ self.parameters.coef.T + self.parameters.intercept

    def mean(self, X) -> np.ndarray:
        """Conditional mean of y given x, shape (n,)."""
        return np.einsum("ij,ij->i", self.gate_proba(X), self.expert_means(X))

    def variance(self, X) -> np.ndarray:
        """Conditional variance of y given x, shape (n,): within plus between the experts."""
        proba, means = self.gate_proba(X), self.expert_means(X)
        centre = np.einsum("ij,ij->i", proba, means)[:, None]
        return np.einsum("ij,ij->i", proba, self.parameters.variance + (means - centre) ** 2)

    def sample(self, X, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw one response for each row.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        rng : numpy.random.Generator

        Returns
        -------
        y : ndarray, shape (n,)
        expert : ndarray of int, shape (n,)
            The expert that each response was drawn from.
        """
        cumulative = self.gate_proba(X).T
        for before, following in pairwise(cumulative):  # np.cumsum takes five times as long
            following += before
        # Scaled by the last row: rounding may leave it below 1, and no expert beyond the last exists.
        expert = (rng.random(cumulative.shape[1]) * cumulative[-1] >= cumulative).sum(axis=0)
        mean = self.expert_means(X)[np.arange(len(expert)), expert]
        return mean + np.sqrt(self.parameters.variance[expert]) * rng.standard_normal(len(expert)), expert

    def canonical(self, reference: int = 0, scale: str | None = None) -> "GMoE":
        """Return the same density with the gate in canonical form, one for all parameters that give this density.

        Parameters
        ----------
        reference : int, default 0
            The expert whose gate parameters are zero, as far as the gate allows translations: all of them for softmax,
            the intercept where the score goes through an activation.
        scale : None or "temperature=1"
            For an estimated temperature that is not identified (homogeneous activations): by default the choice of
            least norm in (gate_coef, gate_intercept, log temperature), or the one with temperature 1.

        Raises
        ------
        ValueError
            For "temperature=1" where the temperature is identified or fixed.
        """
        p = self.parameters
        gate, temperature = self.gate.canonical(p.gate, p.temperature, reference, scale)
        return replace(self, parameters=p.with_gate(gate, temperature))

    def _features(self, X):
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] < self.n_features:
            raise ValueError(
                f"X must have shape (n, >={self.n_features}), got {X.shape}; use X.reshape(-1, 1) for one feature."
            )
        check_finite(X, "X")
        return X

    def _by_block(self, X, y, function):
        """Concatenate ``function(logit, z)`` of blocks of rows; z are the standardised residuals (None without y)."""
        X = self._features(X)
        if y is not None:
            y = np.asarray(y, dtype=float)
            if y.shape != (len(X),):
                raise ValueError(f"y must have shape ({len(X)},), one response per row of X; got {y.shape}.")
        parts = [
            function(*self._block(X[lo : lo + BLOCK], None if y is None else y[lo : lo + BLOCK]))
            for lo in range(0, max(len(X), 1), BLOCK)
        ]
        return np.concatenate(parts)

    def _block(self, X, y):
        m, p = len(X), self.parameters
        logit = np.empty((self.n_experts, m))
        x_gate = np.ascontiguousarray(X[:, list(self.gate_columns or ())].T)
        coef, shared = self.gate.natural(p.gate, p.temperature)
        self.gate.fill(coef, shared, x_gate, m, GateRows.of(logit), affine=affine_exact)
        logit -= logit.max(axis=0, initial=-np.inf)
        if y is None:
            return logit, None
        # The residual as one affine function of (y, x), so that y - mean does not cancel.
        coef = np.column_stack([-p.intercept, np.ones(self.n_experts), -p.coef])
        residual = np.empty((self.n_experts, m))
        affine_exact(np.vstack([y, X[:, list(self.expert_columns or ())].T]), m, coef, residual)
        # Clipped where the square would overflow: such a density is 0 either way.
        return logit, np.clip(residual / np.sqrt(p.variance)[:, None], -1e150, 1e150)

    def _joint(self, logit, z):
        return logit - 0.5 * z * z - 0.5 * np.log(self.parameters.variance)[:, None]

    def _log_density_block(self, logit, z):
        return _log_sum_exp(self._joint(logit, z)) - _log_sum_exp(logit) - 0.5 * LOG_2_PI


def _log_sum_exp(rows):
    top = rows.max(axis=0)
    return top + np.log(np.exp(rows - top).sum(axis=0))


def _softmax(rows):
    e = np.exp(rows - rows.max(axis=0))
    return e / e.sum(axis=0)
