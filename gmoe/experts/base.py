"""What every family of experts answers."""

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np

from gmoe.distributions import Component
from gmoe.frames import Change, ResponseFrame
from gmoe.kernels.mixture import PRODUCTS, mixture
from gmoe.part import Part, Size
from gmoe.table import differences, flat

# Curvature of an M-step, relative to the largest, that is taken for none.
FLAT = 1e-10


class VarianceBounds(NamedTuple):
    """Least and largest log variance, and the log of the least ratio of two variances, in scaled coordinates."""

    low: float
    high: float
    ratio: float


class BaseExperts(Part):
    """Experts: a part whose numbers are log-densities of the response, ``data`` are ``(x, y)``."""

    def mix_block(self, own, shared, data, weight, m, logit, gate_rows, out, room, work, q_gate, order, sums) -> float:
        """Add what an order asks for of one block to the outputs of :func:`gmoe.kernels.mixture.mixture`.

        A family with kernels may make its log-densities where they are used, strip by strip. The weights w r of the
        observations are left in ``out`` (n_experts, >=m), unless :meth:`n_moments` says that nobody needs them.
        """
        rows = self.fill_block(own, shared, data, m, out, room, order >= PRODUCTS)
        return mixture(logit, out, *gate_rows, *rows, q_gate, own.shape[1], weight, m, work, order, *sums)

    @abstractmethod
    def mean(self, own, shared, x) -> np.ndarray:
        """Mean of each expert, (n_experts, n_outputs, m)."""

    @abstractmethod
    def covariance(self, own, shared, x) -> np.ndarray:
        """Covariance of the response of each expert, (n_experts, n_outputs, n_outputs, m)."""

    @abstractmethod
    def draw(self, own, shared, x, which, rng: np.random.Generator) -> np.ndarray:
        """One response (n_outputs, m) for each observation, from the expert ``which`` (m,) says."""

    def components(self, own, shared, x) -> tuple[Component, ...]:
        """Distributions of the experts at x, of n_experts in turn; of several responses the marginals.

        Each of rows (m n_outputs,): the responses of an observation stand together. Predictive distributions, their
        quantiles, intervals and scores, come from them.
        """
        raise NotImplementedError(
            f"{self!r} declare no distribution functions, which quantiles, intervals and scores come from; define "
            "components(own, shared, x), or make them LocationScaleExperts."
        )

    #: Compiled climb of these experts, see :mod:`gmoe.kernels.climb`; None where there are none.
    climb: Any = None

    #: Whether they describe responses of several columns.
    multi_output = False

    @property
    def follows(self) -> Change:
        """Which changes of the response leave the set of these experts as it is."""
        return Change.AFFINE

    @property
    def n_given(self) -> int:
        """How many experts, the last ones, have a given density: their parameters have no effect.

        They keep their places at the end, need no rows, and are part of every model with fewer experts.
        """
        return 0

    def scaled(self, frame: ResponseFrame | None) -> "BaseExperts":
        """Return the family in scaled coordinates, where it holds a density in the units of the data.

        None is for these units again.
        """
        return self

    @classmethod
    def named(cls, **settings) -> "BaseExperts":
        """Return the member of the settings that follow a name: numbers, texts, and by ``experts`` a family."""
        return cls(**settings)

    @classmethod
    def representatives(cls) -> "tuple[BaseExperts, ...]":
        """Members that together show all that the family can: what the tests of its contract go through."""
        return (cls(),)

    def sized(self, size: Size) -> "BaseExperts":
        """Return these experts for data of that size, where they need to know it."""
        return self

    def raw_log_density(self, arrays, x, y) -> np.ndarray:
        """Log-densities (n_experts, m) of parameter arrays in the units of the data, y (n_outputs, m)."""
        return self.value(*self.from_raw(arrays, ResponseFrame.identity(len(x), len(y))), x, y)

    def check(self, n_experts: int, n_features: int, n_outputs: int):
        """Raise a ValueError where these experts do not suit so many features and columns of the response."""
        if n_outputs != 1:
            raise ValueError(
                f"{self!r} describe one response, y has {n_outputs} columns; use experts='multivariate', or fit each "
                "column by itself."
            )

    def table_derivatives(self, own, shared, frame) -> np.ndarray:
        """Differentiate the table of raw arrays in (own.ravel(), shared), (entries, parameters)."""
        declared = self.arrays(Size(len(own), frame.features.transform.shape[1], len(frame.centre_y)))

        def entries(own, shared):
            return np.concatenate([part.ravel() for part in flat(self.to_raw(own, shared, frame), declared, len(own))])

        return differences(entries, own, shared)

    @abstractmethod
    def start(self, responsibilities, x, y) -> tuple[np.ndarray, np.ndarray]:
        """Parameters ``(own, shared)`` for soft groups.

        Parameters
        ----------
        responsibilities : ndarray, shape (m, n_experts)
            Weights of the observations in each group, positive.
        x, y : ndarray, shapes (n_features, m) and (n_outputs, m)
        """

    @abstractmethod
    def mean_columns(self, size: Size) -> np.ndarray:
        """Which of an expert's own parameters are linear coefficients of its mean, indices."""

    @abstractmethod
    def log_variance_rows(self, size: Size) -> np.ndarray | None:
        """Log variances as linear functions of an expert's own parameters, (number of variances, n_own).

        None where they are no such functions; :meth:`log_variances` says what they are then.
        """

    def log_variances(self, own, shared, size: Size) -> np.ndarray:
        """Log variances, for responses of several columns logs of the eigenvalues, (n_experts, number of them).

        One row where all experts have the same, none of experts with a given density.
        """
        rows = self.log_variance_rows(size)
        if rows is None:
            raise NotImplementedError(f"{self!r} must say what their log variances are: define log_variances.")
        return own @ rows.T

    def measures(self, own, shared) -> np.ndarray:
        """Return the unit of a step in each own parameter, (n_experts, n_own): a standard deviation for means."""
        return np.ones_like(own)

    def level(self, own) -> np.ndarray:
        """Own parameters whose variances are those of all experts together."""
        return own

    def maximise(self, own, shared, gradient, shared_gradient, bend, mass, bounds: VarianceBounds):
        """M-step: parameters ``(own, shared)`` that raise the expected log-density of the complete data.

        By default a Newton step, which may be cut; a family that has a formula says so by ``closed``.

        Parameters
        ----------
        own, shared : ndarray
        gradient, shared_gradient : ndarray, shapes (n_experts, n_own) and (n_shared,)
            Sums under the responsibilities of the first derivatives.
        bend : ndarray, shape (n_experts, b, b)
            The same of the second derivatives in own and then shared parameters.
        mass : ndarray, shape (n_experts,)
            Sums of the responsibilities.
        bounds : VarianceBounds
        """
        k, q = own.shape
        size, s = k * q, len(shared)
        slope, information = np.append(gradient, shared_gradient), np.zeros((size + s, size + s))
        for j in range(k):
            at = np.concatenate([np.arange(j * q, (j + 1) * q), np.arange(size, size + s)])
            information[np.ix_(at, at)] -= bend[j]
        values, vectors = np.linalg.eigh(information)
        floor = FLAT * max(values[-1], 1e-300)
        step = vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor) * (np.abs(values) > floor))
        return own + step[:size].reshape(k, q), shared + step[size:]

    #: Whether the variances of one response are the same at every x.
    has_constant_variances = False

    #: Whether an expert's row is (intercept, slopes, log variance), which a parameter space may bound.
    has_slopes = False

    @property
    def closed(self) -> bool:
        """Whether :meth:`maximise` finds the maximum, whatever the responsibilities."""
        return False

    def information(self, own, bend, mass) -> np.ndarray:
        """Information of the complete data by expert, positive semidefinite, (n_experts, b, b)."""
        values, vectors = np.linalg.eigh(-bend)
        return np.einsum("jab,jb,jcb->jac", vectors, np.maximum(values, 0.0), vectors)
