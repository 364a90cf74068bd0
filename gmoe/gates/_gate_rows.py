"""What a gate by scores knows about a block of data."""

from typing import NamedTuple

import numpy as np


class GateRows(NamedTuple):
    """Arrays (n_experts, >= m), or (0, 0) where not wanted.

    ``slope`` and ``curve`` are the first and second derivative of the logit in the activation's argument, ``bend`` is
    the part of the logit that the temperature divides.
    """

    logit: np.ndarray
    slope: np.ndarray
    curve: np.ndarray
    bend: np.ndarray

    @classmethod
    def of(cls, logit):
        """Logits alone."""
        empty = np.empty((0, 0))
        return cls(logit, empty, empty, empty)


def without_intercept(coef):
    """Return coefficients of the scores: those with intercepts 0."""
    result = coef.copy()
    result[:, 0] = 0.0
    return result
