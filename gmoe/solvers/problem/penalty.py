"""A quadratic penalty on the average log-likelihood."""

import numpy as np

# Relative size of what is rounding: rows are derivatives, which may be differences.
ALIKE = 1e-7


class Penalty:
    """``sum(weight * (rows @ theta - centre)**2) / 2``.

    Parameters
    ----------
    rows : ndarray, shape (m, P)
    centre : ndarray, shape (m,)
    weight : ndarray, shape (m,)
        Of the average log-likelihood.
    """

    def __init__(self, rows, centre, weight):
        self.rows, self.centre, self.weight = rows, centre, weight
        #: Second derivatives, (P, P).
        self.matrix = (rows.T * weight) @ rows

    def value(self, theta) -> float:
        """Penalty at a point."""
        return 0.5 * float(self.weight @ (self.rows @ theta - self.centre) ** 2)

    def gradient(self, theta):
        """Return its slopes, (P,)."""
        return self.rows.T @ (self.weight * (self.rows @ theta - self.centre))

    def is_kept(self, order, sign) -> bool:
        """Whether it is the same for ``sign * theta[order]`` as for theta."""
        rows = np.empty_like(self.rows)
        rows[:, order] = self.rows * sign
        other = Penalty(rows, self.centre, self.weight)
        zero = np.zeros(rows.shape[1])
        changes = (other.matrix, self.matrix), (other.gradient(zero), self.gradient(zero))
        return all(np.abs(a - b).max() <= ALIKE * max(np.abs(b).max(), 1e-300) for a, b in changes)
