"""Steps of EM: see :mod:`gmoe.solvers.ascent.em`."""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import AT, BREAKDOWN, DONE, GOING, LEFT, PART, ROWS, ROWS_THERE, WALL
from gmoe.kernels.climb.dense import copy, dot, factor, fill, finite, largest, moved, solve, total
from gmoe.kernels.climb.place import SLACK, accept, room, steepness

# Relative change of the value that is rounding; what a step may stand beyond a wall by rounding.
NO_GAIN, ROUNDING = 1e-13, 1e-12
RIDGE, LEAST_PART, CUT = 1e-8, 1e-12, 0.25
# Share of an expert, and its variance, that are none.
NOTHING, TINY = 1e-12, 1e-290


@kernel
def settle(problem, scratch, state, value, tol):
    """Take in the value at ``state.point``; say where the climb stands, and ask for the next point.

    A step is that of the experts and then, cut until the value does not fall, that of the gate. DONE where no step is
    left, none rises, or the gradient is at most ``tol``.
    """
    counts, numbers, start, direction = state.counts, state.numbers, state.unit, state.slope
    if counts[AT] >= 0 and not _rises(state, value):
        numbers[PART] *= CUT
        if numbers[PART] <= LEAST_PART:
            return DONE
    else:
        if counts[AT] >= 0:
            if numbers[ROWS_THERE] < 1.0 - SLACK and numbers[ROWS] >= 1.0 - SLACK:
                return DONE
            counts[LEFT] -= 1
        accept(state, value)
        if not finite(value + total(state.gradient)):
            return BREAKDOWN
        if counts[LEFT] == 0 or steepness(problem, state.theta, state.gradient) <= tol:
            return DONE
        copy(state.theta, start)
        fill(0.0, direction)
        numbers[PART] = 1.0
        if not (_experts(problem, scratch, state.gradient, start) and _gate(problem, scratch, state, direction)):
            return BREAKDOWN
        if room(problem, start) < -ROUNDING:
            return WALL
    moved(start, numbers[PART], direction, state.point)
    return WALL if room(problem, state.point) < -ROUNDING else GOING


@kernel
def _rises(state, value):
    """Whether the value does not fall, or is unchanged up to rounding and the gradient, which sees more, falls."""
    before = state.history[state.counts[AT]]
    equal = value >= before - NO_GAIN * (1.0 + abs(before))
    return value >= before or (equal and largest(state.next_gradient) < largest(state.gradient))


@kernel
def _experts(problem, scratch, gradient, theta):
    """M-step of the experts in place, without bounds; False where a regression has no single solution."""
    q_gate, q_expert = problem.n_own
    mass, last = scratch.sums[0][0], q_expert - 1
    moments, pull, change, together = np.empty((last, last)), np.empty(last), np.empty(last), total(mass)
    for j in range(mass.shape[0]):
        if not mass[j] > NOTHING * together:
            return False
        start = j * (q_gate + q_expert) + q_gate
        for a in range(last):
            change[a] = pull[a] = problem.total * gradient[start + a]
            for b in range(a + 1):
                moments[a, b] = -scratch.bend[j, a, b]
        if not factor(moments):
            return False
        solve(moments, change)
        square = -2.0 * scratch.bend[j, last, last] - dot(pull, change)
        for t in range(last):
            theta[start + t] += change[t]
        theta[start + last] += math.log(max(square / mass[j], TINY))
    return True


@kernel
def _gate(problem, scratch, state, direction):
    """Newton direction of the gate's complete-data log-likelihood; False where its information breaks down."""
    q, _ = problem.n_own
    gate_block, gate_gram = scratch.sums[3], scratch.sums[5]
    size = problem.gate_index.shape[0]
    information, step = np.empty((size, size)), np.empty(size)
    for a in range(size):
        step[a] = state.gradient[problem.gate_index[a]]
        for b in range(a + 1):
            information[a, b] = -gate_gram[a, b] / problem.total
    for j in range(gate_block.shape[0]):
        for a in range(q):
            for b in range(a + 1):
                information[j * q + a, j * q + b] += gate_block[j, a, b] / problem.total
    for a in range(size):
        information[a, a] += RIDGE
    if not factor(information):
        return False
    solve(information, step)
    for a in range(size):
        direction[problem.gate_index[a]] = step[a]
    return True
