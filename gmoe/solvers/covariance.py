"""Covariance of the estimates: inverse observed information on the identified space, in the units of the data."""

import numpy as np

from gmoe.solvers.objective import Objective
from gmoe.solvers.scaling import Scaling, null_space

# An eigenvalue of the average information below this, relative to the largest, carries no information.
FLAT = 1e-11
# Loading of a parameter on the flat directions from which on it is not identified.
LOADING = 1e-6


def covariance(objective: Objective, scaling: Scaling, evaluation, variance, order, separating=None, reference=0):
    """Covariance of the canonical raw parameters by the inverse observed information on the identified space.

    Parameters
    ----------
    evaluation : Evaluation
        At order OBSERVED.
    variance : ndarray, shape (k,)
        Raw variances, in the order of the scaled parameters.
    order : ndarray of int, shape (k,)
        Experts in the order of the report; the first is the gate's reference.
    separating : ndarray, shape (P,), or None
        Direction along which the gate separates: what loads on it has no standard error.
    reference : int
        Position in ``order`` whose gate parameters are pinned.

    Returns
    -------
    covariance : ndarray, shape (P, P); notes : list of str; eigenvalues : ndarray (ascending, average information)
    """
    k, width = objective.n_experts, objective.width
    bound = objective.at_bound(evaluation.theta)
    # From eta to the log of the variance: d log v / d eta is the part of the variance above its bound.
    _, _, eta = objective.split(evaluation.theta)
    above = objective.share(eta)
    stretch = np.ones((k, width))
    stretch[:, -1] = 1.0 / np.where(bound, 1.0, above)
    information = -evaluation.hessian * stretch.ravel()[:, None] * stretch.ravel()
    held = np.flatnonzero(bound) * width + width - 1
    basis = np.delete(objective.identified, _columns_of(objective.identified, held), axis=1)
    values, vectors = np.linalg.eigh(basis.T @ information @ basis)
    regular = values > FLAT * max(values[-1], 1e-300)
    total = objective.blocks.total_weight
    root = basis @ (vectors[:, regular] / np.sqrt(values[regular] * total))
    to_raw = canonical_map(objective, scaling, variance, order, reference)
    flat = to_raw @ (basis @ vectors[:, ~regular])
    spread = to_raw @ root
    result = spread @ spread.T
    size = np.sqrt(np.diag(result))
    unknown = _null_loading(scaling, k) | (np.linalg.norm(flat, axis=1) > LOADING * np.maximum(size, 1e-12))
    n_raw = len(to_raw) // k
    table = np.where(unknown, "not identified", "").astype(object).reshape(k, n_raw)
    if separating is not None:
        moved = np.abs(to_raw @ separating).reshape(k, n_raw)
        table[moved > LOADING * moved.max()] = "separated"
    table[reference, : 1 + len(scaling.gate.columns)] = "pinned"
    table[bound[order], -1] = "at bound"
    notes = tuple(str(note) for note in table.ravel())
    unusable = np.array([note != "" for note in notes])
    result[unusable, :] = np.nan
    result[:, unusable] = np.nan
    return result, notes, values


def canonical_map(objective, scaling, variance, order, reference):
    """Jacobian from scaled parameters (with log variance) to canonical raw parameters (with variance)."""
    k = objective.n_experts
    jacobian = scaling.jacobian(k).reshape(k, -1, k * objective.width)
    jacobian[:, -1] *= variance[:, None]
    jacobian = jacobian[order]
    q = 1 + len(scaling.gate.columns)
    pin = objective.gate.canonical_map(k, q, reference)
    gate = jacobian[:, :q].reshape(k * q, -1)
    jacobian[:, :q] = (pin @ gate).reshape(k, q, -1)
    return jacobian.reshape(-1, k * objective.width)


def _columns_of(basis, rows):
    """Columns of an orthonormal basis that are the unit vectors of ``rows``."""
    return [int(np.argmax(np.abs(basis[row]))) for row in rows]


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
