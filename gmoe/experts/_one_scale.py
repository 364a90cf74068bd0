"""What experts of one response with an affine location and one scale have in common, whatever their density."""

import numpy as np

from gmoe.experts.base import BaseExperts
from gmoe.part import Array, Axis

NONE = np.empty(0)

# Largest log scale, of which exponentials are finite: no unit of the data has a larger one, only a wild trial step.
FAR = 690.0


class OneScaleExperts(BaseExperts):
    """Experts whose row is (intercept, coef, log of the square of the scale).

    Attributes
    ----------
    scale_name : str
        Name of the array of scales.
    scale_power : int
        1 where it holds scales, 2 where their squares.
    """

    has_constant_variances = True

    scale_name: str
    scale_power: int

    def log_variance_rows(self, size):
        """Of the squares of the scales."""
        return np.eye(size.n_features + 2)[-1:]

    def measures(self, own, shared):
        result = np.ones_like(own)
        result[:, :-1] = np.exp(0.5 * np.clip(own[:, -1:], -FAR, FAR))
        return result

    def level(self, own):
        result = own.copy()
        result[:, -1] = np.log(np.mean(np.exp(own[:, -1])))
        return result

    def arrays(self, size):
        return (
            Array("intercept", (Axis.EXPERT,)),
            Array("coef", (Axis.EXPERT, Axis.FEATURE)),
            Array(self.scale_name, (Axis.EXPERT,), positive=True),
        )

    def to_raw(self, own, shared, frame):
        intercept, coef = frame.raw_means(own[:, :1], own[:, None, 1:-1])
        power = self.scale_power
        scale = frame.colour[0, 0] ** power * np.exp(0.5 * power * own[:, -1])
        return {"intercept": intercept[:, 0], "coef": coef[:, 0], self.scale_name: scale}

    def from_raw(self, arrays, frame):
        intercept, coef = frame.scaled_means(arrays["intercept"][:, None], arrays["coef"][:, None])
        power = self.scale_power
        log_scale = np.log(arrays[self.scale_name] * frame.whiten[0, 0] ** power)
        return np.column_stack([intercept, coef[:, 0], 2.0 / power * log_scale]), NONE
