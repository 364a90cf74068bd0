"""Walls of variances that are no linear functions of the parameters: eigenvalues of covariances.

The smallest eigenvalue of every expert is held above a bound and above a part of the largest of all experts
(Garcia-Escudero, Gordaliza, Matran and Mayo-Iscar, 2008), the largest below a bound.  Derivatives are differences of
fourth order, so that a family says what its log variances are and nothing else.
"""

from itertools import product

import numpy as np

from gmoe.solvers.walls import Bound, Kind, variance_bounds

# Steps of differences of fourth order: their error is of the order of its fourth power, and 1e-16 over it.
STEP, BEND_STEP = 1e-3, 3e-3
# Ratio of eigenvalues from which on most of them are at a bound, and where they meet they have no slope.
EQUAL = 0.5
OFFSETS = ((1.0, 8.0 / 12.0), (-1.0, -8.0 / 12.0), (2.0, -1.0 / 12.0), (-2.0, 1.0 / 12.0))


def spread_wall(objective):
    """Return the wall of an objective; None where all log variances are linear, and in its flat wall.

    Raises
    ------
    ValueError
        For a variance ratio that makes eigenvalues equal.
    """
    experts, size = objective.experts, objective.expert_size
    if experts.log_variance_rows(size) is not None:
        return None
    if objective.space.variance_ratio > EQUAL:
        raise ValueError(
            f"variance_ratio={objective.space.variance_ratio} makes the eigenvalues of the covariances nearly equal; "
            f"{experts!r} take at most {EQUAL}. For equal ones use covariance='spherical', for one covariance of all "
            "experts covariance='tied'."
        )
    return SpreadWall(objective, variance_bounds(objective))


class SpreadWall:
    """Bounds on the smallest and largest log variance of each expert, and on their differences.

    Parameters
    ----------
    objective : Objective
    bounds : VarianceBounds
    """

    def __init__(self, objective, bounds):
        self.objective = objective
        self.low, self.high, self.ratio = bounds
        # One group of all experts where these have the same variances.
        self._one = len(self._ends(np.zeros(objective.n_parameters))) == 1
        k = 1 if self._one else objective.n_experts
        #: (coefficients of smallest and largest log variances (2 k,), offset, expert).
        found = []
        ends = np.eye(2 * k)
        if np.isfinite(self.low):
            found += [(ends[j], self.low, j) for j in range(k)]
        if np.isfinite(self.high):
            found += [(-ends[k + j], -self.high, j) for j in range(k)]
        if np.isfinite(self.ratio):
            found += [(ends[j] - ends[k + other], self.ratio, j) for j, other in product(range(k), repeat=2)]
        self._rows = np.array([row for row, *_ in found]).reshape(-1, 2 * k)
        self._offsets, self._experts = np.array([offset for _, offset, _ in found]), [j for *_, j in found]

    def values(self, theta):
        """See :class:`Wall`."""
        return self._rows @ self._ends(theta).T.ravel() - self._offsets

    def bound(self, index):
        """See :class:`Wall`."""
        experts = tuple(range(self.objective.n_experts)) if self._one else (self._experts[index],)
        return Bound(Kind.VARIANCE, experts, self._rows[index].max() > 0.0)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        slopes = np.array([self._slope(theta, t, STEP).T.ravel() for t in range(self._b)])
        return np.stack([self._placed(slope, self._rows[index]) for index in which for slope in [slopes]], axis=1)

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        weight = np.asarray(multipliers) @ self._rows[which]
        result, k = np.zeros((self.objective.n_parameters,) * 2), len(weight) // 2
        slopes = np.array([self._slope(theta, t, STEP).T.ravel() for t in range(self._b)])
        moves = np.flatnonzero(np.abs(slopes).max(axis=1) > 0.0)
        for a, t in enumerate(moves):
            for u in moves[: a + 1]:
                second = (
                    sum(c * self._slope(self._moved(theta, u, by * BEND_STEP), t, BEND_STEP) for by, c in OFFSETS)
                    / BEND_STEP
                )
                for j, value in enumerate((weight.reshape(2, k) * second.T).sum(axis=0)):
                    at = self.objective.at_expert[j]
                    result[at[t], at[u]] += value
                    if t != u:
                        result[at[u], at[t]] += value
        return result

    @property
    def _b(self):
        return self.objective.n_expert

    def _ends(self, theta):
        """Smallest and largest log variance of each expert, (k, 2), or one row for all."""
        objective = self.objective
        own, shared = objective.split(theta)[1], objective.expert_shared(theta)
        logs = objective.experts.log_variances(own, shared, objective.expert_size)
        return np.column_stack([logs.min(axis=1), logs.max(axis=1)])

    def _moved(self, theta, t, by):
        """Parameters of which derivative number t of every expert moved."""
        result = theta.copy()
        result[self.objective.at_expert[:, t]] += by
        return result

    def _slope(self, theta, t, step):
        """Derivatives of the ends in derivative number t of each expert, (k, 2)."""
        return sum(c * self._ends(self._moved(theta, t, by * step)) for by, c in OFFSETS) / step

    def _placed(self, slopes, row):
        """Gradient (P,) of a combination of the ends, from slopes (b, 2 k)."""
        result, k = np.zeros(self.objective.n_parameters), len(row) // 2
        for j in range(k):
            at = self.objective.at_expert[j]
            result[at] += slopes[:, [j, k + j]] @ row[[j, k + j]]
        return result
