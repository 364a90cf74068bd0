"""The parameter space as inequalities in scaled coordinates: functions of the parameters that are never negative.

A wall says how far inside a point is, which way it grows, and how it bends.  Climbs slide along the walls that stop
them (:mod:`gmoe.solvers.face`), and the certificate names those that hold the maximum.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from gmoe.gates import LOG_TEMPERATURE_RANGE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.gate_rows import gate_rows
from gmoe.solvers.variances import variance_bounds

# A share of the gate that underflowed, so that its logarithm is finite.
NOTHING = 1e-300


class Kind(Enum):
    """What an inequality bounds."""

    VARIANCE = "variance"
    TIE = "tie"
    COEFFICIENT = "coefficient"
    TEMPERATURE = "temperature"
    ROWS = "rows"
    SELECTION = "selection"


@dataclass(frozen=True)
class Bound:
    """What one inequality means.

    Attributes
    ----------
    kind : Kind
    experts : tuple of int
        Those that it holds.
    degenerate : bool
        Whether a maximum there is one of the bound and not of the data: an expert that fits rows exactly, or few rows.
    """

    kind: Kind
    experts: tuple[int, ...] = ()
    degenerate: bool = False


class Wall(Protocol):
    """Inequalities ``values(theta) >= 0``."""

    def values(self, theta) -> np.ndarray:
        """How far inside, (m,)."""

    def normals(self, theta, which) -> np.ndarray:
        """Gradients of those values, (P, len(which))."""

    def bend(self, theta, which, multipliers) -> np.ndarray | float:
        """Sum of multipliers times the second derivatives of those values, (P, P)."""

    def bound(self, index: int) -> Bound:
        """Say what one of them means."""


class FlatWall:
    """Linear inequalities ``A theta >= b``."""

    def __init__(self, rows, offsets, bounds):
        self.rows, self.offsets, self._bounds = rows, offsets, bounds

    def values(self, theta):
        """See :class:`Wall`."""
        return self.rows @ theta - self.offsets

    def normals(self, theta, which):
        """See :class:`Wall`."""
        return self.rows[which].T

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        return 0.0

    def bound(self, index):
        """See :class:`Wall`."""
        return self._bounds[index]


def flat_wall(objective, space: ParameterSpace, scaling) -> FlatWall:
    """Bounds on variances, coefficients and an identified temperature.

    Parameters
    ----------
    objective : Objective
        For the layout of its parameters.
    space : ParameterSpace
    scaling : Scaling or None
        To the units of the data; needed by absolute bounds only.
    """
    k, width, size = objective.n_experts, objective.width, objective.n_parameters
    units = np.eye(size)
    log_variance = units[np.arange(k) * width + width - 1]
    found: list[tuple] = []
    least, most, ratio = variance_bounds(objective)
    for j in range(k):
        if np.isfinite(least):
            found.append((log_variance[j], least, Bound(Kind.VARIANCE, (j,), True)))
        if np.isfinite(most):
            found.append((-log_variance[j], -most, Bound(Kind.VARIANCE, (j,))))
        # Equal variances are a model, not a bound that some expert runs into.
        narrow = Bound(Kind.TIE, (j,)) if ratio == 0.0 else Bound(Kind.VARIANCE, (j,), True)
        for other in range(k if np.isfinite(ratio) else 0):
            if other != j:
                found.append((log_variance[j] - log_variance[other], ratio, narrow))
    if objective.gate.n_shared:
        low = max(np.log(space.min_temperature), LOG_TEMPERATURE_RANGE[0])
        high = min(np.log(space.max_temperature), LOG_TEMPERATURE_RANGE[1])
        found.append((units[-1], low, Bound(Kind.TEMPERATURE)))
        found.append((-units[-1], -high, Bound(Kind.TEMPERATURE)))
    if scaling is not None:
        found += _boxes(objective, space, scaling)
    if not found:
        return FlatWall(np.empty((0, size)), np.empty(0), [])
    rows, offsets, bounds = zip(*found, strict=True)
    return FlatWall(np.array(rows), np.array(offsets), list(bounds))


def _boxes(objective, space, scaling):
    """Yield bounds on absolute values of what is linear in the scaled parameters of one expert, or of two."""
    k, n_gate, n_expert = objective.n_experts, len(scaling.gate.columns), len(scaling.expert.columns)
    limits = np.full(n_gate + n_expert + 3, np.inf)
    limits[0], limits[1 : 1 + n_gate] = space.max_gate_intercept, space.max_gate_coef
    limits[1 + n_gate], limits[2 + n_gate : -1] = space.max_intercept, space.max_coef
    if not np.isfinite(limits).any():
        return
    matrix = np.zeros((k * len(limits), objective.n_parameters))
    matrix[:, : objective.n_rows] = scaling.jacobian(k)
    at_zero = np.zeros(len(limits))
    coef = scaling.slope_y @ scaling.expert.transform
    at_zero[1 + n_gate] = scaling.centre_y - coef @ scaling.expert.centre
    at_zero[2 + n_gate : -1] = coef
    moves = objective.gate.translated(k)
    for t in np.flatnonzero(np.isfinite(limits)):
        rows = matrix[t :: len(limits)]
        in_gate = t <= n_gate
        if in_gate and moves[min(t, 1)]:
            for j, other in ((j, other) for j in range(k) for other in range(k) if j != other):
                yield rows[j] - rows[other], -limits[t], Bound(Kind.COEFFICIENT, (j, other))
            continue
        for j in range(k):
            yield rows[j], -limits[t] - at_zero[t], Bound(Kind.COEFFICIENT, (j,))
            yield -rows[j], -limits[t] + at_zero[t], Bound(Kind.COEFFICIENT, (j,))


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
        self.objective = objective
        k, n_active = objective.n_experts, objective.gate.n_active
        keys = np.concatenate([key for _, key, *_ in self._parts(theta)], axis=1)
        order = np.argsort(-keys, axis=0, kind="stable")  # ties: lower index, as the kernels
        self.active = np.zeros((k, keys.shape[1]), bool)
        np.put_along_axis(self.active, order[:n_active], True, axis=0)
        spread = np.sqrt(np.mean((keys - keys.mean(axis=0)) ** 2))
        self.margin = 0.0
        gap = self.values(theta)
        self.margin = np.minimum(self.MARGIN * spread, gap)
        self.unit = max(float(spread), 1e-300)

    def values(self, theta):
        """See :class:`Wall`."""
        gap, _, _ = self._gap(theta)
        return (gap - self.margin) / getattr(self, "unit", 1.0)

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
