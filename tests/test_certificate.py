"""What the certificate claims, where a reviewer once found it wrong."""

import threading

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from gmoe import GaussianMoERegressor, Parameters, log_likelihood_scorer
from gmoe.datasets import make_gmoe
from gmoe.solvers.search.round import LOOK


@pytest.mark.parametrize("n", [1_000, 100_000])
def test_separation_is_found_at_any_size(n):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, n)
    y = np.where(x > 0, 3.0 + x, -2.0 * x) + 0.1 * rng.standard_normal(n)
    with pytest.warns(ConvergenceWarning, match="separates"):
        fitted = GaussianMoERegressor(2, n_init=3, random_state=0).fit(x[:, None], y)
    notes = fitted.summary().to_frame()["note"]
    assert (notes[["gate_intercept (1)", "gate_coef[0] (1)"]] == "separated").all()


def test_separation_is_found_where_all_information_is_gone():
    # A gate so steep that no direction has information left, and the data say nothing about which one separates.
    rng = np.random.default_rng(1)
    X = rng.uniform(-1.0, 1.0, (300, 2))
    score = X @ [1.0, 2.0]
    X, score = X[np.abs(score) > 0.2], score[np.abs(score) > 0.2]
    y = np.where(score > 0, 3.0, -3.0) + 0.1 * rng.standard_normal(len(X))
    steep = Parameters([0.0, 30.0], [[0.0, 0.0], [500.0, 1100.0]], [-3.0, 3.0], np.zeros((2, 2)), [0.01, 0.01])
    with pytest.warns(ConvergenceWarning, match="separates"):
        fitted = GaussianMoERegressor(2, init=steep).fit(X, y)
    assert fitted.fit_result_.gradient < 1e-8


def test_agreement_counts_the_starts_beyond_the_sample_too():
    X, y, _, _ = make_gmoe(10_001, 1, 2, random_state=4)
    result = GaussianMoERegressor(2, random_state=0).fit(X, y).fit_result_
    # Two rounds, of one look and of two; most starts meet the only maximum of an easy problem.
    assert result.n_starts == 3 * LOOK
    assert result.n_agreeing > 2 * LOOK


def test_the_last_step_counts():
    X, y, _, _ = make_gmoe(400, 2, 2, random_state=1)
    best = GaussianMoERegressor(2, random_state=0).fit(X, y)
    again = GaussianMoERegressor(2, init=best.model_.parameters, max_iter=1).fit(X, y)
    assert again.fit_result_.status == "converged"


def test_the_scorer_takes_pipelines():
    X, y, _, _ = make_gmoe(300, 1, 2, random_state=0)
    plain = GaussianMoERegressor(2, n_init=3, random_state=0)
    scores = [
        cross_val_score(estimator, X, y, scoring=log_likelihood_scorer, cv=3)
        for estimator in (plain, make_pipeline(StandardScaler(), plain))
    ]
    # Affine features: the same fits up to rounding.
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6)


def test_fits_at_once_leave_blas_as_it_was():
    def threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads()
    X, y, _, _ = make_gmoe(200, 1, 2, random_state=0)
    jobs = [threading.Thread(target=GaussianMoERegressor(2, n_init=2).fit, args=(X, y)) for _ in range(6)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert threads() == before
