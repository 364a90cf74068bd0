"""Student t experts: regressions that outliers do not pull."""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from gmoe._validation import check_positive
from gmoe.distributions import StudentT
from gmoe.experts._one_scale import FAR, NONE, OneScaleExperts
from gmoe.experts._predictors import PredictorExperts, regressions
from gmoe.part import Array

ESTIMATE = "estimate"
# Range of estimated degrees of freedom: the Cauchy density, and one that a sample hardly tells from the Gaussian.
LEAST, MOST = 1.0, 200.0
# Part of the (logarithmic) range that is its end: 0.5 % of the degrees of freedom.
AT_END = 1e-3


@dataclass(frozen=True)
class StudentExperts(OneScaleExperts, PredictorExperts):
    """Student t: ``(y - intercept_j - coef_j . x) / sqrt(scale_squared_j)`` has the t distribution.

    Residuals of many scales weigh little, so that outliers do not move the estimates (Lange, Little and Taylor, 1989,
    JASA 84; mixtures: Peel and McLachlan, 2000, Statistics and Computing 10).

    The square of the scale is not the variance, which is ``scale_squared * df / (df - 2)``, and infinite for df <= 2;
    with df <= 1 there is no mean either, and what stands for it is the median. Bounds of the parameter space on
    variances hold for the squares of the scales.

    Parameters
    ----------
    df : float or "estimate", default 4.0
        Degrees of freedom: positive; or one number for all experts, estimated within 1 and 200.

    Raises
    ------
    TypeError, ValueError
        For other degrees of freedom.

    Notes
    -----
    The row of expert j is (intercept, coef, log scale_squared). Estimated degrees of freedom are shared, in the
    coordinate logit of (log df - log 1) / (log 200 - log 1). The likelihood may rise up to an end of their range:
    data with Gaussian noise have no other maximum, and df is then reported without a standard error.
    """

    df: float | str = 4.0
    scale_name, scale_power = "scale_squared", 2

    def __post_init__(self):
        if self.df != ESTIMATE:
            if isinstance(self.df, str):
                raise ValueError(f"df must be a positive number or {ESTIMATE!r}, got {self.df!r}.")
            object.__setattr__(self, "df", check_positive(self.df, "df"))

    @classmethod
    def representatives(cls):
        return cls(5.0), cls(ESTIMATE)

    @property
    def estimated(self) -> bool:
        """Whether the degrees of freedom are a parameter."""
        return self.df == ESTIMATE

    def degrees(self, shared) -> float:
        """Degrees of freedom under shared parameters."""
        return float(self.df) if not self.estimated else float(_degrees(shared[0])[0])

    def spans(self, size):
        return size.n_features + 1, 1

    def shared_parameters(self, size):
        return int(self.estimated)

    def _residuals(self, predictors, y):
        location, log_square, *free = predictors
        df, *change = _degrees(free[0].item()) if free else (float(self.df),)
        inverse = np.exp(-0.5 * np.clip(log_square, -FAR, FAR))
        # Clipped where the square would overflow.
        z = np.clip((y - location) * inverse, -1e150, 1e150)
        return log_square, inverse, z, z * z, df, change

    def slopes(self, predictors, y):
        log_square, inverse, z, square, df, change = self._residuals(predictors, y)
        tail = np.log1p(square / df)
        # Of an observation in the least squares that the location solves.
        weight = (df + 1.0) / (df + square)
        value = -scipy.special.betaln(0.5 * df, 0.5) - 0.5 * np.log(df) - 0.5 * log_square - 0.5 * (df + 1.0) * tail
        first = [weight * z * inverse, 0.5 * (weight * square - 1.0)]
        if change:
            first.append(change[0] * _in_degrees(df, square, tail))
        return value, np.stack(first)

    def curves(self, predictors, y):
        _, inverse, z, square, df, change = self._residuals(predictors, y)
        total = df + square
        weight = (df + 1.0) / total
        found = {
            (0, 0): weight * inverse**2 * (square - df) / total,
            (1, 0): -weight * z * inverse * df / total,
            (1, 1): -0.5 * weight * square * df / total,
        }
        if change:
            first, second = change
            tail = np.log1p(square / df)
            # Derivative of the weight in the degrees of freedom.
            faster = first * (square - 1.0) / total / total
            half = (
                0.25 * (scipy.special.polygamma(1, 0.5 * df + 0.5) - scipy.special.polygamma(1, 0.5 * df)) + 0.5 / df**2
            )
            bent = (1.0 / df - 1.0 / df**2 - (1.0 + 1.0 / df) / total) * square / total
            own = half + 0.5 * bent
            found[2, 0] = faster * z * inverse
            found[2, 1] = 0.5 * faster * square
            found[2, 2] = first**2 * own + second * _in_degrees(df, square, tail)
        return found

    def standard(self, shared):
        return StudentT(self.degrees(shared))

    def covariance(self, own, shared, x):
        """Covariance (k, 1, 1, m): infinite for df <= 2."""
        df = self.degrees(shared)
        factor = df / (df - 2.0) if df > 2.0 else np.inf
        return np.broadcast_to(factor * self.scales(own, shared, x)[:, None, None], (len(own), 1, 1, x.shape[1]))

    def draw(self, own, shared, x, which, rng):
        location = own[which, 0] + np.einsum("md,dm->m", own[which, 1:-1], x)
        return (location + np.exp(0.5 * own[which, -1]) * rng.standard_t(self.degrees(shared), len(which)))[None]

    def start(self, responsibilities, x, y):
        """Least squares, and the scale that goes with its variance for ten degrees of freedom."""
        coef, log_variance = regressions(responsibilities, x, y)
        shared = (
            np.array([scipy.special.logit(np.log(10.0 / LEAST) / np.log(MOST / LEAST))]) if self.estimated else NONE
        )
        df = max(self.degrees(shared), 4.0)
        return np.column_stack([coef, log_variance + math.log(1.0 - 2.0 / df)]), shared

    def n_location(self, own):
        return own.shape[1] - 1

    def at_end(self, shared):
        part = scipy.special.expit(shared)
        return (part < AT_END) | (part > 1.0 - AT_END)

    def arrays(self, size):
        return (*super().arrays(size), *([Array("df", (), positive=True)] if self.estimated else []))

    def to_raw(self, own, shared, frame):
        found = super().to_raw(own, shared, frame)
        return found | ({"df": np.array(self.degrees(shared))} if self.estimated else {})

    def from_raw(self, arrays, frame):
        own, _ = super().from_raw(arrays, frame)
        return own, np.array([_coordinate(float(arrays["df"]))]) if self.estimated else NONE


def _degrees(coordinate):
    """Degrees of freedom within their range, and their first and second derivatives in the coordinate."""
    length = math.log(MOST / LEAST)
    part = float(scipy.special.expit(coordinate))
    df, slope = LEAST * math.exp(length * part), length * part * (1.0 - part)
    return df, df * slope, df * slope * (slope + 1.0 - 2.0 * part)


def _coordinate(df):
    if not LEAST <= df <= MOST:
        raise ValueError(f"df must lie within {LEAST:g} and {MOST:g}, got {df}; StudentExperts(df={df}) holds others.")
    part = math.log(df / LEAST) / math.log(MOST / LEAST)
    # The ends are at infinity.
    return float(scipy.special.logit(min(max(part, 1e-15), 1.0 - 1e-15)))


def _in_degrees(df, square, tail):
    """Differentiate the log-density in the degrees of freedom."""
    constant = scipy.special.digamma(0.5 * df + 0.5) - scipy.special.digamma(0.5 * df) - 1.0 / df
    return 0.5 * (constant - tail + (1.0 + 1.0 / df) * square / (df + square))
