"""Where a point stands: in which units its gradient counts, and how far inside of the parameter space it is."""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import AT, ROWS, ROWS_THERE
from gmoe.kernels.climb.dense import copy, dot, fill

# Relative distance below a least share that is rounding.
SLACK = 1e-9


@kernel
def units(problem, theta, out):
    """Write the unit in which each parameter counts: the standard deviation of its expert for coefficients of means."""
    fill(1.0, out)
    q_gate, q_expert = problem.n_own
    for j in range(problem.least_shares.shape[0]):
        start = j * (q_gate + q_expert) + q_gate
        size = math.exp(0.5 * theta[start + q_expert - 1])
        for t in range(start, start + q_expert - 1):
            out[t] = size


@kernel
def steepness(problem, theta, gradient):
    """Largest entry of the gradient in those units, without its part along flat directions."""
    rest, result = np.empty(theta.shape[0]), 0.0
    units(problem, theta, rest)
    for i in range(rest.shape[0]):
        rest[i] *= gradient[i]
    for i in range(rest.shape[0]):
        result = max(result, abs(rest[i] - dot(problem.flat[i], rest)))
    return result


@kernel
def room(problem, theta):
    """How far inside of the fixed walls a point is: the least of their values."""
    least = np.inf
    for i in range(problem.offsets.shape[0]):
        least = min(least, dot(problem.rows[i], theta) - problem.offsets[i])
    return least


@kernel
def rows_of(problem, totals):
    """Smallest share of an expert over the least one."""
    least = np.inf
    for j in range(problem.least_shares.shape[0]):
        if problem.least_shares[j] > 0.0:
            least = min(least, totals[1, j] / problem.total / problem.least_shares[j])
    return least


@kernel
def accept(state, value):
    """Make the point of the last pass the current one."""
    copy(state.point, state.theta)
    copy(state.next_gradient, state.gradient)
    state.counts[AT] += 1
    state.history[state.counts[AT]] = value
    state.numbers[ROWS] = state.numbers[ROWS_THERE]
