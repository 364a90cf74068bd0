"""A penalty on absolute values, and the faces on which it is linear."""

from typing import NamedTuple

import numpy as np

from gmoe.solvers.problem.penalty import Penalty
from gmoe.solvers.problem.walls import Bound, EqualWall, FlatWall, Kind

# Values below this, in standardised units, are zero; relative size of what is rounding.
ZERO, ALIKE = 1e-9, 1e-7


class Orthant(NamedTuple):
    """Where each value has a sign, or is zero: there the penalty is linear.

    Attributes
    ----------
    equations : EqualWall or None
        Those of the fit, and of what is zero.
    penalty : Penalty
    wall : FlatWall
        Of the signs.
    """

    equations: EqualWall | None
    penalty: Penalty
    wall: FlatWall


class Absolutes:
    """``sum(weight * abs(rows @ theta - centre))``.

    Parameters
    ----------
    rows : ndarray, shape (m, P)
    centre : ndarray, shape (m,)
    weight : ndarray, shape (m,)
        Of the average log-likelihood.
    """

    def __init__(self, rows, centre, weight):
        self.rows, self.centre, self.weight = rows, centre, weight

    def at(self, theta):
        """Return what the absolute values are of, (m,)."""
        return self.rows @ theta - self.centre

    def value(self, theta) -> float:
        """Penalty at a point."""
        return float(self.weight @ np.abs(self.at(theta)))

    def gradient(self, theta):
        """Return its slopes where nothing is zero, (P,)."""
        return self.rows.T @ (self.weight * np.sign(self.at(theta)))

    def signs(self, theta):
        """Signs of the values, 0 for those that are zero, (m,)."""
        values = self.at(theta)
        return np.where(np.abs(values) <= ZERO, 0.0, np.sign(values))

    def orthant(self, signs, equations: EqualWall | None, penalty: Penalty | None) -> Orthant:
        """Return the smooth problem in which the values have these signs."""
        weight, zero, signed = self.weight * signs, signs == 0.0, signs != 0.0
        linear = Penalty.plus(penalty, self.rows.T @ weight, -float(weight @ self.centre))
        rows, offsets = signs[signed, None] * self.rows[signed], (signs * self.centre)[signed]
        wall = FlatWall(rows, offsets, [Bound(Kind.EQUATION)] * len(rows))
        return Orthant(EqualWall.joined(equations, self.rows[zero], self.centre[zero]), linear, wall)

    def is_kept(self, order, sign) -> bool:
        """Whether it is the same for ``sign * theta[order]`` as for theta."""
        rows = np.empty_like(self.rows)
        rows[:, order] = self.rows * sign
        mine, other = (np.column_stack([r, self.centre, self.weight]) for r in (self.rows, rows))
        flip = np.append(-np.ones(rows.shape[1] + 1), 1.0)
        size = np.abs(mine).max(initial=1e-300)
        return all(
            min(np.abs(mine - row).max(axis=1).min(), np.abs(mine - flip * row).max(axis=1).min()) <= ALIKE * size
            for row in other
        )
