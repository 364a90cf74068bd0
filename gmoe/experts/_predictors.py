"""Experts whose log-densities depend on their parameters through linear predictors.

A predictor of expert j is one number for each observation: an affine function of x, or a constant.  A member writes its
log-density and the first and second derivatives in the predictors; those in the parameters are these times features.
"""

from abc import abstractmethod

import numpy as np

from gmoe._arrays import aligned
from gmoe.distributions import LocationScale, Standard
from gmoe.experts.base import BaseExperts
from gmoe.experts.gaussian import GaussianExperts
from gmoe.part import Size, dense


class PredictorExperts(BaseExperts):
    """Experts of one response by linear predictors, of which the first is the location.

    The row of an expert holds the coefficients of its predictors, one after the other. A parameter that all experts
    share is a predictor of its own.
    """

    @abstractmethod
    def spans(self, size: Size) -> tuple[int, ...]:
        """Count the coefficients of each predictor of an expert's own: 1 of a constant, else those of (1, x)."""

    @abstractmethod
    def slopes(self, predictors, y) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities (k, m) and their first derivatives in the predictors, (n_predictors, k, m).

        Parameters
        ----------
        predictors : list of ndarray
            Each of a shape that broadcasts to (k, m).
        y : ndarray, shape (m,)
        """

    @abstractmethod
    def curves(self, predictors, y) -> dict[tuple[int, int], np.ndarray]:
        """Second derivatives (k, m) of the log-densities in two predictors (s, t), for s >= t."""

    def own_parameters(self, size):
        return sum(self.spans(size))

    def segments(self, size):
        counts = np.array([*self.spans(size), *[1] * self.shared_parameters(size)])
        number = np.arange(len(counts))
        return np.column_stack([number, np.zeros_like(number), counts, np.cumsum(counts)])

    def n_held(self, size):
        return len(self.segments(size))

    def room(self, size, length):
        segments = self.segments(size)
        return aligned(len(segments), size.n_experts, length), segments

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        (design, y), (factors, segments) = data, room
        out[:, :m], factors[:, :, :m] = self.slopes(_predictors(own, shared, design[:, :m], segments), y[0, :m])
        return factors, design[None], segments

    def bend_block(self, own, shared, data, m, weight, out, room):
        (design, y), (_, segments) = data, room
        design = design[:, :m]
        ends = segments[:, 3]
        for (s, t), curve in self.curves(_predictors(own, shared, design, segments), y[0, :m]).items():
            left, right = design[: segments[s, 2]], design[: segments[t, 2]]
            rows, columns = slice(ends[s] - len(left), ends[s]), slice(ends[t] - len(right), ends[t])
            for j, force in enumerate(weight[:, :m] * curve):
                out[j, rows, columns] += (left * force) @ right.T

    def value(self, own, shared, x, y):
        return self._alone(own, shared, x, y)[1]

    def jacobian(self, own, shared, x, y):
        rows, out = self._alone(own, shared, x, y)
        return dense(rows, len(out))

    def curvature(self, own, shared, weight, x, y):
        out = np.zeros((len(own), *[own.shape[1] + len(shared)] * 2))
        room = self.room(Size(len(own), len(x)), y.shape[1])
        self.bend_block(own, shared, (_design(x), y), y.shape[1], weight, out, room)
        lower = np.tril(out)
        return lower + np.swapaxes(np.tril(lower, -1), 1, 2)

    def _alone(self, own, shared, x, y):
        out, m = np.empty((len(own), y.shape[1])), y.shape[1]
        room = self.room(Size(len(own), len(x)), m)
        (factors, *rest) = self.fill_block(own, shared, (_design(x), y), m, out, room)
        return (factors[:, :, :m], *rest), out

    def predictors(self, own, shared, x):
        """Predictors at x (n_features, m), each of a shape that broadcasts to (k, m)."""
        return _predictors(own, shared, _design(x), self.segments(Size(len(own), len(x))))

    def mean(self, own, shared, x):
        location = self.predictors(own, shared, x)[0]
        return np.broadcast_to(location, (len(own), x.shape[1]))[:, None]

    @abstractmethod
    def standard(self, shared) -> Standard:
        """Distribution of standardised residuals under shared parameters."""

    def components(self, own, shared, x):
        location, log_square = self.predictors(own, shared, x)[:2]
        shape = len(own), x.shape[1]
        scale = np.exp(0.5 * log_square)
        return (LocationScale(self.standard(shared), *(np.broadcast_to(a, shape) for a in (location, scale))),)

    def mean_columns(self, size):
        return np.arange(size.n_features + 1)

    def scales(self, own, shared, x):
        """Squares of the scale of each expert, (k, m) or (k, 1): what a standardised residual is divided by."""
        return np.exp(self.predictors(own, shared, x)[1])

    def maximise(self, own, shared, gradient, shared_gradient, bend, mass, bounds):
        """Newton step of location and scale apart: see :meth:`information`."""
        apart = self._apart(own, bend)
        return super().maximise(own, shared, gradient, shared_gradient, apart, mass, bounds)

    def information(self, own, bend, mass):
        """Of location and scale apart, as in expectation: a density symmetric about its location has no other."""
        return super().information(own, self._apart(own, bend), mass)

    def _apart(self, own, bend):
        result, q = bend.copy(), self.n_location(own)
        result[:, :q, q:] = 0.0
        result[:, q:, :q] = 0.0
        return result

    @abstractmethod
    def n_location(self, own) -> int:
        """Count the coefficients of the location among the own parameters (k, n_own)."""


def regressions(responsibilities, x, y):
    """Weighted least squares of each group: coefficients (k, 1 + n_features) and log variances (k,)."""
    own, _ = GaussianExperts().start(responsibilities, x, y)
    return own[:, :-1], own[:, -1]


def _predictors(own, shared, design, segments):
    found = []
    for _, _, count, end in segments:
        if end <= own.shape[1]:
            part = own[:, end - count : end]
            found.append(part if count == 1 else part @ design[:count])
        else:
            found.append(shared[end - own.shape[1] - 1 : end - own.shape[1], None])
    return found


def _design(x):
    return np.vstack([np.ones(x.shape[1]), x])
