"""The rows of a gate for a block of data, and sums of their derivatives: where a wall needs them, not every pass."""

import numpy as np

from gmoe.gates import Gate, GateRows


def gate_rows(gate: Gate, coef, shared, x, m, curved=False) -> GateRows:
    """Logits of a block and, if asked for, their derivatives, each (n_experts, m).

    Parameters
    ----------
    gate : Gate
    coef : ndarray, shape (n_experts, 1 + n_features)
        Natural coordinates, C order.
    shared : ndarray, shape (n_shared,)
    x : ndarray, shape (n_features, >= m)
    m : int
    curved : bool
    """
    shape, none = (len(coef), m), (0, 0)
    own = shape if curved and not gate.affine else none
    bend = shape if gate.n_shared else none
    rows = GateRows(*(np.empty(size) for size in (shape, own, own, bend)))
    gate.fill(coef, shared, x, m, rows)
    return rows


class LogitSlopes:
    """Derivatives of the logits of a block in the gate's parameters, summed over the rows with given masses.

    Parameters
    ----------
    gate : Gate
    design : ndarray, shape (m, q)
        Features with a leading 1.
    rows : GateRows
    k, q : int
    """

    def __init__(self, gate, design, rows, k, q):
        m, self.shared = len(design), bool(gate.n_shared)
        self.k, self.q, self.size = k, q, k * q + gate.n_shared
        self.design, self.rows = design, rows
        self.bent = np.arange(q) >= gate.first_bent
        self.slope = rows.slope[:, :m] if rows.slope.size else None
        self.curve = rows.curve[:, :m] if rows.curve.size else None

    def own(self, j):
        """Slopes of logit j in its own row of coefficients, (m, q)."""
        if self.slope is None:
            return self.design
        return self.design * np.where(self.bent, self.slope[j][:, None], 1.0)

    def place(self, j):
        """Where the row of coefficients of expert j is."""
        return slice(j * self.q, (j + 1) * self.q)

    def mean(self, p):
        """Average slope under probabilities (k, m), (m, size)."""
        result = np.zeros((p.shape[1], self.size))
        for j in range(self.k):
            result[:, self.place(j)] = p[j][:, None] * self.own(j)
        if self.shared:
            result[:, -1] = -np.einsum("jm,jm->m", p, self.rows.bend)
        return result

    def total(self, j, mass):
        """Sum of slopes of logit j, (size,)."""
        result = np.zeros(self.size)
        result[self.place(j)] = mass @ self.own(j)
        if self.shared:
            result[-1] = -(mass @ self.rows.bend[j])
        return result

    def outer(self, j, mass, others):
        """Sum of the outer products of the slopes of logit j with other rows (m, size), (size, size)."""
        result = np.zeros((self.size, self.size))
        weighted = others * mass[:, None]
        result[self.place(j)] = self.own(j).T @ weighted
        if self.shared:
            result[-1] = -self.rows.bend[j] @ weighted
        return result

    def square(self, j, mass):
        """Sum of the outer products of the slopes of logit j with themselves, (size, size)."""
        result = np.zeros((self.size, self.size))
        own, place = self.own(j), self.place(j)
        result[place, place] = (own.T * mass) @ own
        if self.shared:
            bend = -self.rows.bend[j]
            result[place, -1] = result[-1, place] = (mass * bend) @ own
            result[-1, -1] = mass @ bend**2
        return result

    def second(self, j, mass):
        """Sum of the second derivatives of logit j, (size, size)."""
        result = np.zeros((self.size, self.size))
        if self.curve is None or self.slope is None:
            return result
        inner, place = self.design * self.bent, self.place(j)
        result[place, place] = (inner.T * (mass * self.curve[j])) @ inner
        if self.shared:
            result[place, -1] = result[-1, place] = -(mass * self.slope[j]) @ inner
            result[-1, -1] = mass @ self.rows.bend[j]
        return result
