"""One pass over all blocks, and where a point stands: gates with affine log-weights, Gaussian experts of one response.

Another family has the same functions with its own densities; the steps ask for nothing else.
"""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels import assemble, gaussian
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.climb.arrays import PASSES
from gmoe.kernels.climb.dense import dot
from gmoe.kernels.rows import gather

# Relative distance below a least share that is rounding.
SLACK = 1e-9


@kernel
def evaluate(problem, scratch, counts, theta, order, gradient, hessian):
    """Average log-likelihood of ``theta``, its gradient and, at OBSERVED, its Hessian; the sums stay in the scratch."""
    q_gate, q_expert = problem.n_own
    k, width = scratch.gate.shape[0], q_gate + q_expert
    for j in range(k):
        scratch.gate[j] = theta[j * width : j * width + q_gate]
        scratch.own[j] = theta[j * width + q_gate : (j + 1) * width]
    scratch.flat[:] = 0.0
    value = 0.0
    for b in range(problem.counts.shape[0]):
        m = problem.counts[b]
        affine_rows(problem.gate[b, 1:], m, scratch.gate, scratch.logit)
        value += gaussian.gaussian_mixture(
            scratch.logit, scratch.no_factors, problem.gate[b : b + 1], problem.gate_segments,
            problem.expert[b : b + 1], problem.y[b], scratch.own, scratch.density, scratch.factors,
            problem.expert_segments, q_gate, problem.weight[b], m, scratch.work, order, *scratch.sums,
        )  # fmt: skip
    totals, pull_gate, pull_expert, gate_block, gate_shared, gate_gram, block, shared_block, full, moments = (
        scratch.sums
    )
    gaussian.bend(scratch.own, moments, pull_expert, totals[0], scratch.bend)
    gradient[:] = 0.0
    gather(pull_gate, problem.gate_segments, problem.at_gate, gradient)
    gather(pull_expert, problem.expert_segments, problem.at_expert, gradient)
    gradient /= problem.total
    if order == problem.orders[1]:
        hessian[:] = 0.0
        assemble.hessian(
            gate_block, gate_shared, gate_gram, block, shared_block, full, scratch.no_bend, scratch.bend,
            problem.n_own, problem.at_gate, problem.at_expert, problem.gate_index, problem.at_both, hessian,
        )  # fmt: skip
        hessian /= problem.total
    counts[PASSES] += 1
    return value / problem.total


@kernel
def units(problem, theta, out):
    """Write the unit in which each parameter counts: the standard deviation of its expert for coefficients of means."""
    out[:] = 1.0
    q_gate, q_expert = problem.n_own
    for j in range(problem.least_shares.shape[0]):
        start = j * (q_gate + q_expert) + q_gate
        size = math.exp(0.5 * theta[start + q_expert - 1])
        for t in range(start, start + q_expert - 1):
            out[t] = size


@kernel
def steepness(problem, theta, gradient):
    """Largest entry of the gradient in those units, without its part along flat directions."""
    unit = np.empty(theta.shape[0])
    units(problem, theta, unit)
    rest, result = unit * gradient, 0.0
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
def rows_of(problem, scratch):
    """Smallest share of an expert over the least one, at the point of the last pass."""
    least = np.inf
    for j in range(problem.least_shares.shape[0]):
        if problem.least_shares[j] > 0.0:
            least = min(least, scratch.sums[0][1, j] / problem.total / problem.least_shares[j])
    return least
