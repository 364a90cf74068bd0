"""Regressions with errors of any one density: a member writes that density alone."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gmoe.distributions import Standard
from gmoe.experts._one_scale import FAR, NONE, OneScaleExperts
from gmoe.experts._predictors import PredictorExperts, regressions


class LocationScaleExperts(OneScaleExperts, PredictorExperts):
    """Experts of which ``(y - intercept_j - coef_j . x) / scale_j`` has one density, of mean 0, the same for all.

    A member writes :meth:`log_density`, ``variance`` and :meth:`errors`.

    Attributes
    ----------
    variance : float
        Of that density; the variance of expert j is ``variance * scale_j**2``.

    Notes
    -----
    The row of expert j is (intercept, coef, 2 log scale). Bounds of the parameter space on variances hold for the
    squares of the scales.
    """

    variance: float
    scale_name, scale_power = "scale", 1

    @abstractmethod
    def log_density(self, z) -> Iterator[np.ndarray]:
        """Yield the log-density at z (k, m), its first, and its second derivative."""

    @abstractmethod
    def errors(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw (n,) errors of scale 1."""

    def standard(self, shared):
        """Distribution of the errors: by quadrature of their density, unless a member returns one of its own."""
        return _Errors(self)

    def spans(self, size):
        return size.n_features + 1, 1

    def _standardised(self, predictors, y):
        location, log_square = predictors
        log_square = np.clip(log_square, -FAR, FAR)
        inverse = np.exp(-0.5 * log_square)
        # Clipped where a square would overflow: such a density is 0 either way.
        return log_square, inverse, np.clip((y - location) * inverse, -1e150, 1e150)

    def slopes(self, predictors, y):
        log_square, inverse, z = self._standardised(predictors, y)
        derivatives = self.log_density(z)
        value, slope = next(derivatives), next(derivatives)
        return value - 0.5 * log_square, np.stack([-slope * inverse, -0.5 * (slope * z + 1.0)])

    def curves(self, predictors, y):
        _, inverse, z = self._standardised(predictors, y)
        _, slope, curve = self.log_density(z)
        turn = slope + curve * z
        return {(0, 0): curve * inverse**2, (1, 0): 0.5 * turn * inverse, (1, 1): 0.25 * turn * z}

    def covariance(self, own, shared, x):
        square = self.variance * self.scales(own, shared, x)
        return np.broadcast_to(square[:, None, None], (len(own), 1, 1, x.shape[1]))

    def draw(self, own, shared, x, which, rng):
        location = own[which, 0] + np.einsum("md,dm->m", own[which, 1:-1], x)
        return (location + np.exp(0.5 * own[which, -1]) * self.errors(len(which), rng))[None]

    def start(self, responsibilities, x, y):
        """Least squares, and the scale that has the variance of the residuals."""
        coef, log_variance = regressions(responsibilities, x, y)
        return np.column_stack([coef, log_variance - np.log(self.variance)]), NONE

    def n_location(self, own):
        return own.shape[1] - 1


@dataclass(frozen=True)
class _Errors(Standard):
    """What the density says of the errors."""

    experts: LocationScaleExperts

    def log_density(self, z):
        return next(self.experts.log_density(z))

    def slope(self, z):
        derivatives = self.experts.log_density(z)
        next(derivatives)
        return next(derivatives)
