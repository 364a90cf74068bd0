"""The walls of the cell in which every row keeps its active experts."""

import numpy as np

from gmoe.solvers.gate_rows import LogitSlopes, gate_rows
from gmoe.solvers.walls import Bound, Kind


class SelectionWall:
    """Each row keeps its active experts: least key of those that are active minus the largest of the others.

    Parameters
    ----------
    objective : Objective
        Of a sparse gate.
    theta : ndarray, shape (P,)
        Whose selection is kept.
    """

    # Distance from a tie, in units of the keys' spread: a row on the boundary to the last digit would flip elsewhere.
    MARGIN = 1e-10

    def __init__(self, objective, theta):
        self.objective, self.margin, self.unit = objective, 0.0, 1.0
        k, n_active = objective.n_experts, objective.gate.n_active
        keys = np.concatenate([key for _, key, *_ in self._parts(theta)], axis=1)
        order = np.argsort(-keys, axis=0, kind="stable")  # ties: lower index, as the kernels
        self.active = np.zeros((k, keys.shape[1]), bool)
        np.put_along_axis(self.active, order[:n_active], True, axis=0)
        spread = np.sqrt(np.mean((keys - keys.mean(axis=0)) ** 2))
        gap = self.values(theta)
        self.margin = np.minimum(self.MARGIN * spread, gap)
        self.unit = max(float(spread), 1e-300)

    def values(self, theta):
        """See :class:`Wall`."""
        gap, _, _ = self._gap(theta)
        return (gap - self.margin) / self.unit

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

    def _gap(self, theta):
        keys = np.concatenate([key for _, key, *_ in self._parts(theta)], axis=1)
        low = np.where(self.active, keys, np.inf)
        high = np.where(self.active, -np.inf, keys)
        last, following = low.argmin(axis=0), high.argmax(axis=0)
        columns = np.arange(keys.shape[1])
        return low[last, columns] - high[following, columns], last, following

    def _parts(self, theta):
        """Yield (features (d, m), keys (k, m), in_score, in_logit, rows of the dense gate) by block."""
        objective = self.objective
        coef = np.ascontiguousarray(objective.split(theta)[0])
        dense = objective.gate.dense()
        for x, _, _, _, m in objective.blocks.all():
            rows = gate_rows(dense, coef, objective.shared(theta), x, m, True)
            score = coef[:, 1:] @ x[:, :m]
            key, in_score, in_logit = objective.gate.keys(score, rows.logit)
            yield x[:, :m], np.array(key, dtype=float), in_score, in_logit, rows

    def _derivatives(self, theta, which, multipliers):
        """Return normals (P, a) and, with multipliers, the weighted sum of second derivatives (P, P)."""
        objective, gate = self.objective, self.objective.gate
        k, q = objective.n_experts, objective.q_gate
        size = k * q + gate.n_shared
        _, last, following = self._gap(theta)
        slopes, bend, start = np.zeros((size, len(which))), np.zeros((size, size)), 0
        for x, _, in_score, in_logit, rows in self._parts(theta):
            m = x.shape[1]
            mine = np.flatnonzero((which >= start) & (which < start + m))
            local = which[mine] - start
            part = type(rows)(*(field[:, local] if field.size else field for field in rows))
            design = np.column_stack([np.ones(len(local)), x[:, local].T])
            slope_of = LogitSlopes(gate, design, part, k, q)
            score_rate, logit_rate = (
                np.broadcast_to(rate, (k, m))[:, local] for rate in (np.asarray(in_score), np.asarray(in_logit))
            )
            for a, (column, sign) in ((a, pair) for a in range(len(local)) for pair in enumerate((1.0, -1.0))):
                j = (last, following)[column][which[mine[a]]]
                mass = np.zeros(len(local))
                mass[a] = sign * logit_rate[j, a]
                slopes[:, mine[a]] += slope_of.total(j, mass)
                slopes[j * q + 1 : (j + 1) * q, mine[a]] += sign * score_rate[j, a] * x[:, local[a]]
                if multipliers is not None:
                    bend += slope_of.second(j, mass * multipliers[mine[a]])
            start += m
        outer = np.zeros((objective.n_parameters,) * 2)
        outer[np.ix_(objective.gate_index, objective.gate_index)] = bend / self.unit
        return objective.embed(slopes / self.unit), outer
