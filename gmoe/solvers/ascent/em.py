"""Expectation maximisation, one pass over the data per iteration, never downhill.

Experts have a closed M-step (weighted least squares in residual form, so that nothing cancels as the iteration
settles; variances are the best ones within their bounds).  The gate takes one Newton step on the complete-data
log-likelihood; where the observed log-likelihood falls the step is cut: the direction is one of ascent, so some
fraction of it rises.  An expert that would be left with too few rows ends the iteration: along that wall of the
space Newton's method goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from gmoe.solvers.ascent.face import ROUNDING, Face, keep_inside
from gmoe.solvers.ascent.interior import Trail, settled
from gmoe.solvers.ascent.local import slope_at
from gmoe.solvers.problem.objective import COMPLETE, Evaluation, Objective, symmetric
from gmoe.solvers.problem.walls import variance_bounds

# Relative change of the value that is rounding.
NO_GAIN = 1e-13


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where an ascent ended: the last evaluation, the values on the way, and whether the gradient is below tol."""

    evaluation: Evaluation
    history: tuple[float, ...]
    converged: bool


def em(
    objective: Objective, theta, tol=1e-8, max_iter=1000, stop: Callable[[float, float], bool] | None = None
) -> Ascent:
    """Iterate until the largest entry of the average gradient is at most ``tol``.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (P,)
    tol : float
        Bound on the gradient, not on a change: in over-specified models EM crawls long before it arrives.
    max_iter : int
    stop : callable, optional
        Function of the average log-likelihoods before and after a step: where it is true the iteration ends, as that of
        published code does, with whatever gradient there is.
    """
    trail = settled(objective, theta, tol, max_iter) if stop is None else Trail(theta)
    current = objective.evaluate(trail.theta, COMPLETE)
    history = [*trail.history, current.value]
    while len(history) <= max_iter and slope_at(objective, current) > tol:
        following = _rise(objective, current)
        if following is None:
            break
        current = following
        history.append(current.value)
        if stop is not None and stop(history[-2], history[-1]):
            break
    return Ascent(current, tuple(history), slope_at(objective, current) <= tol)


def _rise(objective, current):
    """Take one EM step, its gate part cut until the value does not fall; None if it falls, or leaves the space."""
    start = within(objective, current.theta, expert_step(objective, current))
    direction = objective.embed(gate_direction(objective, current)[:, None])[:, 0]
    if not objective.experts.closed:
        # No step of the experts is sure to rise: it is cut with that of the gate.
        start, direction = current.theta, direction + start - current.theta
    # Without a closed step a bound may stop it: where it gains nothing the iteration ends, and Newton's goes on.
    least = 0.0 if objective.experts.closed else NO_GAIN * (1.0 + abs(current.value))
    step = 1.0
    while step > 1e-12:
        following = objective.evaluate(within(objective, start, start + step * direction), COMPLETE)
        if following.value >= current.value + least or _settles(current, following):
            return None if objective.outside(following) and not objective.outside(current) else following
        step *= 0.25
    return None


def within(objective, theta, point):
    """Longest part of the way to a point on which all fixed walls hold; the other end where there are none to speak of.

    The complete-data log-likelihood of the experts' means is concave, so that any part of its step rises.
    """
    walls = objective.fixed_walls
    if all(wall.values(point).min(initial=0.0) >= -ROUNDING for wall in walls):
        return point
    nothing = Face(walls, (), np.empty((len(theta), 0)), np.empty(0))
    return keep_inside(nothing, theta, lambda part: theta + part * (point - theta))[0]


def _settles(current, following):
    """Whether the value is unchanged up to rounding and the gradient, which sees more, still falls."""
    rounding = NO_GAIN * (1.0 + abs(current.value))
    return (
        following.value >= current.value - rounding
        and np.abs(following.gradient).max() < np.abs(current.gradient).max()
    )


def expert_step(objective, current):
    """Parameters (P,) with the M-step of the experts."""
    theta, sums, score = current.theta.copy(), current.sums, current.gradient * objective.blocks.total_weight
    own, shared = objective.split(theta)[1], objective.expert_shared(theta)
    own[:], shared[:] = objective.experts.maximise(
        own.copy(), shared.copy(), objective.split(score)[1], objective.expert_shared(score),
        symmetric(sums.bend_expert), sums.totals[0], variance_bounds(objective),
    )  # fmt: skip
    return theta


def gate_direction(objective, current):
    """Newton direction of the gate's complete-data log-likelihood, minimum norm on its flat directions.

    Shape (k q_gate + s_gate,): of the gate's natural parameters. Where the gate bends, the information's expectation
    takes the place of its curvature, which may point upwards.
    """
    information = gate_information(objective, current.sums)
    # The ridge keeps steps finite along the translations and where the gate separates.
    information[np.diag_indices_from(information)] += 1e-8
    gradient = current.gradient[objective.gate_index]
    try:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(information, check_finite=False), gradient)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(information)
        return vectors @ ((vectors.T @ gradient) / np.maximum(values, 1e-8))


def expert_moments(objective, evaluation):
    """Information on the coefficients of each expert's mean, times its variance: of a design sum w r x x'."""
    columns = objective.mean_columns
    own = objective.split(evaluation.theta)[1]
    measures = objective.experts.measures(own, objective.expert_shared(evaluation.theta))[:, columns]
    bend = symmetric(evaluation.sums.bend_expert)[:, columns[:, None], columns]
    return -bend * measures[:, :, None] * measures[:, None, :]


def gate_information(objective, sums):
    """Average complete-data information of the gate's natural parameters, (k q_gate + s_gate,) * 2."""
    k, q, s = objective.n_experts, objective.q_gate, objective.s_gate
    size = k * q
    result = -symmetric(sums.gate_gram[: size + s, : size + s])
    shared = slice(size, size + s)
    for j in range(k):
        own = slice(j * q, (j + 1) * q)
        result[own, own] += symmetric(sums.gate_block[j, :q, :q])
        rows = sums.gate_shared[j, :s]
        result[shared, own] += rows[:, :q]
        result[own, shared] += rows[:, :q].T
        result[shared, shared] += rows[:, objective.width : objective.width + s]
    return result / objective.blocks.total_weight
