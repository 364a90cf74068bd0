"""Gates that separate: the likelihood still rises, or does not fall, as gate parameters go to infinity."""

import numpy as np

from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.ascent.orthants import newton
from gmoe.solvers.problem.layout import beside
from gmoe.solvers.problem.objective import SCORE, Evaluation, Objective

# Average gate information (of whitened features: at most about 1) below this makes a direction a candidate.
WEAK = 1e-5
# Fall of the average log-likelihood, far out, that a maximum exceeds by orders of magnitude.
NO_FALL = 1e-8
# Relative change of the average log-likelihood that is rounding.
ROUNDING = 1e-13
# Part of a direction that leads out of the equations, and is rounding.
OPEN = 1e-9
# Part of a way that is left where shares are given, below which they lead back.
BACK = 0.3
# Steps outward along a separating direction, and Newton steps that follow.
OUTWARD, STEPS = (10.0, 100.0), 30


def outward(objective: Objective, ascent: Ascent, direction, settings) -> Ascent:
    """Go on along the direction that separates a dense gate, where the last millionths of its supremum are.

    A climb stops where the gradient is small, and the likelihood of a separated gate rises for ever, by less and less.
    """
    room, at = settings.max_iter - len(ascent.history) + 1, ascent.evaluation
    if objective.gate.is_sparse(objective.n_experts) or room <= STEPS:
        return ascent
    ways = [sign * size * direction / np.linalg.norm(direction) for size in OUTWARD for sign in (-1.0, 1.0)]
    points = [at.theta + way for way in ways if objective.flat_wall.values(at.theta + way).min(initial=0.0) >= 0.0]
    far = max((objective.evaluate(point, SCORE) for point in points), key=lambda e: e.value, default=at)
    end = newton(objective, far.theta, settings.tol, STEPS)
    if not end.converged or objective.outside(end.evaluation) or end.evaluation.value <= at.value:
        return ascent
    return Ascent(end.evaluation, ascent.history + end.history[1:], True)


def separating_direction(objective: Objective, evaluation: Evaluation):
    """Direction (P,) of the gate along which the likelihood never falls again, or None.

    Candidates are the directions of least gate information, and the common scale of what a sparse gate ranks by; with a
    sparse gate only what holds the selection, as the likelihood jumps elsewhere.  Along each the average log-likelihood
    is evaluated as far out as the gate's own size: for a maximum it falls there, for a separated gate (or an expert
    whose share goes to zero) it does not.  Last, with all logits doubled: where a separated gate has no information
    left, the least informed directions are arbitrary ones, and need not separate.
    """
    assert evaluation.hessian is not None
    index = objective.gate_index
    vanishing = _vanishing(objective, evaluation)
    if vanishing is not None:
        return vanishing
    free, scale = _gate_directions(objective, evaluation)
    if not free.size:
        return None
    values, vectors = np.linalg.eigh(-free.T @ evaluation.hessian[np.ix_(index, index)] @ free)
    size = max(10.0, float(np.linalg.norm(free.T @ evaluation.theta[index])))
    for vector in [*(free @ vectors[:, values < WEAK]).T, *scale.T]:
        direction = np.zeros_like(evaluation.theta)
        direction[index] = vector
        points = [_far(objective, evaluation.theta, sign * size * direction) for sign in (-1.0, 1.0)]
        if any(point is None for point in points):
            continue
        ends = [objective.evaluate(point, SCORE).value for point in points]
        rises = np.array(ends) - evaluation.value
        # The same either way, to rounding: a direction without effect on these data, which separates nothing.
        idle = np.abs(rises).max() <= ROUNDING * (1.0 + abs(evaluation.value))
        if rises.max() > -NO_FALL and not idle:
            return direction
    gate = objective.gate
    if gate.is_sparse(objective.n_experts) and gate.selection.scale_invariant:
        return None
    return _separating_scale(objective, evaluation)


def _vanishing(objective, evaluation):
    """Direction (P,) in which a given density has ever less weight, if the likelihood does not fall without it.

    Others have their rows, and never less.
    """
    for j in range(objective.n_fitted, objective.n_experts) if objective.gate.adds_intercept else ():
        direction = np.zeros_like(evaluation.theta)
        objective.split(direction)[0][j, 0] = -1.0
        if not _is_open(objective, direction):
            continue
        value = objective.evaluate(evaluation.theta + OUTWARD[0] * direction, SCORE).value
        if evaluation.value - value < NO_FALL:
            return direction
    return None


def _separating_scale(objective: Objective, evaluation: Evaluation):
    """Direction (P,) in which all logits grow alike, if the likelihood does not fall where they are twice as large."""
    direction = np.zeros_like(evaluation.theta)
    own = objective.split(evaluation.theta)[0], objective.shared(evaluation.theta)
    scale = objective.symmetry.scale
    # A gate without such a scale at least becomes steeper.
    direction[objective.gate_index] = scale.change(*own, 2.0) if scale else np.append(own[0], 0.0 * own[1])
    if not direction.any() or not _is_open(objective, direction):
        return None
    point = _far(objective, evaluation.theta, direction)
    if point is None:
        return None
    value = objective.evaluate(point, SCORE).value
    return direction if evaluation.value - value < NO_FALL else None


def _far(objective, theta, way):
    """Point at the end of a way, with the given shares; None where these lead back."""
    point = objective.on_equations(theta + way)
    # What the density does not depend on is no way at all.
    left, whole = (np.linalg.norm(objective.identified.T @ move) for move in (point - theta, way))
    return None if left < BACK * whole else point


def _is_open(objective, direction):
    """Whether equations are kept along a direction."""
    return np.abs(objective.along_equations(direction) - direction).max() <= OPEN * np.abs(direction).max()


def _gate_directions(objective, evaluation):
    """Orthonormal directions of the gate that may separate it, and the scale of a sparse gate's keys, as columns."""
    flat, free = objective.uninformed, objective.informed
    free = objective.within_equations(objective.embed(free))[objective.gate_index]
    if objective.temperature_at_bound(evaluation.theta):
        # That this goes on for ever is known.
        free = beside(np.linalg.qr(np.column_stack([flat, np.eye(len(flat))[:, -1]]))[0])
    if not free.size or not objective.gate.is_sparse(objective.n_experts):
        return free, np.empty((len(flat), 0))
    own = objective.split(evaluation.theta)[0], objective.shared(evaluation.theta)
    keys = objective.symmetry.scale
    scale = keys.direction(*own)[:, None] if keys else np.empty((len(flat), 0))
    scale = scale[:, np.any(scale, axis=0)]
    # Only what holds every selection however far it goes, as the likelihood jumps elsewhere.
    held = np.column_stack([np.eye(len(flat))[:, objective.unseen], scale])
    left, sizes, _ = np.linalg.svd(free.T @ held, full_matrices=False)
    return free @ left[:, sizes > 1e-9 * sizes.max(initial=0.0)], scale / np.linalg.norm(scale, axis=0)
