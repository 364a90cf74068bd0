"""Walls of variances that are no linear functions of the parameters: eigenvalues of covariances.

The smallest eigenvalue of every expert is held above a bound and above a part of the largest of all experts
(Garcia-Escudero, Gordaliza, Matran and Mayo-Iscar, 2008), the largest below a bound.  Derivatives are differences of
fourth order, so that a family says what its log variances are and nothing else.
"""

from itertools import product

import numpy as np

from gmoe.solvers.problem.walls import Bound, Kind, variance_bounds

# Steps of differences of fourth order: their error is of the order of its fourth power, and 1e-16 over it.
STEP, BEND_STEP = 1e-3, 3e-3
# Ratio of eigenvalues from which on most of them are at a bound, and where they meet they have no slope.
EQUAL = 0.5
POINTS, FACTORS = np.array([1.0, -1.0, 2.0, -2.0]), np.array([8.0, -8.0, -1.0, 1.0]) / 12.0


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

    equal = False

    def __init__(self, objective, bounds):
        self.objective = objective
        self.low, self.high, self.ratio = bounds
        # Derivatives that variances depend on, places of these by expert, and steps along each of them.
        moves = np.setdiff1d(np.arange(objective.n_expert), objective.mean_columns)
        self._places = objective.at_expert[:, moves].T
        self._lines = POINTS[None, :, None] * np.eye(objective.n_expert)[moves][:, None]
        # One group of all experts where these have the same variances.
        self._one = self._here(np.zeros(objective.n_parameters)).shape[1] == 1
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
        return self._rows @ self._here(theta).ravel() - self._offsets

    def bound(self, index):
        """See :class:`Wall`."""
        experts = tuple(range(self.objective.n_experts)) if self._one else (self._experts[index],)
        return Bound(Kind.VARIANCE, experts, self._rows[index].max() > 0.0)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        slopes = np.einsum("e,tegj->tgj", FACTORS / STEP, self._moved(theta, STEP * self._lines))
        result = np.zeros((self.objective.n_parameters, len(which)))
        for t, place in enumerate(self._places):
            by_expert = self._rows[which].reshape(len(which), 2, -1) * slopes[t]
            np.add.at(result, place[: by_expert.shape[2]], by_expert.sum(axis=1).T)
        return result

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        weight = (np.asarray(multipliers) @ self._rows[which]).reshape(2, -1)
        n, m = len(self._places), len(POINTS)
        steps = self._lines[:, :, None, None] + self._lines
        ends = self._moved(theta, BEND_STEP * steps.reshape(n * m, n * m, -1)).reshape(n, m, n, m, *weight.shape)
        second = np.einsum("e,f,teufgj,gj->tuj", FACTORS, FACTORS, ends, weight, optimize=True) / BEND_STEP**2
        result = np.zeros((self.objective.n_parameters,) * 2)
        for j in range(weight.shape[1]):
            at = [place[j] for place in self._places]
            result[np.ix_(at, at)] += second[:, :, j]
        return result

    def _ends(self, own, shared):
        """Smallest and largest log variance of rows of own parameters, (2, rows), or one for all."""
        logs = self.objective.experts.log_variances(own, shared, self.objective.expert_size)
        return np.stack([logs.min(axis=1), logs.max(axis=1)])

    def _here(self, theta):
        return self._ends(self.objective.split(theta)[1], self.objective.expert_shared(theta))

    def _moved(self, theta, steps):
        """Find the ends where every expert has moved by steps (a, b, derivatives), (a, b, 2, k)."""
        objective, flat = self.objective, steps.reshape(-1, steps.shape[2])
        own, shared = objective.split(theta)[1], objective.expert_shared(theta)
        q = own.shape[1]
        if not len(shared):
            ends = self._ends((own + flat[:, None]).reshape(-1, q), shared).reshape(2, len(flat), -1).swapaxes(0, 1)
        else:
            ends = np.stack([self._ends(own + step[:q], shared + step[q:]) for step in flat])
        return ends.reshape(*steps.shape[:2], 2, -1)
