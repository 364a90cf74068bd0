"""Steps of Newton's method in a trust region: see :mod:`gmoe.solvers.ascent.newton`."""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import (
    AT,
    BEATEN,
    BREAKDOWN,
    DONE,
    GOING,
    LEFT,
    LENGTH,
    MAXIMUM,
    PREDICTED,
    RADIUS,
    ROWS,
    ROWS_THERE,
    STEEP,
    WALL,
)  # fmt: skip
from gmoe.kernels.climb.dense import copy, dot, finite, times, total
from gmoe.kernels.climb.place import SLACK, accept, room, steepness, units
from gmoe.kernels.climb.trust_region import trust_region

# As in gmoe/solvers: a point so near a wall is on it; a share so many times the least one is far from it.
NEAR, FAR_ROWS = 1e-9, 3.0
CURVATURE, NEAR_END, CAUTION = 1e-7, 1e-2, 4.0
MAX_RADIUS, LEAST_RADIUS, ROUNDING = 1e6, 1e-11, 1e-13


@kernel
def ascend(problem, state, value, tol, beaten):
    """Take in value, gradient and Hessian at ``state.point``; say where the climb stands, ask for the next point."""
    numbers, counts = state.numbers, state.counts
    sound = finite(value + total(state.next_gradient) + total(state.next_hessian.ravel()))
    if counts[AT] < 0:
        if not sound:
            return BREAKDOWN
        taken = True
    else:
        if numbers[ROWS_THERE] < 1.0 and numbers[ROWS] < FAR_ROWS:
            return WALL
        counts[LEFT] -= 1
        taken = _judge(problem, state, value, sound)
        if not taken and numbers[RADIUS] < LEAST_RADIUS:
            return BREAKDOWN
    if taken:
        accept(state, value)
        copy(state.next_hessian.ravel(), state.hessian.ravel())
        if room(problem, state.theta) <= NEAR or numbers[ROWS] <= 1.0 + NEAR:
            return WALL
        _local(problem, state)
    return _ask(problem, state, tol, beaten)


@kernel
def _judge(problem, state, value, sound):
    """Whether a trial point is taken; sets the radius."""
    numbers, before = state.numbers, state.history[state.counts[AT]]
    predicted, length, radius = numbers[PREDICTED], numbers[LENGTH], numbers[RADIUS]
    ratio = (value - before) / predicted if sound and predicted > 0.0 else -1.0
    if numbers[ROWS_THERE] < 1.0 - SLACK:
        # Too far to have seen the wall that it went through.
        ratio = -1.0
    elif predicted < ROUNDING * max(1.0, abs(before)):
        # Below rounding of the value only the gradient can tell progress.
        if steepness(problem, state.point, state.next_gradient) < numbers[STEEP]:
            ratio = 1.0
    if ratio < 0.25:
        numbers[RADIUS] = 0.25 * length
    elif ratio > 0.75 and length > 0.8 * radius:
        numbers[RADIUS] = min(2.5 * radius, MAX_RADIUS)
    return ratio > 1e-4


@kernel
def _ask(problem, state, tol, beaten):
    """Say where the climb stands; the best step within the radius leads to the next point."""
    numbers, step = state.numbers, state.step
    lowest, rise = trust_region(state.curvature, state.slope, numbers[RADIUS], step)
    is_maximum = lowest >= -CURVATURE
    if numbers[STEEP] <= tol and is_maximum:
        return MAXIMUM
    if state.counts[LEFT] == 0:
        return DONE
    if is_maximum and rise < NEAR_END and state.history[state.counts[AT]] + CAUTION * rise < beaten:
        return BEATEN
    image = np.empty(step.shape[0])
    times(state.curvature, step, image)
    numbers[PREDICTED] = dot(state.slope, step) - 0.5 * dot(step, image)
    numbers[LENGTH] = math.sqrt(dot(step, step))
    for i in range(step.shape[0]):
        state.point[i] = state.theta[i] + state.unit[i] * step[i]
    return GOING if room(problem, state.point) >= 0.0 else WALL


@kernel
def _local(problem, state):
    """Slope and curvature in local units; flat directions have no slope, and the largest curvature there is."""
    unit, slope, curvature = state.unit, state.slope, state.curvature
    units(problem, state.theta, unit)
    rest, most = np.empty(unit.shape[0]), 0.0
    for i in range(rest.shape[0]):
        rest[i] = unit[i] * state.gradient[i]
    for i in range(rest.shape[0]):
        slope[i] = rest[i] - dot(problem.flat[i], rest)
        row, bent, size = curvature[i], state.hessian[i], unit[i]
        for j in range(rest.shape[0]):
            row[j] = -size * bent[j] * unit[j]
        most = max(most, abs(row[i]))
    for i in range(rest.shape[0]):
        row, flat = curvature[i], problem.flat[i]
        for j in range(rest.shape[0]):
            row[j] += most * flat[j]
    state.numbers[STEEP] = steepness(problem, state.theta, state.gradient)
