"""Covariance of the estimates: inverse observed information on the identified space, in the units of the data."""

import numpy as np

from gmoe.solvers.objective import Objective
from gmoe.solvers.scaling import Scaling, null_space

# An eigenvalue of the average information below this, relative to the largest, carries no information.
FLAT = 1e-11
# Loading of a parameter on the flat directions from which on it is not identified.
LOADING = 1e-6


def covariance(objective: Objective, scaling: Scaling, evaluation, parameters, order, basis, separating=None):
    """Covariance of the canonical raw parameters by the inverse observed information on the identified space.

    Parameters
    ----------
    evaluation : Evaluation
        At order OBSERVED.
    parameters : Parameters
        Raw and canonical, in the order of the report, whose first expert is the gate's reference.
    order : ndarray of int, shape (k,)
        Places of the reported experts in the scaled parameters.
    basis : ndarray, shape (P, free)
        Directions in which the fit is a maximum: all identified ones, or those that hold the selection.
    separating : ndarray, shape (P,), or None
        Direction along which the gate separates: what loads on it has no standard error.

    Returns
    -------
    covariance : ndarray, shape (R, R); notes : tuple of str; eigenvalues : ndarray (ascending, average information)
    """
    k, width = objective.n_experts, objective.width
    bound = objective.at_bound(evaluation.theta)
    # From eta to the log of the variance: d log v / d eta is the part of the variance above its bound.
    above = objective.share(objective.split(evaluation.theta)[2])
    stretch = np.ones(objective.n_parameters)
    objective.split(stretch)[2][:] = 1.0 / np.where(bound, 1.0, above)
    information = -evaluation.hessian * stretch[:, None] * stretch
    inner = _without(basis, np.flatnonzero(bound) * width + width - 1)
    values, vectors = np.linalg.eigh(inner.T @ information @ inner)
    regular = values > FLAT * max(values[-1], 1e-300)
    root = inner @ (vectors[:, regular] / np.sqrt(values[regular] * objective.blocks.total_weight))
    to_raw = canonical_map(objective, scaling, parameters, order)
    spread = to_raw @ root
    result = spread @ spread.T
    size = np.maximum(np.sqrt(np.diag(result)), 1e-12)
    flat = np.linalg.norm(to_raw @ (inner @ vectors[:, ~regular]), axis=1)
    collinear = np.append(_null_loading(scaling, k), np.zeros(int(objective.gate.estimated), bool))
    unknown = collinear | (flat > LOADING * size)
    notes = np.where(unknown, "not identified", "").astype(object)
    if separating is not None:
        moved = np.abs(to_raw @ separating)
        notes[moved > LOADING * moved.max()] = "separated"
    _note_gate(objective, notes, parameters, basis.shape[1] < objective.identified.shape[1])
    _rows(objective, notes)[bound[order], -1] = "at bound"
    if objective.temperature_at_bound(evaluation.theta):
        notes[-1] = "at bound"
    unusable = notes != ""
    result[unusable, :] = np.nan
    result[:, unusable] = np.nan
    return result, tuple(str(note) for note in notes), values


def _note_gate(objective, notes, parameters, held):
    """Note what the gate leaves open: the pinned entries, a scale, and what moves the regions of a held selection."""
    k, q = parameters.gate.shape
    gate = _rows(objective, notes)[:, :q]
    kind = objective.gate
    if kind.estimated and kind.scale_free:
        gate[:] = "not identified"
        notes[-1] = "not identified"
    if held or kind.has_blind_moves(k, q):
        gate[:, 1:] = "boundary"
        if kind.select_on.sees_logit:
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


def _without(basis, rows):
    """Basis without the directions of the parameters ``rows``, each a unit vector in its span."""
    if not len(rows):
        return basis
    rest = basis - np.eye(len(basis))[:, rows] @ basis[rows]
    left, values, _ = np.linalg.svd(rest, full_matrices=False)
    return left[:, values > 0.5]


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
