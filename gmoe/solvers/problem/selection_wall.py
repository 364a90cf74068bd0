"""The walls of the cell in which every row keeps its active experts."""

import numpy as np

from gmoe.solvers.problem.gate_rows import LogitSlopes, gate_rows
from gmoe.solvers.problem.walls import Bound, Kind


class SelectionWall:
    """Each row keeps its active experts: how far the key that is nearest to the row's threshold is on its side of it.

    Parameters
    ----------
    objective : Objective
        Of a sparse gate.
    theta : ndarray, shape (P,)
        Whose selection is kept.
    """

    # Distance from a tie, in units of the keys' spread: a row on the boundary to the last digit would flip elsewhere.
    MARGIN = 1e-10
    # Step, in units of the keys' spread, of the differences that bend a threshold: their error is its square.
    STEP = 1e-5

    equal = False

    def __init__(self, objective, theta):
        self.objective, self.margin, self.unit = objective, 0.0, 1.0
        self.selection = objective.gate.selection
        keys = self._keys(theta)
        self.side = np.where(self.selection.active(keys), 1.0, -1.0)
        spread = np.sqrt(np.mean((keys - keys.mean(axis=0)) ** 2))
        gap = self.values(theta)
        self.margin = np.minimum(self.MARGIN * spread, gap)
        self.unit = max(float(spread), 1e-300)

    def values(self, theta):
        """See :class:`Wall`."""
        keys = self._keys(theta)
        threshold, _ = self.selection.thresholds(keys)
        return (np.min(self.side * (keys - threshold), axis=0) - self.margin) / self.unit

    def bound(self, index):
        """See :class:`Wall`."""
        return Bound(Kind.SELECTION)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        normals, _ = self._derivatives(theta, which, None)
        return normals

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        return self._derivatives(theta, which, multipliers)[1]

    def _keys(self, theta):
        return np.concatenate([key for _, key, *_ in self._parts(theta)], axis=1)

    def _parts(self, theta):
        """Yield (features (d, m), keys (k, m), in_score, in_logit, rows of the dense gate) by block."""
        objective = self.objective
        coef = np.ascontiguousarray(objective.split(theta)[0])
        dense = objective.gate.dense()
        for x, _, _, _, m in objective.blocks.all():
            rows = gate_rows(dense, coef, objective.shared(theta), x, m, True)
            score = coef[:, 1:] @ x[:, :m]
            key, in_score, in_logit = self.selection.by.at(score, rows.logit)
            yield x[:, :m], np.array(key), in_score, in_logit, rows

    def _derivatives(self, theta, which, multipliers):
        """Return normals (P, a) and, with multipliers, the weighted sum of second derivatives (P, P)."""
        objective = self.objective
        size = len(objective.gate_index)
        slopes, bend, start = np.zeros((size, len(which))), np.zeros((size, size)), 0
        for x, key, in_score, in_logit, rows in self._parts(theta):
            m = x.shape[1]
            mine = np.flatnonzero((which >= start) & (which < start + m))
            if mine.size:
                local = which[mine] - start
                part = type(rows)(*(field[:, local] if field.size else field for field in rows))
                rates = (np.broadcast_to(rate, key.shape)[:, local] for rate in (in_score, in_logit))
                changes = KeyChanges(objective, x[:, local], part, *rates)
                own = np.ascontiguousarray(key[:, local]), self.side[:, which[mine]]
                in_key = self._in_keys(*own)
                slopes[:, mine] = changes.total(in_key)
                if multipliers is not None:
                    bend += changes.second(in_key * multipliers[mine])
                    bend += changes.cross(self._curvature(*own) * multipliers[mine])
            start += m
        outer = np.zeros((objective.n_parameters,) * 2)
        outer[np.ix_(objective.gate_index, objective.gate_index)] = bend / self.unit
        return objective.embed(slopes / self.unit), outer

    def _in_keys(self, key, side):
        """Differentiate the distances of some rows in their keys, (k, a)."""
        threshold, in_key = self.selection.thresholds(key)
        nearest = np.argmin(side * (key - threshold), axis=0)
        return side[nearest, np.arange(key.shape[1])] * ((nearest == np.arange(len(key))[:, None]) - in_key)

    def _curvature(self, key, side):
        """Second derivatives of the distances in their keys, (k, k, a), by differences of the thresholds' slopes."""
        threshold, _ = self.selection.thresholds(key)
        nearest = np.argmin(side * (key - threshold), axis=0)
        sign = side[nearest, np.arange(key.shape[1])]
        step, result = self.STEP * self.unit, np.empty((len(key), *key.shape))
        for j in range(len(key)):
            move = np.zeros(key.shape)
            move[j] = step
            ahead, behind = (self.selection.thresholds(key + s * move)[1] for s in (1.0, -1.0))
            result[j] = -sign * (ahead - behind) / (2.0 * step)
        return result


class KeyChanges:
    """Derivatives of the keys of some rows in the gate's parameters.

    Parameters
    ----------
    objective : Objective
    x : ndarray, shape (d, a)
    rows : GateRows
        Of the dense gate.
    in_score, in_logit : ndarray, shape (k, a)
        Derivatives of the keys.
    """

    def __init__(self, objective, x, rows, in_score, in_logit):
        self.k, self.q = objective.n_experts, objective.q_gate
        self.x, self.in_score, self.in_logit = x, in_score, in_logit
        design = np.column_stack([np.ones(x.shape[1]), x.T])
        self.logit_slopes = LogitSlopes(objective.gate, design, rows, self.k, self.q)
        self.size = self.logit_slopes.size

    def of(self, j):
        """Differentiate the keys of expert j, (size, a)."""
        a = self.x.shape[1]
        result = np.zeros((self.size, a))
        for i in range(a):
            mass = np.zeros(a)
            mass[i] = self.in_logit[j, i]
            result[:, i] = self.logit_slopes.total(j, mass)
        result[j * self.q + 1 : (j + 1) * self.q] += self.in_score[j] * self.x
        return result

    def total(self, weight):
        """Weighted sum over the experts, (size, a)."""
        return sum(weight[j] * self.of(j) for j in range(self.k) if weight[j].any())

    def second(self, weight):
        """Weighted sum of second derivatives, by way of the logits, over experts and rows, (size, size)."""
        return sum(self.logit_slopes.second(j, weight[j] * self.in_logit[j]) for j in range(self.k))

    def cross(self, weight):
        """Sum of weights (k, k, a) times products of two derivatives, (size, size)."""
        every = [self.of(j) for j in range(self.k)]
        return sum(
            (every[j] * weight[j, other]) @ every[other].T
            for j in range(self.k) for other in range(self.k) if weight[j, other].any()
        ) + np.zeros((self.size, self.size))  # fmt: skip
