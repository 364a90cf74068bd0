"""The cost of one score pass in units of ``np.exp``.

Log-likelihood and gradient need 2 k exponentials per observation, k for the gate and k for the responsibilities; the
unit is what NumPy needs for these alone.
"""

import numpy as np

from benchmarks._measure import Figure, best_of
from gmoe import SoftmaxGate
from gmoe._arrays import aligned
from gmoe.datasets import make_gmoe
from gmoe.solvers.problem.objective import OBSERVED, SCORE, Objective
from gmoe.solvers.problem.raw import scaled_parameters
from gmoe.solvers.problem.scaling import scale

N, D, K = 100_000, 1, 3


def run():
    X, y, truth, _ = make_gmoe(N, D, K)
    scaling = scale(X, y, None, np.arange(D), np.arange(D))
    objective = Objective(scaling.blocks(X, y), SoftmaxGate(), K)
    theta = scaled_parameters(objective, scaling, truth.parameters)
    # NumPy at its best too: aligned, no new memory, and several calls in a row, with its arrays in the cache.
    values, out = aligned(2 * K * N), aligned(2 * K * N)
    np.random.default_rng(0).standard_normal(out=values)
    (unit, _), (score, _), (hessian, _) = best_of(
        20,
        lambda: np.exp(values, out=out),
        lambda: objective.evaluate(theta, SCORE),
        lambda: objective.evaluate(theta, OBSERVED),
        run=10,
    )
    where = f"n={N}, d={D}, k={K}"
    detail = f"{score / N * 1e9:.1f} ns per observation; np.exp {unit / len(values) * 1e9:.2f} ns per value"
    yield Figure(f"score pass / np.exp of 2kn values, {where}", score / unit, "<= 4", detail=detail)
    yield Figure(
        f"pass with exact Hessian / np.exp of 2kn values, {where}",
        hessian / unit,
        detail=f"{hessian / N * 1e9:.1f} ns per observation",
    )
