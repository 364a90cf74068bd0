"""One large fit with two threads against one; the results must be the same to the last bit."""

import numpy as np

from benchmarks._measure import Figure, best_of
from benchmarks.fit import near
from gmoe import GaussianMoERegressor
from gmoe.datasets import make_gmoe

N, D, K = 1_000_000, 1, 3


def run():
    X, y, truth, _ = make_gmoe(N, D, K)
    start = near(truth.parameters, 0)

    def fit(n_jobs):
        return GaussianMoERegressor(K, init=start, n_jobs=n_jobs).fit(X, y)

    (one, a), (two, b) = best_of(6, lambda: fit(1), lambda: fit(2))
    same = a.log_likelihood_ == b.log_likelihood_ and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("gate_intercept_", "gate_coef_", "intercept_", "coef_", "variance_", "shares_")
    )
    same = same and np.array_equal(a.fit_result_.covariance, b.fit_result_.covariance, equal_nan=True)
    where = f"n={N}, d={D}, k={K}"
    yield Figure(f"speed-up by a second thread, {where}", one / two, ">= 1.7", detail=f"{one:.2f} against {two:.2f} s")
    yield Figure(f"bitwise the same result, {where}", bool(same), "= yes")
