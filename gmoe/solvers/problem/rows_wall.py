"""The wall behind which each expert has its rows."""

import numpy as np

from gmoe.kernels import gate_share
from gmoe.solvers.problem.walls import Bound, Kind

# A share of the gate that underflowed, so that its logarithm is finite.
NOTHING = 1e-300


class RowsWall:
    """Each fitted expert has its rows: log of its average gate probability over the least one."""

    equal = False

    def __init__(self, objective, least: float):
        self.objective, self.least = objective, least

    def values(self, theta):
        """See :class:`Wall`."""
        n = self._counted
        share = sum(weight @ self._gate(theta, "probabilities", x)[:n].T for x, weight in self._data())
        return self._room(share)

    def _room(self, share):
        room = np.log(np.maximum(share / self.objective.blocks.total_weight, NOTHING) / self.least)
        # An expert whose density is held needs no rows.
        room[~self.objective.needs_rows[: len(room)]] = np.inf
        return room

    @property
    def _counted(self):
        """How many experts have a share that is bounded, the first ones."""
        return self.objective.n_fitted

    def _mass(self, theta, which):
        return np.exp(self.values(theta)[which]) * self.least * self.objective.blocks.total_weight

    def bound(self, index):
        """See :class:`Wall`."""
        return Bound(Kind.ROWS, (index,), True)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        share, slopes, _ = self._derivatives(theta, which)
        return (slopes / np.maximum(share, NOTHING)[:, None]).T

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        share, slopes, curve = self._derivatives(theta, which, multipliers)
        scaled = slopes / np.maximum(share, NOTHING)[:, None]
        return curve - (scaled.T * multipliers) @ scaled

    def _data(self):
        for x, _, _, weight, m in self.objective.blocks.all():
            yield x[:, :m], weight[:m]

    def _gate(self, theta, method, *data):
        objective = self.objective
        own = np.ascontiguousarray(objective.split(theta)[0])
        return getattr(objective.gate, method)(own, objective.shared(theta), *data)

    def _derivatives(self, theta, which, multipliers=None):
        """Shares (a,), their slopes (a, P) and, with multipliers, the sum of multiplier / share times curvature (P, P).

        With l_j the logits and E = sum_l p_l dl_l: dp_j = p_j u_j with u_j = dl_j - E, and
        d2 p_j = p_j (u_j u_j' + d2 l_j - sum_l p_l (d2 l_l + dl_l dl_l') + E E').
        """
        objective, size = self.objective, self.objective.n_parameters
        share, slopes, curve = np.zeros(len(which)), np.zeros((len(which), size)), np.zeros((size, size))
        if multipliers is not None:
            force = multipliers / np.maximum(self._mass(theta, which), NOTHING)
        for x, weight in self._data():
            p, rows = self._gate(theta, "probabilities", x), self._gate(theta, "jacobian", x)
            mean = self._stacked(p[:, None] * rows)
            for a, j in enumerate(which):
                mass, u = weight * p[j], self._alone(j, rows[j]) - mean
                share[a] += mass.sum()
                slopes[a] += u @ mass
                if multipliers is not None:
                    mass = force[a] * mass
                    curve += (u * mass) @ u.T + (mean * mass) @ mean.T
                    mass = mass * p
                    for other, at in enumerate(objective.at_gate):
                        curve[np.ix_(at, at)] -= (rows[other] * mass[other]) @ rows[other].T
                    mass[j] -= force[a] * weight * p[j]
                    bends = self._gate(theta, "curvature", -mass, x)
                    for at, bend in zip(objective.at_gate, bends, strict=True):
                        curve[np.ix_(at, at)] += bend
        return share, slopes, curve

    def _stacked(self, rows):
        """Rows by expert (k, b, m), summed where their parameters are, (P, m)."""
        result = np.zeros((self.objective.n_parameters, rows.shape[2]))
        for at, own in zip(self.objective.at_gate, rows, strict=True):
            result[at] += own
        return result

    def _alone(self, j, rows):
        """Rows of one expert (b, m), where their parameters are, (P, m)."""
        result = np.zeros((self.objective.n_parameters, rows.shape[1]))
        result[self.objective.at_gate[j]] = rows
        return result


class AffineRowsWall(RowsWall):
    """The same under a gate with affine log-weights, by kernels."""

    def values(self, theta):
        """See :class:`Wall`."""
        share, coef = np.zeros(self.objective.n_experts), self._coef(theta)
        for design, weight, m in self._designs():
            gate_share.shares(design, m, weight, coef, share)
        return self._room(share[: self._counted])

    def _derivatives(self, theta, which, multipliers=None):
        coef, place = self._coef(theta), self.objective.gate_index
        share, slopes = np.zeros(len(coef)), np.zeros((len(which), self.objective.n_parameters))
        curve = np.zeros((self.objective.n_parameters,) * 2)
        for design, weight, m in self._designs():
            gate_share.shares(design, m, weight, coef, share)
        share = share[which]
        for a, j in enumerate(which):
            first, second = np.zeros(coef.size), np.zeros((coef.size,) * 2)
            for design, weight, m in self._designs():
                gate_share.share_derivatives(design, m, weight, coef, j, first, second)
            slopes[a, place] = first
            if multipliers is not None:
                curve[np.ix_(place, place)] += multipliers[a] / max(share[a], NOTHING) * second
        return share, slopes, curve

    def _designs(self):
        blocks = self.objective.blocks
        buffer = blocks.buffer()
        for b in range(blocks.n_blocks):
            design, _, _, weight, m = blocks.designs(b, buffer)
            yield design, weight, m

    def _coef(self, theta):
        return np.ascontiguousarray(self.objective.split(theta)[0])


def rows_wall(objective) -> RowsWall | None:
    """Return the wall of an objective; None where a gate's shares have jumps and no slope."""
    gate, k = objective.gate, objective.n_experts
    if gate.is_sparse(k):
        return None
    return (AffineRowsWall if gate.has_affine_log_weights(k) else RowsWall)(objective, objective.least_share)
