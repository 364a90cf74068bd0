"""The cost of one EM iteration against scikit-learn's ``GaussianMixture`` on the joint (x, y) data.

Both by the difference of a long and a short run, so that starts and set-up do not count.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from benchmarks._measure import Figure, best_of
from benchmarks.fit import near
from gmoe import SoftmaxGate
from gmoe.datasets import make_gmoe
from gmoe.solvers.ascent.em import em
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.raw import scaled_parameters
from gmoe.solvers.problem.scaling import scale

SHORT, LONG = 5, 25


def run():
    for n, d, k in ((100_000, 1, 3), (100_000, 5, 4)):
        X, y, truth, _ = make_gmoe(n, d, k)
        scaling = scale(X, y, None, np.arange(d), np.arange(d))
        objective = Objective(scaling.blocks(X, y), SoftmaxGate(), k)
        theta = scaled_parameters(objective, scaling, near(truth.parameters, 0))
        joint = np.column_stack([X, y])
        (short, _), (long, ascent), (short_peer, _), (long_peer, _) = best_of(
            5,
            lambda o=objective, t=theta: em(o, t, tol=0.0, max_iter=SHORT),
            lambda o=objective, t=theta: em(o, t, tol=0.0, max_iter=LONG),
            lambda xy=joint, k=k: _mixture(xy, k, SHORT),
            lambda xy=joint, k=k: _mixture(xy, k, LONG),
        )
        iterations = len(ascent.history) - 1 - SHORT
        own, peer = (long - short) / iterations, (long_peer - short_peer) / (LONG - SHORT)
        detail = f"{own * 1e3:.2f} against {peer * 1e3:.2f} ms per iteration"
        yield Figure(f"EM iteration / GaussianMixture iteration, n={n}, d={d}, k={k}", own / peer, "< 1", detail=detail)


def _mixture(joint, k, max_iter):
    mixture = GaussianMixture(
        k, covariance_type="full", tol=0.0, max_iter=max_iter, init_params="random_from_data", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(joint)
