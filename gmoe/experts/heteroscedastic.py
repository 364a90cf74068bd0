"""Gaussian experts whose log variance is an affine function of x."""

from dataclasses import dataclass

import numpy as np

from gmoe.distributions import NORMAL
from gmoe.experts._one_scale import FAR
from gmoe.experts._predictors import PredictorExperts, regressions
from gmoe.kernels.gaussian import LOG_2_PI
from gmoe.part import Array, Axis

# Standard deviations of a feature on both sides of its mean, at which the parameter space bounds variances.
REACH = 2.0
# Longest slope of the log variance, per standard deviation of the features, of a start.
STEEPEST = 0.5
NONE = np.empty(0)


@dataclass(frozen=True)
class HeteroscedasticExperts(PredictorExperts):
    """N(y | intercept_j + coef_j . x, exp(log_variance_intercept_j + log_variance_coef_j . x)).

    Multiplicative heteroscedasticity (Harvey, 1976, Econometrica 44).

    Notes
    -----
    The row of expert j is (intercept, coef, log_variance_intercept, log_variance_coef).

    A variance that falls along x may be as small as it likes at one far row, so that the likelihood is unbounded where
    nothing bounds its slope. Bounds of the parameter space on variances, and on their ratio, hold at two standard
    deviations of each (whitened) feature on both sides of its mean, for all experts together. They are linear in the
    parameters, do not move with the data's extremes, and a bound on the ratio bounds the slope: the default ratio of
    1e-4 allows a variance that changes by a factor of 10 with each standard deviation. A ratio of 1 makes variances
    constant in x, and equal.
    """

    def spans(self, size):
        return size.n_features + 1, size.n_features + 1

    def slopes(self, predictors, y):
        mean, log_variance = predictors
        log_variance = np.clip(log_variance, -FAR, FAR)
        inverse = np.exp(-0.5 * log_variance)
        # Clipped where the square would overflow: such a density is 0 either way.
        z = np.clip((y - mean) * inverse, -1e150, 1e150)
        half = 0.5 * z * z
        return -half - 0.5 * (log_variance + LOG_2_PI), np.stack([z * inverse, half - 0.5])

    def curves(self, predictors, y):
        mean, log_variance = predictors
        inverse = np.exp(-0.5 * np.clip(log_variance, -FAR, FAR))
        z = np.clip((y - mean) * inverse, -1e150, 1e150)
        return {(0, 0): -(inverse**2), (1, 0): -z * inverse, (1, 1): -0.5 * z * z}

    def standard(self, shared):
        return NORMAL

    def covariance(self, own, shared, x):
        return np.broadcast_to(self.scales(own, shared, x)[:, None, None], (len(own), 1, 1, x.shape[1]))

    def draw(self, own, shared, x, which, rng):
        design = np.vstack([np.ones(x.shape[1]), x])
        q = len(design)
        mean, log_variance = (np.einsum("mq,qm->m", part[which], design) for part in (own[:, :q], own[:, q:]))
        return (mean + np.exp(0.5 * log_variance) * rng.standard_normal(len(which)))[None]

    def start(self, responsibilities, x, y):
        """Least squares, and one step of scoring from a constant variance, of bounded length."""
        coef, level = regressions(responsibilities, x, y)
        log_variance = np.zeros_like(coef)
        log_variance[:, 0] = level
        design, r = np.vstack([np.ones(x.shape[1]), x]), responsibilities
        square = (y - coef @ design) ** 2 * np.exp(-level)[:, None]
        moments = np.einsum("ij,ai,bi->jab", r, design, design, optimize=True)
        target = np.einsum("ij,ji,ai->ja", r, square - 1.0, design, optimize=True)
        step = np.einsum("jab,jb->ja", np.linalg.pinv(moments, rcond=1e-10, hermitian=True), target)
        size = np.linalg.norm(step[:, 1:], axis=1, keepdims=True)
        log_variance[:, 1:] = step[:, 1:] * np.minimum(1.0, STEEPEST / np.maximum(size, 1e-300))
        return np.column_stack([coef, log_variance]), NONE

    def n_location(self, own):
        return own.shape[1] // 2

    def log_variance_rows(self, size):
        """At some standard deviations of each feature, to both sides of the mean."""
        q = size.n_features + 1
        at = np.zeros((max(2 * size.n_features, 1), 2 * q))
        at[:, q] = 1.0
        for t in range(size.n_features):
            at[2 * t : 2 * t + 2, q + 1 + t] = REACH, -REACH
        return at

    def measures(self, own, shared):
        result, q = np.ones_like(own), own.shape[1] // 2
        result[:, :q] = np.exp(0.5 * own[:, q : q + 1])
        return result

    def level(self, own):
        result, q = own.copy(), own.shape[1] // 2
        result[:, q] = np.log(np.mean(np.exp(own[:, q])))
        result[:, q + 1 :] = 0.0
        return result

    def arrays(self, size):
        return (
            Array("intercept", (Axis.EXPERT,)),
            Array("coef", (Axis.EXPERT, Axis.FEATURE)),
            Array("log_variance_intercept", (Axis.EXPERT,)),
            Array("log_variance_coef", (Axis.EXPERT, Axis.FEATURE)),
        )

    def to_raw(self, own, shared, frame):
        q = own.shape[1] // 2
        intercept, coef = frame.raw_means(own[:, :1], own[:, None, 1:q])
        slopes = own[:, q + 1 :] @ frame.features.transform
        return {
            "intercept": intercept[:, 0],
            "coef": coef[:, 0],
            "log_variance_intercept": own[:, q] - slopes @ frame.features.centre + 2.0 * np.log(frame.colour[0, 0]),
            "log_variance_coef": slopes,
        }

    def from_raw(self, arrays, frame):
        intercept, coef = frame.scaled_means(arrays["intercept"][:, None], arrays["coef"][:, None])
        slopes = arrays["log_variance_coef"]
        level = arrays["log_variance_intercept"] + slopes @ frame.features.centre + 2.0 * np.log(frame.whiten[0, 0])
        return np.column_stack([intercept, coef[:, 0], level, slopes @ frame.features.inverse]), NONE
