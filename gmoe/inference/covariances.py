"""Kinds of covariance of the estimates: observed information, sandwich, clusters; and what weights count.

All are roots (r, r) of a covariance in units of the standard deviations that the observed information gives: there it
is the identity, and the sandwich is the covariance of the scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gmoe._validation import check_choice


class Weighting(NamedTuple):
    """What the weights of a fit are.

    Attributes
    ----------
    power : float
        Of a weight in the covariance of the scores. Frequencies count observations: w of them have w times the variance
        of one. A sampling weight or a precision multiplies the score of one observation, whose variance goes with its
        square.
    unit : callable, or None
        From the fit, by what the inverse observed information is multiplied; None where it says nothing.
    """

    power: float
    unit: Callable | None


WEIGHTS = {
    "frequency": Weighting(1.0, lambda result: 1.0),
    "sampling": Weighting(2.0, None),
    # Known up to a factor, and n observations are n observations.
    "precision": Weighting(2.0, lambda result: result.total_weight / result.n_rows),
}


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of the observations of a fit, in units of standard deviations.

    Attributes
    ----------
    values : ndarray, shape (n, r)
        Of one observation each, whatever its weight.
    weight : ndarray, shape (n,)
    clusters : array-like, shape (n,), or None
    """

    values: np.ndarray
    weight: np.ndarray
    clusters: Any = None


def observed(result, scores, weights: Weighting):
    """Inverse observed information, (r, r)."""
    if weights.unit is None:
        raise ValueError(
            "Sampling weights say nothing about the information in the data; use cov_type='robust' or 'clustered'."
        )
    return np.sqrt(weights.unit(result)) * np.eye(result.spread.shape[1])


def robust(result, scores, weights: Weighting):
    """Sandwich of Huber and White, without a correction for small samples (HC0)."""
    return _root(scores.values * (scores.weight ** (0.5 * weights.power))[:, None])


def clustered(result, scores, weights: Weighting):
    """Sandwich of the sums of scores over clusters, times G / (G - 1) of G clusters."""
    if scores.clusters is None:
        raise ValueError("cov_type='clustered' needs clusters=, a label for each row.")
    labels, which = np.unique(np.asarray(scores.clusters), return_inverse=True)
    if len(which) != len(scores.weight):
        raise ValueError(f"clusters has {len(which)} labels for {len(scores.weight)} rows; give one for each row.")
    if len(labels) < 2:
        raise ValueError("All rows are of one cluster; clustered standard errors need two or more, many to be right.")
    sums = np.zeros((len(labels), scores.values.shape[1]))
    np.add.at(sums, which, scores.values * scores.weight[:, None])
    return np.sqrt(len(labels) / (len(labels) - 1.0)) * _root(sums)


def _root(rows):
    """Root (r, r) of the sum of the rows' outer products."""
    values, vectors = np.linalg.eigh(rows.T @ rows)
    return vectors * np.sqrt(np.maximum(values, 0.0))


class CovType(NamedTuple):
    """A kind of covariance: what makes its root, and what that looks at."""

    root: Callable
    sees_data: bool = True
    sees_clusters: bool = False


COV_TYPES = {
    "observed": CovType(observed, sees_data=False),
    "robust": CovType(robust),
    "clustered": CovType(clustered, sees_clusters=True),
}


def chosen(cov_type: str, weights: str, clusters) -> tuple[CovType, Weighting]:
    """Return what names stand for; a ValueError for unknown ones, and for clusters that nothing looks at."""
    check_choice(cov_type, "cov_type", tuple(COV_TYPES))
    check_choice(weights, "weights", tuple(WEIGHTS))
    if clusters is not None and not COV_TYPES[cov_type].sees_clusters:
        raise ValueError(f"clusters are for cov_type='clustered', got cov_type={cov_type!r}.")
    return COV_TYPES[cov_type], WEIGHTS[weights]
