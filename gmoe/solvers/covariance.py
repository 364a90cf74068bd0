"""Covariance of the estimates: inverse observed information on the identified space, in the units of the data."""

import numpy as np

from gmoe.solvers.objective import Objective
from gmoe.solvers.scaling import Scaling, null_space
from gmoe.solvers.standing import variance_held
from gmoe.solvers.walls import Kind

# An eigenvalue of the average information below this, relative to the largest, carries no information.
FLAT = 1e-11
# Loading of a parameter on the flat directions from which on it is not identified.
LOADING = 1e-6


def covariance(objective: Objective, scaling: Scaling, local, model, order, free=None, separating=None):
    """Covariance of the canonical raw parameters by the inverse observed information on the identified space.

    Parameters
    ----------
    local : Spectrum
        Curvature at the maximum, along the face of the parameter space on which it lies.
    model : GMoE
        Canonical, in the order of the report, whose first expert is the gate's reference.
    order : ndarray of int, shape (k,)
        Places of the reported experts in the scaled parameters.
    free : ndarray, shape (P, w), or None
        Directions that the data leave open.
    separating : ndarray, shape (P,), or None
        Direction along which the gate separates: what loads on it has no standard error.

    Returns
    -------
    covariance : ndarray, shape (R, R); notes : tuple of str
    """
    k, parameters = objective.n_experts, model.parameters
    values, out = local.values, local.coordinates.jacobian(local.theta) @ local.basis @ local.vectors
    regular = values > FLAT * max(values.max(initial=0.0), 1e-300)
    root = out[:, regular] / np.sqrt(values[regular] * objective.blocks.total_weight)
    to_raw = canonical_map(objective, scaling, parameters, order)
    spread = to_raw @ root
    result = spread @ spread.T
    size = np.maximum(np.sqrt(np.diag(result)), 1e-12)
    # A flat direction as long as a standard deviation of the best known one.
    flat = np.linalg.norm(to_raw @ out[:, ~regular], axis=1)
    if free is not None and free.size:
        flat += np.linalg.norm(to_raw @ free, axis=1)
    collinear = np.append(_null_loading(scaling, k), np.zeros(int(objective.gate.estimated), bool))
    unknown = collinear | (flat > LOADING * size)
    notes = np.where(unknown, "not identified", "").astype(object)
    if separating is not None:
        moved = np.abs(to_raw @ separating)
        notes[moved > LOADING * moved.max()] = "separated"
    held = any(bound.kind is Kind.SELECTION for bound in local.face.bounds)
    _note_gate(objective, notes, parameters, held)
    _rows(objective, notes)[variance_held(objective, local.theta)[order], -1] = "at bound"
    if objective.temperature_at_bound(local.theta):
        notes[-1] = "at bound"
    # What is held by a bound has no spread at all.
    notes[(notes == "") & (np.diag(result) == 0.0)] = "at bound"
    unusable = notes != ""
    result[unusable, :] = np.nan
    result[:, unusable] = np.nan
    return result, tuple(str(note) for note in notes)


def _note_gate(objective, notes, parameters, held):
    """Note what the gate leaves open: the pinned entries, a scale, and what moves the regions of a held selection."""
    k, q = parameters.gate.shape
    gate = _rows(objective, notes)[:, :q]
    kind = objective.gate
    if kind.estimated and kind.scale_free:
        gate[:] = "not identified"
    if kind.estimated and (kind.scale_free or np.any(kind.invariances(k, q)[-1])):
        notes[-1] = "not identified"
    if held or kind.has_blind_moves(k, q):
        gate[:, 1:] = "boundary"
        if kind.selection.sees_logit:
            gate[:, 0] = "boundary"
        elif kind.is_hard(k):
            gate[:, 0] = "pinned"
    gate[0, kind.pinned(k, q)] = "pinned"


def _rows(objective, values):
    """View of raw parameters as one row per expert, without an estimated temperature at their end."""
    return values[: len(values) - int(objective.gate.estimated)].reshape(objective.n_experts, -1)


def canonical_map(objective, scaling, parameters, order):
    """Jacobian from scaled parameters (with log variance) to canonical raw parameters (with variance), (R, P)."""
    k, n_rows = objective.n_experts, objective.n_rows
    linear = scaling.jacobian(k).reshape(k, -1, n_rows)
    linear[:, -1] *= parameters.variance[np.argsort(order), None]
    linear = linear[order]
    q = parameters.gate.shape[1]
    jacobian = np.zeros((*linear.shape[:2], objective.n_parameters))
    jacobian[:, :, :n_rows] = linear
    own = objective.gate.canonical_map(parameters.gate, parameters.temperature)
    natural = np.zeros((own.shape[1], objective.n_parameters))
    natural[: k * q, :n_rows] = linear[:, :q].reshape(k * q, n_rows)
    natural[k * q :, n_rows:] = np.eye(objective.gate.n_shared)
    gate = own @ natural
    jacobian[:, :q] = gate[:-1].reshape(k, q, -1)
    rows = jacobian.reshape(-1, objective.n_parameters)
    return np.vstack([rows, gate[-1:]]) if objective.gate.estimated else rows


def _null_loading(scaling, k):
    """Boolean (P raw,): parameters that move along constant or collinear columns without changing the density."""
    one = []
    for design in (scaling.gate, scaling.expert):
        null = null_space(design)
        # Standardised slopes; the intercept moves with them unless they cancel at the centre.
        shift = null @ (design.centre / design.size)
        one += [bool(np.any(np.abs(shift) > LOADING * (1.0 + np.abs(design.centre / design.size).max(initial=0.0))))]
        one += list(np.linalg.norm(null, axis=0) > LOADING)
    return np.tile(np.array([*one, False]), k)


def collinear_columns(scaling):
    """Columns of X that are constant or collinear in one of the designs."""
    found = set()
    for design in (scaling.gate, scaling.expert):
        found |= set(design.columns[np.linalg.norm(null_space(design), axis=0) > LOADING])
    return sorted(found)
