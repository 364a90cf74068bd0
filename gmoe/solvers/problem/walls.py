"""The parameter space as inequalities in scaled coordinates: functions of the parameters that are never negative.

A wall says how far inside a point is, which way it grows, and how it bends.  Climbs slide along the walls that stop
them (:mod:`gmoe.solvers.ascent.face`), and the certificate names those that hold the maximum.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Protocol

import numpy as np

from gmoe.experts.base import VarianceBounds
from gmoe.gates import LOG_TEMPERATURE_RANGE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.problem.layout import KEPT

# Part of a direction that is rounding.
ROUNDING = 1e-9
# The same of an equation that is made of derivatives, which may be differences.
ALIKE = 1e-7


class Kind(Enum):
    """What an inequality bounds."""

    VARIANCE = "variance"
    TIE = "tie"
    COEFFICIENT = "coefficient"
    TEMPERATURE = "temperature"
    ROWS = "rows"
    SELECTION = "selection"
    EQUATION = "equation"


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

    #: Whether they are equations, ``values(theta) = 0``: held everywhere, with multipliers of any sign.
    equal: bool

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

    equal = False

    def __init__(self, rows, offsets, bounds):
        self.rows, self.offsets, self.bounds = rows, offsets, bounds

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
        return self.bounds[index]

    def and_also(self, other: "FlatWall") -> "FlatWall":
        """Return the wall of the inequalities of both."""
        rows, offsets = np.vstack([self.rows, other.rows]), np.append(self.offsets, other.offsets)
        return FlatWall(rows, offsets, [*self.bounds, *other.bounds])


class EqualWall(FlatWall):
    """Linear equations ``A theta = b``, of orthonormal rows."""

    equal = True

    def __init__(self, rows, offsets):
        super().__init__(rows, offsets, [Bound(Kind.EQUATION)] * len(rows))

    @classmethod
    def joined(cls, before: "EqualWall | None", rows, offsets) -> "EqualWall | None":
        """Return the wall of other equations too; those that follow from the ones before them are left out."""
        found = [] if before is None else [*zip(before.rows, before.offsets, strict=True)]
        for row, offset in zip(rows, offsets, strict=True):
            size = np.linalg.norm(row)
            row, offset = row / max(size, 1e-300), offset / max(size, 1e-300)
            # Twice, so that nothing of the former ones is left by rounding.
            for _ in range(2):
                for one, level in found:
                    part = one @ row
                    row, offset = row - part * one, offset - part * level
            if (rest := np.linalg.norm(row)) > ROUNDING:
                found.append((row / rest, offset / rest))
        return cls(np.array([row for row, _ in found]), np.array([o for _, o in found])) if found else None

    def nearest(self, theta):
        """Nearest point on it, (P,)."""
        return theta - self.rows.T @ self.values(theta)

    def along(self, directions):
        """Directions (P, m) less what leads out of it."""
        return directions - self.rows.T @ (self.rows @ directions)

    def within(self, directions):
        """Orthonormal combinations of orthonormal directions (P, m) that lead along it, (P, fewer)."""
        _, sizes, right = np.linalg.svd(self.rows @ directions)
        return directions @ right[int(np.sum(sizes > ROUNDING)) :].T

    def is_kept(self, order, sign) -> bool:
        """Whether points ``sign * theta[order]`` of its points theta are on it too."""
        rows = np.empty_like(self.rows)
        rows[:, order] = self.rows * sign
        size = 1.0 + np.abs(self.offsets).max(initial=0.0)
        changes = (
            np.abs(self.along(rows.T)).max(),
            np.abs(rows @ self.rows.T @ self.offsets - self.offsets).max() / size,
        )
        return bool(max(changes) < ALIKE)

    def beside(self, wall: FlatWall) -> FlatWall:
        """Return a flat wall without the inequalities that the equations decide."""
        rest = np.linalg.norm(self.along(wall.rows.T), axis=0)
        open_ones = np.flatnonzero(rest > ROUNDING * np.maximum(np.linalg.norm(wall.rows, axis=1), 1e-300))
        return FlatWall(wall.rows[open_ones], wall.offsets[open_ones], [wall.bounds[i] for i in open_ones])


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
    temperatures = None
    if objective.gate.has_temperature:
        low = max(np.log(space.min_temperature), LOG_TEMPERATURE_RANGE[0])
        temperatures = low, min(np.log(space.max_temperature), LOG_TEMPERATURE_RANGE[1])
    make = _scale_wall if objective.size <= KEPT else _scale_wall.__wrapped__
    scales = make(objective.layout, variance_bounds(objective), temperatures)
    boxes = [] if scaling is None else [*_boxes(objective, space, scaling)]
    return _joined(objective.layout, boxes, scales) if boxes else scales


@lru_cache(maxsize=64)
def _scale_wall(layout, variances, temperatures):
    """Bounds on variances, and on the log temperature; all fits within the same ones share them."""
    k, units = layout.k, np.eye(layout.size)
    rows = layout.log_variance_rows
    own = layout.at_expert[:, : layout.q_expert]
    # Others have a wall of their own: gmoe.solvers.problem.spread_wall.
    log_variances = [(j, row @ units[own[j]]) for j in range(k) for row in (() if rows is None else rows)]
    found: list[tuple] = []
    least, most, ratio = variances
    for j, log_variance in log_variances:
        if np.isfinite(least):
            found.append((log_variance, least, Bound(Kind.VARIANCE, (j,), True)))
        if np.isfinite(most):
            found.append((-log_variance, -most, Bound(Kind.VARIANCE, (j,))))
        # Equal variances are a model, not a bound that some expert runs into.
        narrow = Bound(Kind.TIE, (j,)) if ratio == 0.0 else Bound(Kind.VARIANCE, (j,), True)
        for _, other in log_variances if np.isfinite(ratio) else ():
            if other is not log_variance:
                found.append((log_variance - other, ratio, narrow))
    if temperatures is not None:
        temperature = units[layout.n_rows]
        found.append((temperature, temperatures[0], Bound(Kind.TEMPERATURE)))
        found.append((-temperature, -temperatures[1], Bound(Kind.TEMPERATURE)))
    return _joined(layout, found)


def _joined(layout, found, before=None):
    """Wall of (row, offset, bound), after another wall; parameters without effect are bounded by nothing."""
    found = [bound for bound in found if not bound[0][layout.void].any()]
    rows = np.array([row for row, *_ in found]).reshape(-1, layout.size)
    offsets, bounds = np.array([offset for _, offset, _ in found], dtype=float), [bound for *_, bound in found]
    if before is None:
        return FlatWall(rows, offsets, bounds)
    return before.and_also(FlatWall(rows, offsets, bounds))


def _boxes(objective, space, scaling):
    """Yield bounds on absolute values of what is linear in the scaled parameters of one expert, or of two."""
    k, n_gate, n_expert = objective.n_experts, len(scaling.gate.columns), len(scaling.expert.columns)
    limits = np.full(n_gate + n_expert + 3, np.inf)
    limits[0], limits[1 : 1 + n_gate] = space.max_gate_intercept, space.max_gate_coef
    limits[1 + n_gate], limits[2 + n_gate : -1] = space.max_intercept, space.max_coef
    if not np.isfinite(limits).any():
        return
    if not (objective.gate.has_slopes and objective.experts.has_slopes):
        raise ValueError(
            f"Bounds on coefficients are for gates by scores and Gaussian experts, not for {objective.gate!r} with "
            f"{objective.experts!r}; leave max_coef, max_intercept, max_gate_coef and max_gate_intercept out."
        )
    matrix = np.zeros((k * len(limits), objective.n_parameters))
    matrix[:, : objective.n_rows] = np.kron(np.eye(k), _raw_row(scaling))
    at_zero = np.zeros(len(limits))
    coef = scaling.slope_y[0] @ scaling.expert.transform
    at_zero[1 + n_gate] = scaling.centre_y[0] - coef @ scaling.expert.centre
    at_zero[2 + n_gate : -1] = coef
    translated = objective.gate.symmetry(k, 1 + n_gate).translated
    for t in np.flatnonzero(np.isfinite(limits)):
        rows = matrix[t :: len(limits)]
        in_gate = t <= n_gate
        if in_gate and translated[t]:
            for j, other in ((j, other) for j in range(k) for other in range(k) if j != other):
                yield rows[j] - rows[other], -limits[t], Bound(Kind.COEFFICIENT, (j, other))
            continue
        for j in range(k):
            yield rows[j], -limits[t] - at_zero[t], Bound(Kind.COEFFICIENT, (j,))
            yield -rows[j], -limits[t] + at_zero[t], Bound(Kind.COEFFICIENT, (j,))


def variance_bounds(objective) -> VarianceBounds:
    """Bounds of the parameter space on variances, scaled coordinates."""
    space, scaling = objective.space, objective.scaling
    absolute = space.min_variance > 0.0 or np.isfinite(space.max_variance)
    if absolute and objective.expert_size.n_outputs > 1 and objective.experts.follows.by_column:
        raise ValueError(
            "min_variance and max_variance are in the unit of y squared, of which several responses have one each; use "
            "min_relative_variance and variance_ratio, which are relative to the residuals of one regression."
        )
    unit = 0.0 if scaling is None else 2.0 * np.log(scaling.scale_y)
    with np.errstate(divide="ignore"):
        low = max(np.log(space.min_relative_variance), np.log(space.min_variance) - unit)
        return VarianceBounds(low, np.log(space.max_variance) - unit, np.log(space.variance_ratio))


def _raw_row(scaling):
    """Linear part of the map from a scaled row (gate, expert, log variance) to one in the units of the data."""
    g, e, size = scaling.gate, scaling.expert, scaling.scale_y
    dg, qg = 1 + len(g.columns), 1 + len(g.transform)
    block = np.zeros((dg + len(e.columns) + 2, qg + len(e.transform) + 2))
    block[0, 0] = block[-1, -1] = 1.0
    block[1:dg, 1:qg] = g.transform.T
    block[0, 1:qg] = -g.transform @ g.centre
    block[dg, qg] = size
    block[dg + 1 : -1, qg + 1 : -1] = size * e.transform.T
    block[dg, qg + 1 : -1] = -size * (e.transform @ e.centre)
    return block
