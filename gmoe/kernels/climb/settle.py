"""Steps of EM, one pass each: see :mod:`gmoe.solvers.ascent.em`."""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.arrays import AT, BREAKDOWN, BUDGET, DONE, LEFT, PASSES, PAUSE
from gmoe.kernels.climb.evaluate import evaluate, steepness
from gmoe.kernels.climb.rise import RISEN, STANDS, rise


@kernel
def settle(problem, scratch, state, tol):
    """Go on with a climb by EM for as many steps as are left; return how it ended.

    DONE where no step is left, none rises, or the gradient is at most ``tol``.
    """
    theta, counts = state.theta, state.counts
    last = counts[PASSES] + counts[BUDGET]
    gradient, no_hessian = np.empty(theta.shape[0]), np.empty((0, 0))
    value = evaluate(problem, scratch, counts, theta, problem.orders[0], gradient, no_hessian)
    state.history[counts[AT]] = value
    while counts[LEFT] > 0:
        if not np.isfinite(value + gradient.sum()):
            return BREAKDOWN
        if steepness(problem, theta, gradient) <= tol:
            return DONE
        if counts[PASSES] >= last:
            return PAUSE
        status, value = rise(problem, scratch, counts, theta, value, gradient)
        if status != RISEN:
            return DONE if status == STANDS else status
        counts[LEFT] -= 1
        counts[AT] += 1
        state.history[counts[AT]] = value
    return DONE
