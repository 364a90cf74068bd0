"""Newton's method in a trust region, inside of the parameter space: see :mod:`gmoe.solvers.ascent.newton`."""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import AT, BEATEN, BREAKDOWN, BUDGET, DONE, LEFT, MAXIMUM, PASSES, PAUSE, WALL
from gmoe.kernels.climb.dense import dot, times
from gmoe.kernels.climb.evaluate import SLACK, evaluate, room, rows_of, steepness, units
from gmoe.kernels.climb.trust_region import trust_region

# As in gmoe/solvers: a point so near a wall is on it; a share so many times the least one is far from it.
NEAR, FAR_ROWS = 1e-9, 3.0
CURVATURE, NEAR_END, CAUTION = 1e-7, 1e-2, 4.0
MAX_RADIUS, LEAST_RADIUS = 1e6, 1e-11


@kernel
def ascend(problem, scratch, state, tol, beaten):
    """Go on with a climb to its end; return how it ended, see :mod:`gmoe.kernels.climb.arrays`."""
    theta, counts, size = state.theta, state.counts, state.theta.shape[0]
    last = counts[PASSES] + counts[BUDGET]
    gradient, hessian = np.empty(size), np.empty((size, size))
    next_gradient, next_hessian = np.empty(size), np.empty((size, size))
    unit, slope, step, image, curvature = (
        np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty((size, size)),
    )  # fmt: skip
    observed = problem.orders[1]
    value = evaluate(problem, scratch, counts, theta, observed, gradient, hessian)
    state.history[counts[AT]] = value
    if not np.isfinite(value + gradient.sum() + hessian.sum()):
        return BREAKDOWN
    rows = rows_of(problem, scratch)
    moved = True
    while True:
        if moved:
            if room(problem, theta) <= NEAR or rows <= 1.0 + NEAR:
                return WALL
            units(problem, theta, unit)
            _local(problem, gradient, hessian, unit, slope, curvature)
            steep = steepness(problem, theta, gradient)
            moved = False
        lowest, free = trust_region(curvature, slope, state.radius[0], step)
        is_maximum = lowest >= -CURVATURE
        if steep <= tol and is_maximum:
            return MAXIMUM
        if counts[LEFT] == 0:
            return DONE
        if is_maximum and free < NEAR_END and value + CAUTION * free < beaten:
            return BEATEN
        if counts[PASSES] >= last:
            return PAUSE
        point = theta + unit * step
        if not room(problem, point) >= 0.0:
            return WALL
        counts[LEFT] -= 1
        times(curvature, step, image)
        predicted, length = dot(slope, step) - 0.5 * dot(step, image), np.sqrt(dot(step, step))
        following = evaluate(problem, scratch, counts, point, observed, next_gradient, next_hessian)
        now = rows_of(problem, scratch)
        if now < 1.0 and rows < FAR_ROWS:
            counts[LEFT] += 1
            return WALL
        finite = np.isfinite(following + next_gradient.sum() + next_hessian.sum())
        ratio = (following - value) / predicted if finite and predicted > 0.0 else -1.0
        if now < 1.0 - SLACK:
            ratio = -1.0
        elif predicted < 1e-13 * max(1.0, abs(value)):
            # Below rounding of the value only the gradient can tell progress.
            if steepness(problem, point, next_gradient) < steep:
                ratio = 1.0
        if ratio < 0.25:
            state.radius[0] = 0.25 * length
        elif ratio > 0.75 and length > 0.8 * state.radius[0]:
            state.radius[0] = min(2.5 * state.radius[0], MAX_RADIUS)
        if ratio > 1e-4:
            theta[:], gradient[:] = point, next_gradient
            hessian[:], value, rows, moved = next_hessian, following, now, True
            counts[AT] += 1
            state.history[counts[AT]] = value
        elif state.radius[0] < LEAST_RADIUS:
            return BREAKDOWN


@kernel
def _local(problem, gradient, hessian, unit, slope, curvature):
    """Slope and curvature in local units; flat directions have no slope, and the largest curvature there is."""
    size, most, rest = gradient.shape[0], 0.0, unit * gradient
    for i in range(size):
        slope[i] = rest[i] - dot(problem.flat[i], rest)
        for j in range(size):
            curvature[i, j] = -unit[i] * hessian[i, j] * unit[j]
        most = max(most, abs(curvature[i, i]))
    for i in range(size):
        for j in range(size):
            curvature[i, j] += most * problem.flat[i, j]
