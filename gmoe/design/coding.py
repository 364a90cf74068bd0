"""Codings of a category of k levels: a matrix (k, k - 1) of full column rank beside a constant."""

from collections.abc import Callable, Sequence

import numpy as np

Coding = Callable[[Sequence], tuple[np.ndarray, list]]


def treatment(levels: Sequence) -> tuple[np.ndarray, list]:
    """Each level against the first: 1 where it holds."""
    return np.eye(len(levels))[:, 1:], list(levels[1:])


def sum_to_zero(levels: Sequence) -> tuple[np.ndarray, list]:
    """Each level but the last against the mean of all levels; the last is minus the sum of the others."""
    others = len(levels) - 1
    return np.vstack([np.eye(others), -np.ones((1, others))]), list(levels[:-1])


CODINGS: dict[str, Coding] = {"treatment": treatment, "sum": sum_to_zero}
