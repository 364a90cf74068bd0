"""The wall behind which each expert has its rows."""

import numpy as np

from gmoe.solvers.gate_rows import LogitSlopes, gate_rows
from gmoe.solvers.walls import Bound, Kind

# A share of the gate that underflowed, so that its logarithm is finite.
NOTHING = 1e-300


class RowsWall:
    """Each expert has its rows: log of its average gate probability over the least one."""

    def __init__(self, objective, least: float):
        self.objective, self.least = objective, least

    def values(self, theta):
        """See :class:`Wall`."""
        share = sum(weight @ p.T for _, weight, p, _ in self._parts(theta, curved=False))
        return np.log(np.maximum(share / self.objective.blocks.total_weight, NOTHING) / self.least)

    def bound(self, index):
        """See :class:`Wall`."""
        return Bound(Kind.ROWS, (index,), True)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        share, slopes, _ = self._derivatives(theta, which)
        return self.objective.embed((slopes / np.maximum(share, NOTHING)[:, None]).T)

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        share, slopes, curves = self._derivatives(theta, which, curved=True)
        share = np.maximum(share, NOTHING)
        scaled = slopes / share[:, None]
        inner = np.einsum("a,aij->ij", multipliers / share, curves) - (scaled.T * multipliers) @ scaled
        outer = np.zeros((self.objective.n_parameters,) * 2)
        outer[np.ix_(self.objective.gate_index, self.objective.gate_index)] = inner
        return outer

    def _parts(self, theta, curved):
        """Yield (features with a leading 1 (m, q), weights, gate probabilities (k, m), rows of the gate) by block."""
        objective = self.objective
        coef = np.ascontiguousarray(objective.split(theta)[0])
        for x, _, _, weight, m in objective.blocks.all():
            rows = gate_rows(objective.gate, coef, objective.shared(theta), x, m, curved)
            p = np.exp(rows.logit - rows.logit.max(axis=0))
            yield np.column_stack([np.ones(m), x[:, :m].T]), weight[:m], p / p.sum(axis=0), rows

    def _derivatives(self, theta, which, curved=False):
        """Shares (a,), slopes (a, Q) and, if asked for, second derivatives (a, Q, Q) in the gate's parameters.

        With l_j the logits and E = sum_l p_l dl_l: dp_j = p_j u_j with u_j = dl_j - E, and
        d2 p_j = p_j (u_j u_j' + d2 l_j - sum_l p_l (d2 l_l + dl_l dl_l') + E E').
        """
        objective = self.objective
        k, q, size = objective.n_experts, objective.q_gate, len(objective.gate_index)
        share, slopes = np.zeros(len(which)), np.zeros((len(which), size))
        curves = np.zeros((len(which), size, size))
        for design, weight, p, rows in self._parts(theta, curved=True):
            slope_of = LogitSlopes(objective.gate, design, rows, k, q)
            mean = slope_of.mean(p)
            for a, j in enumerate(which):
                w = weight * p[j]
                share[a] += w.sum()
                slopes[a] += slope_of.total(j, w) - w @ mean
                if curved:
                    cross = slope_of.outer(j, w, mean)
                    curves[a] += 2.0 * (mean.T * w) @ mean - cross - cross.T + slope_of.square(j, w)
                    curves[a] += slope_of.second(j, w)
                    for other in range(k):
                        mass = w * p[other]
                        curves[a] -= slope_of.square(other, mass) + slope_of.second(other, mass)
        return share, slopes, curves
