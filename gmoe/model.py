"""The model itself: a gate and experts with parameters, as an immutable value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from gmoe._arrays import BLOCK
from gmoe._validation import check_finite
from gmoe.distributions import Mixture, PredictiveDistribution
from gmoe.experts import GAUSSIAN, BaseExperts, as_experts
from gmoe.frames import ResponseFrame
from gmoe.gates import SoftmaxGate, as_gate
from gmoe.parameters import Parameters
from gmoe.part import Axis, Size, check_shapes, width
from gmoe.written import Written


@dataclass(frozen=True, eq=False)
class GMoE(Written):
    """A mixture of experts ``p(y | x) = sum_j pi_j(x) f_j(y | x)``.

    By default with a softmax gate and Gaussian experts ``N(y | intercept_j + coef_j . x, variance_j)``.

    Parameters
    ----------
    parameters : Parameters
        In the units of the data.
    gate : BaseGate or str, default SoftmaxGate()
    gate_columns, expert_columns : sequence of int, optional
        Columns of X that gate and experts see; all by default. An empty sequence is a constant gate (a mixture of
        regressions) or constant experts.
    experts : BaseExperts or str, default GaussianExperts()

    Raises
    ------
    ValueError
        Where the number of columns does not fit the parameters, the gate not so many experts, its fixed temperature
        not that of the parameters, or an array is missing or of another shape than gate and experts declare.
    """

    parameters: Parameters
    gate: Any = SoftmaxGate()  # noqa: RUF009 (an immutable value)
    gate_columns: Sequence[int] | None = None
    expert_columns: Sequence[int] | None = None
    experts: BaseExperts = GAUSSIAN

    def __post_init__(self):
        object.__setattr__(self, "gate", as_gate(self.gate))
        object.__setattr__(self, "experts", as_experts(self.experts))
        k, arrays = self.n_experts, self.parameters.arrays
        for name, part in (("gate_columns", self.gate), ("expert_columns", self.experts)):
            n_slopes = width(part, arrays, k)
            columns = getattr(self, name)
            columns = tuple(range(n_slopes)) if columns is None else tuple(int(c) for c in columns)
            if len(columns) != n_slopes:
                raise ValueError(f"{name} names {len(columns)} columns, the parameters have {n_slopes} slopes.")
            if min(columns, default=0) < 0:
                raise ValueError(f"{name} must count from 0, got {columns}: a model does not know the width of X.")
            object.__setattr__(self, name, columns)
        sizes = self.sizes
        self.gate.check(k, sizes[0].n_features)
        self.experts.check(*sizes[1])
        parts: tuple[Any, ...] = (self.gate, self.experts)
        for part, size in zip(parts, sizes, strict=True):
            check_shapes(part, size, arrays)
        fixed = self.gate.fixed(arrays)
        if fixed is not None:
            object.__setattr__(self, "parameters", replace(self.parameters, temperature=fixed))

    @cached_property
    def sizes(self) -> tuple[Size, Size]:
        """Numbers of experts, features and responses that gate and experts see."""
        k, arrays = self.n_experts, self.parameters.arrays
        outputs = next(
            (
                arrays[array.name].shape[array.axes.index(Axis.OUTPUT)]
                for array in self.experts.arrays(Size(k, 1, 2))
                if Axis.OUTPUT in array.axes and array.name in arrays and arrays[array.name].ndim == len(array.axes)
            ),
            1,
        )
        return Size(k, len(self.gate_columns or ())), Size(k, len(self.expert_columns or ()), outputs)

    @property
    def n_experts(self) -> int:
        """Number of experts."""
        return self.parameters.n_experts

    @property
    def n_outputs(self) -> int:
        """Number of columns of the response."""
        return self.sizes[1].n_outputs

    @property
    def n_features(self) -> int:
        """Smallest number of columns that X must have."""
        return max((*(self.gate_columns or ()), *(self.expert_columns or ())), default=-1) + 1

    @property
    def n_free_parameters(self) -> int:
        """Number of identified parameters: the degrees of freedom of AIC and BIC."""
        gate, experts = self.sizes
        own = (self.n_experts - self.experts.n_given) * self.experts.own_parameters(experts)
        return self.gate.symmetry_of(gate).n_free + own + self.experts.shared_parameters(experts)

    def log_density(self, X, y) -> np.ndarray:
        """Log of p(y | x) for each row.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        y : array-like, shape (n,), or (n, n_outputs) of several responses

        Returns
        -------
        ndarray, shape (n,)
            To about 1e-13 relative accuracy with Gaussian experts, also with logits of several hundred or tiny
            variances.
        """
        return self._by_block(X, y, lambda logit, f: _log_sum_exp(logit + f) - _log_sum_exp(logit))

    def responsibilities(self, X, y) -> np.ndarray:
        """Posterior probability of each expert given x and y, shape (n, k); rows sum to 1."""
        return self._by_block(X, y, lambda logit, f: _softmax(logit + f).T)

    def gate_proba(self, X) -> np.ndarray:
        """Prior probability of each expert given x, shape (n, k); rows sum to 1."""
        return self._by_block(X, None, lambda logit, f: _softmax(logit).T)

    def log_gate_proba(self, X) -> np.ndarray:
        """Log of :meth:`gate_proba`, shape (n, k), finite also where the probability underflows."""
        return self._by_block(X, None, lambda logit, f: (logit - _log_sum_exp(logit)).T)

    def expert_means(self, X) -> np.ndarray:
        """Mean of each expert, shape (n, k), of several responses (n, k, n_outputs); same unit as y."""
        own, shared = self._expert
        means = np.moveaxis(self.experts.mean(own, shared, self._expert_features(self._features(X))), 2, 0)
        return self._squeezed(means)

    def expert_variances(self, X) -> np.ndarray:
        """Variance of each expert, shape (n, k), of several responses (n, k, n_outputs); it may be infinite."""
        own, shared = self._expert
        covariance = self.experts.covariance(own, shared, self._expert_features(self._features(X)))
        return self._squeezed(np.einsum("jaan->nja", covariance))

    def expert_log_density(self, X, y) -> np.ndarray:
        """Log-density of each expert, shape (n, k)."""
        X = self._features(X)
        y = np.ascontiguousarray(self._response(y, len(X)).T)
        return self.experts.raw_log_density(self.parameters.arrays, self._expert_features(X), y).T

    def mean(self, X) -> np.ndarray:
        """Conditional mean of y given x, shape (n,), of several responses (n, n_outputs)."""
        return np.einsum("ij,ij...->i...", self.gate_proba(X), self.expert_means(X))

    def variance(self, X) -> np.ndarray:
        """Conditional variance of y given x, shape (n,) or (n, n_outputs): within plus between the experts."""
        return self._squeezed(np.einsum("iaa->ia", self.covariance(X)))

    def covariance(self, X) -> np.ndarray:
        """Conditional covariance of several responses given x, shape (n, n_outputs, n_outputs)."""
        features, proba = self._expert_features(self._features(X)), self.gate_proba(X)
        own, shared = self._expert
        means = self.experts.mean(own, shared, features)
        centred = means - np.einsum("ij,jai->ai", proba, means)
        within = self.experts.covariance(own, shared, features)
        return np.einsum("ij,jabi->iab", proba, within + centred[:, :, None] * centred[:, None])

    def predictive(self, X) -> PredictiveDistribution:
        """Distribution of y given x: quantiles, intervals, modes, scores; of several responses the marginals.

        Raises
        ------
        NotImplementedError
            Where the experts declare no distribution functions.
        """
        own, shared = self._expert
        components = self.experts.components(own, shared, self._expert_features(self._features(X)))
        log_weight, p = self.log_gate_proba(X).T, self.n_outputs
        n = log_weight.shape[1]
        return PredictiveDistribution(Mixture(np.repeat(log_weight, p, axis=1), components), (n, p)[: 1 + (p > 1)])

    def sample(self, X, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw one response for each row.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        rng : numpy.random.Generator

        Returns
        -------
        y : ndarray, shape (n,), or (n, n_outputs) of several responses
        expert : ndarray of int, shape (n,)
            The expert that each response was drawn from.
        """
        cumulative = self.gate_proba(X).T
        for before, following in pairwise(cumulative):  # np.cumsum takes five times as long
            following += before
        # Scaled by the last row: rounding may leave it below 1, and no expert beyond the last exists.
        expert = (rng.random(cumulative.shape[1]) * cumulative[-1] >= cumulative).sum(axis=0)
        own, shared = self._expert
        y = self.experts.draw(own, shared, self._expert_features(self._features(X)), expert, rng)
        return self._squeezed(y.T), expert

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
        arrays = self.gate.canonical_arrays(self.parameters.arrays, len(self.gate_columns or ()), reference, scale)
        return replace(self, parameters=Parameters(**(self.parameters.arrays | arrays)))

    @cached_property
    def _expert(self):
        """Parameters (own, shared) of the experts in the units of the data."""
        size = self.sizes[1]
        frame = ResponseFrame.identity(size.n_features, size.n_outputs)
        return self.experts.from_raw(self.parameters.arrays, frame)

    def _squeezed(self, values):
        """Leave the axis of the responses out where there is but one."""
        return values[..., 0] if self.n_outputs == 1 else values

    def _expert_features(self, X):
        return np.ascontiguousarray(X[:, list(self.expert_columns or ())].T)

    def _features(self, X):
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] < self.n_features:
            raise ValueError(
                f"X must have shape (n, >={self.n_features}), got {X.shape}; use X.reshape(-1, 1) for one feature."
            )
        check_finite(X, "X", [*(self.gate_columns or ()), *(self.expert_columns or ())])
        return X

    def _response(self, y, n):
        y, p = np.asarray(y, dtype=float), self.n_outputs
        # Experts of several responses may have a single one, as a column.
        column = self.experts.multi_output and y.shape == (n, 1)
        if y.shape != (n,) + (p,) * (p > 1) and not column:
            shape = (n,) if p == 1 else (n, p)
            raise ValueError(f"y must have shape {shape}, one response per row of X; got {y.shape}.")
        return y.reshape(n, p)

    def _by_block(self, X, y, function):
        """Concatenate ``function(log-weights, log-densities)`` of blocks of rows; no log-densities without y."""
        X = self._features(X)
        y = None if y is None else self._response(y, len(X))
        parts = [
            function(*self._block(X[lo : lo + BLOCK], None if y is None else y[lo : lo + BLOCK]))
            for lo in range(0, max(len(X), 1), BLOCK)
        ]
        return np.concatenate(parts)

    def _block(self, X, y):
        arrays, x_gate = self.parameters.arrays, np.ascontiguousarray(X[:, list(self.gate_columns or ())].T)
        logit = self.gate.raw_log_weights(arrays, x_gate)
        logit -= logit.max(axis=0, initial=-np.inf)
        if y is None:
            return logit, None
        return logit, self.experts.raw_log_density(arrays, self._expert_features(X), np.ascontiguousarray(y.T))


def _log_sum_exp(rows):
    top = rows.max(axis=0)
    return top + np.log(np.exp(rows - top).sum(axis=0))


def _softmax(rows):
    e = np.exp(rows - rows.max(axis=0))
    return e / e.sum(axis=0)
