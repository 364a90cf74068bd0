"""Climbs of Gaussian experts of one response, under gates whose log-weights are affine in the features."""

from gmoe._jit import kernel
from gmoe.kernels import assemble
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.climb.arrays import BUDGET, GOING, PASSES, PAUSE, ROWS_THERE
from gmoe.kernels.climb.ascend import ascend
from gmoe.kernels.climb.dense import copy, fill, scale
from gmoe.kernels.climb.place import rows_of
from gmoe.kernels.climb.settle import settle
from gmoe.kernels.gaussian import bend, gaussian_mixture
from gmoe.kernels.posterior import OBSERVED
from gmoe.kernels.rows import gather


@kernel
def climb(problem, scratch, state, order, tol, beaten):
    """Go on with a climb; return where it stands, see :mod:`gmoe.kernels.climb.arrays`.

    Parameters
    ----------
    problem : Problem; scratch : Scratch; state : State
    order : int
        COMPLETE for steps of EM, OBSERVED for Newton's.
    tol : float
        On the largest entry of the average gradient.
    beaten : float
        Newton's method leaves a climb that will end far below this value.
    """
    counts = state.counts
    last = counts[PASSES] + counts[BUDGET]
    while True:
        if counts[PASSES] == last:
            return PAUSE
        counts[PASSES] += 1
        _begin(problem, scratch, state.point)
        value = 0.0
        for b in range(problem.counts.shape[0]):
            m = problem.counts[b]
            affine_rows(problem.gate[b, 1:], m, scratch.gate, scratch.logit)
            value += gaussian_mixture(
                scratch.logit, scratch.no_factors, problem.gate[b : b + 1], problem.gate_segments,
                problem.expert[b : b + 1], problem.y[b], scratch.own, scratch.density, scratch.factors,
                problem.expert_segments, scratch.gate.shape[1], problem.weight[b], m, scratch.work, order,
                *scratch.sums,
            )  # fmt: skip
        value /= problem.total
        _finish(problem, scratch, state, order)
        if order == OBSERVED:
            status = ascend(problem, state, value, tol, beaten)
        else:
            status = settle(problem, scratch, state, value, tol)
        if status != GOING:
            return status


@kernel
def _begin(problem, scratch, theta):
    """Write the parameters by expert; clear the sums."""
    q_gate, q_expert = problem.n_own
    for j in range(scratch.gate.shape[0]):
        start = j * (q_gate + q_expert)
        copy(theta[start:], scratch.gate[j])
        copy(theta[start + q_gate :], scratch.own[j])
    fill(0.0, scratch.flat)


@kernel
def _finish(problem, scratch, state, order):
    """From the sums to gradient and, at OBSERVED, Hessian."""
    totals, pull_gate, pull_expert, gate_block, gate_shared, gate_gram, block, shared_block, full, moments = (
        scratch.sums
    )
    bend(scratch.own, moments, pull_expert, totals[0], scratch.bend)
    gradient, hessian = state.next_gradient, state.next_hessian
    fill(0.0, gradient)
    gather(pull_gate, problem.gate_segments, problem.at_gate, gradient)
    gather(pull_expert, problem.expert_segments, problem.at_expert, gradient)
    scale(1.0 / problem.total, gradient)
    if order == OBSERVED:
        fill(0.0, hessian.ravel())
        assemble.hessian(
            gate_block, gate_shared, gate_gram, block, shared_block, full, scratch.no_bend, scratch.bend,
            problem.n_own, problem.at_gate, problem.at_expert, problem.gate_index, problem.at_both, hessian,
        )  # fmt: skip
        scale(1.0 / problem.total, hessian.ravel())
    state.numbers[ROWS_THERE] = rows_of(problem, totals)
