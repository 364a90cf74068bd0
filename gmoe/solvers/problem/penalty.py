"""A quadratic penalty on the average log-likelihood."""

from typing import Any

import numpy as np

# Relative size of what is rounding: rows are derivatives, which may be differences.
ALIKE = 1e-7


class Penalty:
    """``sum(weight * (rows @ theta - centre)**2) / 2 + slope @ theta + level``.

    Parameters
    ----------
    rows : ndarray, shape (m, P)
    centre : ndarray, shape (m,)
    weight : ndarray, shape (m,)
        Of the average log-likelihood.
    slope : ndarray, shape (P,), or 0
    level : float
    """

    def __init__(self, rows, centre, weight, slope: Any = 0.0, level=0.0):
        self.rows, self.centre, self.weight = rows, centre, weight
        self.slope, self.level = np.broadcast_to(slope, rows.shape[1:]), level
        #: Second derivatives, (P, P).
        self.matrix = (rows.T * weight) @ rows

    def value(self, theta) -> float:
        """Penalty at a point."""
        squares = 0.5 * float(self.weight @ (self.rows @ theta - self.centre) ** 2)
        return squares + float(self.slope @ theta) + self.level

    def gradient(self, theta):
        """Return its slopes, (P,)."""
        return self.rows.T @ (self.weight * (self.rows @ theta - self.centre)) + self.slope

    @classmethod
    def plus(cls, penalty: "Penalty | None", slope, level) -> "Penalty":
        """Return a penalty, or none, and a linear one."""
        if penalty is None:
            return cls(np.empty((0, len(slope))), np.empty(0), np.empty(0), slope, level)
        return cls(penalty.rows, penalty.centre, penalty.weight, penalty.slope + slope, penalty.level + level)

    def is_kept(self, order, sign) -> bool:
        """Whether it is the same for ``sign * theta[order]`` as for theta."""
        rows = np.empty_like(self.rows)
        rows[:, order] = self.rows * sign
        slope = np.empty(rows.shape[1])
        slope[order] = self.slope * sign
        other = Penalty(rows, self.centre, self.weight, slope)
        zero = np.zeros(rows.shape[1])
        changes = (other.matrix, self.matrix), (other.gradient(zero), self.gradient(zero))
        return all(np.abs(a - b).max() <= ALIKE * max(np.abs(b).max(), 1e-300) for a, b in changes)
