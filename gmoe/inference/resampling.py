"""How data sets are drawn for a bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe._validation import check_choice
from gmoe.model import GMoE


@dataclass(frozen=True, eq=False)
class Sample:
    """The data of a fit, and what they are drawn by.

    Attributes
    ----------
    model : GMoE
    X, y, weight : ndarray
    strata : ndarray of int, shape (n,), or None
        Which stratum each row is of.
    """

    model: GMoE
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    strata: Any = None


def nonparametric(sample: Sample, rng: np.random.Generator) -> tuple:
    """Rows with replacement, each with its weight."""
    return _rows(sample, rng.integers(len(sample.y), size=len(sample.y)))


def stratified(sample: Sample, rng: np.random.Generator) -> tuple:
    """Rows with replacement within strata, whose sizes stay."""
    rows = np.empty(len(sample.y), dtype=np.intp)
    for stratum in range(sample.strata.max() + 1):
        members = np.flatnonzero(sample.strata == stratum)
        rows[members] = members[rng.integers(len(members), size=len(members))]
    return _rows(sample, rows)


def parametric(sample: Sample, rng: np.random.Generator) -> tuple:
    """Responses from the fitted model at the given features."""
    return sample.X, sample.model.sample(sample.X, rng)[0].reshape(sample.y.shape), sample.weight


def _rows(sample, rows):
    return sample.X[rows], sample.y[rows], sample.weight[rows]


#: Ways to draw, by name.
KINDS: dict[str, Callable] = {"nonparametric": nonparametric, "parametric": parametric, "stratified": stratified}


def resampler(kind: str, strata, n: int) -> tuple[Callable, np.ndarray | None]:
    """Return what draws, and the stratum of each row; a ValueError where they do not go together."""
    check_choice(kind, "kind", tuple(KINDS))
    draws = KINDS[kind]
    if (strata is None) == (draws is stratified):
        raise ValueError("kind='stratified' needs strata=, a label for each row, and no other kind looks at them.")
    if strata is None:
        return draws, None
    labels = np.unique(np.asarray(strata), return_inverse=True)[1]
    if len(labels) != n:
        raise ValueError(f"strata has {len(labels)} labels for {n} rows; give one for each row.")
    return draws, labels
