"""One step of EM: see :mod:`gmoe.solvers.ascent.em`."""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import BREAKDOWN, WALL
from gmoe.kernels.climb.dense import dot, factor, largest, solve
from gmoe.kernels.climb.evaluate import SLACK, evaluate, room, rows_of

# Relative change of the value that is rounding; what a step may stand beyond a wall by rounding.
NO_GAIN, ROUNDING = 1e-13, 1e-12
RIDGE, LEAST_STEP, CUT = 1e-8, 1e-12, 0.25
# Variance of an expert that fits its rows to the last digit.
TINY = 1e-290
RISEN, STANDS = 100, 101


@kernel
def rise(problem, scratch, counts, theta, value, gradient):
    """Take one step, its gate part cut until the value does not fall.

    The scratch must have the sums of the point, and leaves with those of the next one.

    Returns
    -------
    status : int
        RISEN, and ``theta`` and ``gradient`` are those of the next point; STANDS, WALL, BREAKDOWN.
    value : float
    """
    start, direction = theta.copy(), np.zeros(theta.shape[0])
    hessian = np.empty((0, 0))
    was_outside = rows_of(problem, scratch) < 1.0 - SLACK
    if not (_experts(problem, scratch, gradient, start) and _gate(problem, scratch, gradient, direction)):
        return BREAKDOWN, value
    step, point, slope = 1.0, np.empty(theta.shape[0]), np.empty(theta.shape[0])
    while step > LEAST_STEP:
        point[:] = start + step * direction
        if room(problem, start) < -ROUNDING or room(problem, point) < -ROUNDING:
            return WALL, value
        following = evaluate(problem, scratch, counts, point, problem.orders[0], slope, hessian)
        settles = following >= value - NO_GAIN * (1.0 + abs(value)) and largest(slope) < largest(gradient)
        if following >= value or settles:
            if rows_of(problem, scratch) < 1.0 - SLACK and not was_outside:
                return STANDS, value
            theta[:], gradient[:] = point, slope
            return RISEN, following
        step *= CUT
    return STANDS, value


@kernel
def _experts(problem, scratch, gradient, theta):
    """M-step of the experts in place, without bounds; False where a regression has no single solution."""
    q_gate, q_expert = problem.n_own
    mass, last, together = scratch.sums[0][0], q_expert - 1, scratch.sums[0][0].sum()
    for j in range(mass.shape[0]):
        if not mass[j] > ROUNDING * together:
            return False
        start = j * (q_gate + q_expert) + q_gate
        moments = -scratch.bend[j, :last, :last]
        pull = problem.total * gradient[start : start + last]
        change = pull.copy()
        if not factor(moments):
            return False
        solve(moments, change)
        square = -2.0 * scratch.bend[j, last, last] - dot(pull, change)
        for t in range(last):
            theta[start + t] += change[t]
        theta[start + last] += math.log(max(square / mass[j], TINY))
    return True


@kernel
def _gate(problem, scratch, gradient, direction):
    """Newton direction of the gate's complete-data log-likelihood; False where its information breaks down."""
    q, _ = problem.n_own
    gate_block, gate_gram = scratch.sums[3], scratch.sums[5]
    size = problem.gate_index.shape[0]
    information = -gate_gram[:size, :size]
    for j in range(gate_block.shape[0]):
        for a in range(q):
            for b in range(a + 1):
                information[j * q + a, j * q + b] += gate_block[j, a, b]
    information /= problem.total
    step = np.empty(size)
    for a in range(size):
        information[a, a] += RIDGE
        step[a] = gradient[problem.gate_index[a]]
    if not factor(information):
        return False
    solve(information, step)
    for a in range(size):
        direction[problem.gate_index[a]] = step[a]
    return True
