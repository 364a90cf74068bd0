"""Covariance of the estimates: inverse observed information on the identified space, in the units of the data."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

import numpy as np

from gmoe.part import Array, Axis
from gmoe.solvers.ascent.face import face_at
from gmoe.solvers.evidence.result import lengths
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.raw import derivatives, raw_sizes
from gmoe.solvers.problem.scaling import Scaling, null_space
from gmoe.solvers.problem.walls import Kind

# An eigenvalue of the average information below this, relative to the largest, carries no information.
FLAT = 1e-11
# Loading of a parameter on the flat directions from which on it is not identified.
LOADING = 1e-6
# Derivative of an entry of the table that is none, relative to those of its column: that of one that the canonical form
# sets to zero.
PINNED = 1e-13


def covariance(
    objective: Objective, scaling: Scaling, local, model, entries, exact, free=None, separating=None, weight_unit=1.0
):
    """Root of the covariance of the canonical raw parameters: of the inverse observed information, where identified.

    Parameters
    ----------
    local : Spectrum
        Curvature at the maximum, along the face of the parameter space on which it lies.
    model : GMoE
        Canonical; its first expert is the gate's reference.
    entries : Entries
    exact : ndarray of bool, shape (k,)
        Experts whose variance is at a lower bound.
    free : ndarray, shape (P, w), or None
        Directions that the data leave open.
    separating : ndarray, shape (P,), or None
        Direction along which the gate separates: what loads on it has no standard error.

    weight_unit : float
        What the weights were divided by.

    Returns
    -------
    spread : ndarray, shape (R, r); notes : tuple of str
        The covariance is ``spread @ spread.T``, for parameters without a note.
    """
    values, out = local.values, local.coordinates.jacobian(local.theta) @ local.basis @ local.vectors
    regular = values > FLAT * max(values.max(initial=0.0), 1e-300)
    root = out[:, regular] / np.sqrt(values[regular] * objective.blocks.total_weight)
    counts = entries.n_gate, entries.width - entries.n_gate
    to_raw = derivatives(objective, scaling, local.theta, model, counts)
    # Each entry in a unit of its own: squares in the units of the data overflow long before a fit does.
    unit = np.abs(to_raw).max(axis=1, initial=0.0)
    to_unit = to_raw / np.where(unit > 0.0, unit, 1.0)[:, None]
    deviation = np.linalg.norm(to_unit @ root, axis=1)
    size = np.maximum(deviation, 1e-12)
    # A flat direction as long as a standard deviation of the best known one.
    flat = np.linalg.norm(to_unit @ out[:, ~regular], axis=1)
    if free is not None and free.size:
        flat += np.linalg.norm(to_unit @ free, axis=1)
    unknown = entries.collinear(scaling) | (flat > LOADING * size)
    notes = np.where(unknown, "not identified", "").astype(object)
    if separating is not None:
        moved = np.abs(to_unit @ separating)
        notes[moved > LOADING * moved.max()] = "separated"
    held = any(bound.kind is Kind.SELECTION for bound in local.face.bounds)
    _note_gate(objective, entries, notes, to_raw, held)
    for j in np.flatnonzero(exact):
        notes[entries.variances(j)] = "at bound"
    if objective.temperature_at_bound(local.theta):
        notes[entries.shared_gate] = "at bound"
    for ended, places in zip(ends(objective, local.theta), (entries.shared_gate, entries.shared_experts), strict=True):
        if len(ended) == len(places):
            notes[places[ended]] = "at bound"
    notes[entries.own_experts[objective.n_fitted :]] = "pinned"
    notes[(notes == "") & _decided(objective, local, to_unit)] = "held"
    # What is held by a bound has no spread at all.
    notes[(notes == "") & (deviation == 0.0)] = "at bound"
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        spread = unit[:, None] * (to_unit @ root / np.sqrt(weight_unit))
        errors = lengths(spread)
    notes[(notes == "") & ~(np.isfinite(errors) & (errors > 0.0))] = "beyond range"
    return spread, tuple(str(note) for note in notes)


def _decided(objective, local, to_unit):
    """Which entries of the table the equations leave no direction to move, of bool."""
    if not objective.equal_walls:
        return np.zeros(len(to_unit), bool)
    jacobian, basis = local.coordinates.jacobian(local.theta), local.coordinates.basis()
    equations = face_at(objective.equal_walls, local.theta, np.zeros(len(local.theta)), jacobian, basis)
    moves = [
        np.linalg.norm(to_unit @ (jacobian @ along), axis=1) for along in (basis, equations.tangent(jacobian, basis))
    ]
    return moves[1] <= LOADING * moves[0]


@dataclass(frozen=True)
class Entries:
    """Which entries of the table of raw parameters belong to what; :func:`entries_of` makes the same one only once.

    Attributes
    ----------
    k : int
    gate, experts : tuple of (Array, shape)
        The arrays that both declare.
    """

    k: int
    gate: tuple[tuple[Array, tuple[int, ...]], ...]
    experts: tuple[tuple[Array, tuple[int, ...]], ...]

    @cached_property
    def n_gate(self) -> int:
        """Entries of one expert's gate."""
        return sum(prod(shape) for array, shape in self.gate if _is_own(array)) // self.k

    @cached_property
    def width(self) -> int:
        """Entries of one expert in all."""
        return self.n_gate + sum(prod(shape) for array, shape in self.experts if _is_own(array)) // self.k

    @cached_property
    def shared_gate(self) -> np.ndarray:
        """Entries of the gate that all experts share."""
        start = self.k * self.width
        return np.arange(start, start + sum(prod(shape) for array, shape in self.gate if not _is_own(array)))

    @cached_property
    def shared_experts(self) -> np.ndarray:
        """Entries of the experts' densities that all share."""
        start = self.k * self.width + len(self.shared_gate)
        return np.arange(start, start + sum(prod(shape) for array, shape in self.experts if not _is_own(array)))

    @cached_property
    def size(self) -> int:
        """All of them."""
        return self.k * self.width + len(self.shared_gate) + len(self.shared_experts)

    @cached_property
    def own_gate(self) -> np.ndarray:
        """Entries of the experts' gates, (k, n_gate)."""
        return np.arange(self.k)[:, None] * self.width + np.arange(self.n_gate)

    @cached_property
    def own_experts(self) -> np.ndarray:
        """Entries of the experts' densities, (k, width - n_gate)."""
        return np.arange(self.k)[:, None] * self.width + np.arange(self.n_gate, self.width)

    def n_free(self, n_fitted: int) -> int:
        """Count the entries, without those of experts with a given density; of symmetric matrices, one triangle."""
        gate = sum(_n_free(array, shape) for array, shape in self.gate)
        own = sum(_n_free(array, shape) for array, shape in self.experts if _is_own(array)) // self.k
        return gate + n_fitted * own + sum(_n_free(array, shape) for array, shape in self.experts if not _is_own(array))

    def variances(self, j):
        """Positive entries of expert j."""
        mask = np.zeros(self.size, bool)
        at = j * self.width + self.n_gate
        for array, shape in self.experts:
            if _is_own(array):
                count = prod(shape) // self.k
                mask[at : at + count] = array.positive
                at += count
        return mask

    def collinear(self, scaling):
        """Entries that move along constant or collinear columns without changing the density, boolean (entries,)."""
        own: list[np.ndarray] = []
        shared: list[np.ndarray] = []
        if scaling.gate.has_full_rank and scaling.expert.has_full_rank:
            return np.zeros(self.size, bool)
        for declared, design in ((self.gate, scaling.gate), (self.experts, scaling.expert)):
            null = null_space(design)
            # Standardised slopes; the intercept moves with them unless they cancel at the centre.
            shift = null @ (design.centre / design.size)
            moved = bool(np.any(np.abs(shift) > LOADING * (1.0 + np.abs(design.centre / design.size).max(initial=0.0))))
            slopes = np.linalg.norm(null, axis=0) > LOADING
            highest = max((array.axes.count(Axis.FEATURE) for array, _ in declared), default=0)
            for array, whole in declared:
                mine = _is_own(array)
                shape, axes = whole[mine:], array.axes[mine:]
                # What is of lower order in x moves with what is of the highest, as an intercept does with slopes.
                flags = np.full(shape, moved and not array.positive and axes.count(Axis.FEATURE) < highest)
                for place, axis in enumerate(axes):
                    if axis is Axis.FEATURE:
                        flags = flags | slopes.reshape([-1 if i == place else 1 for i in range(len(axes))])
                (own if mine else shared).append(flags.ravel())
        return np.concatenate([*[np.concatenate([np.empty(0, bool), *own])] * self.k, *shared])


def entries_of(objective, scaling, model) -> Entries:
    """Entries of the table of a model."""
    parts = zip((objective.gate, objective.experts), raw_sizes(scaling, objective.n_experts), strict=True)
    arrays = model.parameters.arrays
    return _entries(
        objective.n_experts, *(tuple((a, arrays[a.name].shape) for a in p.arrays(size)) for p, size in parts)
    )


_entries = lru_cache(maxsize=64)(Entries)


def _is_own(array):
    return array.axes[:1] == (Axis.EXPERT,)


def _n_free(array, shape):
    """Count the entries of an array that are its own: of symmetric matrices, one triangle."""
    n = prod(shape)
    if len(array.axes) > 1 and array.axes[-1] is array.axes[-2]:
        side = shape[-1]
        return n // (side * side) * (side * (side + 1) // 2) if side else 0
    return n


def ends(objective, theta):
    """Which shared parameters of gate and experts went to an end of their range, two arrays of bool."""
    shared = objective.shared(theta), objective.expert_shared(theta)
    return objective.gate.at_end(shared[0]), objective.experts.at_end(shared[1])


def _note_gate(objective, entries, notes, to_raw, held):
    """Note what the gate leaves open: the pinned entries, a scale, and what moves the regions of a held selection."""
    symmetry = objective.symmetry
    rows = entries.own_gate
    if symmetry.idle:
        notes[entries.shared_gate] = "not identified"
    if symmetry.idle and symmetry.divided:
        notes[rows] = "not identified"
    blind = held or objective.has_blind_moves
    seen = ~np.isin(np.arange(objective.n_experts * objective.q_gate), objective.unseen)
    # Rows of affine scores are those of the table; a column of features may have got lost by collinearity.
    if blind:
        notes[rows[:, 0]] = np.where(seen.reshape(objective.n_experts, -1)[:, 0], "boundary", notes[rows[:, 0]])
        notes[rows[:, 1:]] = "boundary"
    # Of a lost column nothing moves either, and it is not identified; the reference's entries are a convention.
    open_to_all = (notes[rows] == "") | (np.arange(objective.n_experts) == 0)[:, None]
    moves = np.abs(to_raw[rows]).max(axis=2, initial=0.0)
    notes[rows[(moves <= PINNED * moves.max(axis=0)) & open_to_all]] = "pinned"
    shared = entries.shared_gate
    notes[shared[~to_raw[shared].any(axis=1) & (notes[shared] == "")]] = "pinned"


def collinear_columns(scaling):
    """Columns of X that are constant or collinear in one of the designs."""
    found = set()
    for design in (scaling.gate, scaling.expert):
        if design.has_full_rank:
            continue
        found |= set(design.columns[np.linalg.norm(null_space(design), axis=0) > LOADING])
    return sorted(found)
