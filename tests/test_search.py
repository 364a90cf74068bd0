"""The search over starts: as good as an independent one, nested, reproducible, and from where the user says."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from likelihood import REGULAR, fit_arrays, read, value_and_gradient
from scipy.optimize import minimize
from scipy.special import gammaln
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE, Parameters, SoftmaxGate
from gmoe.datasets import load_penguins, load_temperature_anomalies, make_gmoe
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.fit import fit
from gmoe.solvers.problem.objective import SCORE, Objective
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.search import dense as search
from gmoe.solvers.search.climb import Settings, best_of, climb
from gmoe.solvers.search.round import LOOK, unseen
from gmoe.solvers.search.rounds import MAX_ROUNDS
from gmoe.study.data.truths import TRUTHS, truth_from
from gmoe.study.protocols.near_truth import Noise, perturb, place


@pytest.mark.parametrize(("n", "d", "k", "n_fitted"), [(200, 1, 2, 2), (300, 2, 2, 3), (400, 1, 3, 3), (300, 1, 1, 2)])
def test_an_independent_optimiser_is_never_better(n, d, k, n_fitted):
    X, y, _, _ = make_gmoe(n, d, k, random_state=n + d, **REGULAR)
    result = fit_arrays(X, y, n_fitted)
    ours = result.log_likelihood
    residual = y - X @ np.linalg.lstsq(X, y)[0]
    floor = np.log(1e-4 * residual.var())
    rng = np.random.default_rng(0)

    def negative(theta):
        rows = theta.reshape(n_fitted, -1).copy()
        rows[:, -1] = np.exp(rows[:, -1])
        value, gradient = value_and_gradient(rows, X, X, y)
        return -value, -gradient.ravel()

    p = result.model.parameters
    starts = [np.column_stack([p.gate, p.expert, np.log(p.variance)])]
    for _ in range(20):
        start = rng.normal(size=(n_fitted, 2 * d + 3)) * y.std()
        start[:, -1] = np.log(y.var() * rng.uniform(0.1, 1.0, n_fitted))
        starts.append(start)
    ends = []
    for start in starts:
        bounds = ([(-1e5, 1e5)] * (2 * d + 2) + [(floor, floor + 30.0)]) * n_fitted
        options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-7}
        end = minimize(negative, start.ravel(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        # An end with a variance at the bound is a spike, no estimate; one with too few rows is outside of the set.
        rows = end.x.reshape(n_fitted, -1)
        logit = rows[:, 0] + X @ rows[:, 1 : 1 + d].T
        gate = np.exp(logit - logit.max(axis=1, keepdims=True))
        share = (gate / gate.sum(axis=1, keepdims=True)).sum(axis=0)
        if rows[:, -1].min() > floor + 0.01 and share.min() >= result.min_rows:
            ends.append(-end.fun)
    # It works: from our end it stays there, and others end inside; and it never beats ours.
    # (Where a second expert is one too many, most of them give it fewer rows than the set allows.)
    assert len(ends) >= 3
    assert ends[0] == pytest.approx(ours, abs=1e-6)
    assert max(ends) <= ours + 1e-6


DATA_SETS = {
    "co2": read("co2data", "GNP", "CO2"),
    "no": read("nodata", "NO", "Equivalence"),
    "temperature": load_temperature_anomalies(return_X_y=True),
    "penguins": (load_penguins().data[:, :1], load_penguins().target),
    "one expert": make_gmoe(300, 2, 1, random_state=1, **REGULAR)[:2],
    "two experts": make_gmoe(300, 1, 2, random_state=2, **REGULAR)[:2],
    "noise": (np.random.default_rng(5).normal(size=(100, 1)), np.random.default_rng(6).standard_t(3, 100)),
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_one_expert_more_never_fits_worse(name):
    X, y = DATA_SETS[name]
    values = [fit_arrays(X, y, k, seed=1).log_likelihood for k in range(1, 5)]
    assert np.diff(values).min() >= -1e-6, values


def everything(fitted):
    """All numbers of a fit, the standard errors included."""
    p, r = fitted.model_.parameters, fitted.fit_result_
    numbers = [p.gate, p.expert, p.variance, r.covariance, r.shares, r.log_likelihood, r.n_agreeing, r.n_passes]
    return np.concatenate([np.ravel(a) for a in numbers])


@pytest.mark.parametrize("n", [300, 20_000])
def test_threads_and_repetition_change_no_bit(n):
    X, y, _, _ = make_gmoe(n, 2, 2, random_state=4, **REGULAR)
    estimator = GaussianMoERegressor(2, n_init=4, random_state=7)
    once = everything(estimator.fit(X, y))
    np.testing.assert_array_equal(once, everything(estimator.fit(X, y)))
    np.testing.assert_array_equal(once, everything(estimator.set_params(n_jobs=2).fit(X, y)))


def test_random_states_of_every_kind():
    X, y, _, _ = make_gmoe(200, 1, 2, random_state=1, **REGULAR)
    for make in (lambda: 3, lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)):
        one, other = (GaussianMoERegressor(2, n_init=3, random_state=make()).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(everything(one), everything(other))
    # The starts do depend on it.
    passes = {GaussianMoERegressor(2, n_init=3, random_state=s).fit(X, y).fit_result_.n_passes for s in range(4)}
    assert len(passes) > 1


@pytest.fixture(scope="module")
def separate():
    X, y, truth, expert = make_gmoe(500, 1, 2, noise=0.5, gate_scale=1.0, expert_scale=3.0, random_state=2)
    return X, y, truth, expert, GaussianMoERegressor(2, random_state=0).fit(X, y)


@pytest.mark.parametrize("name", ["auto", "kmeans", "random", "split"])
def test_named_starts(separate, name):
    X, y, _, _, best = separate
    fitted = GaussianMoERegressor(2, init=name, n_init=5, random_state=0).fit(X, y)
    assert fitted.log_likelihood_ == pytest.approx(best.log_likelihood_, abs=1e-6)
    assert fitted.fit_result_.n_starts >= 5


def test_given_starts(separate):
    X, y, truth, expert, best = separate
    for init in (truth.parameters, best.model_.parameters, np.eye(2)[expert], 0.8 * np.eye(2)[expert] + 0.1):
        fitted = GaussianMoERegressor(2, init=init).fit(X, y)
        assert fitted.fit_result_.n_starts == 1
        assert fitted.log_likelihood_ == pytest.approx(best.log_likelihood_, abs=1e-6)
    # From the optimum there is nothing left to do: the start was used.
    assert GaussianMoERegressor(2, init=best.model_.parameters).fit(X, y).n_iter_ <= 2


def test_warm_start(separate):
    X, y, _, _, best = separate
    fitted = GaussianMoERegressor(2, warm_start=True, max_iter=1, n_init=1, random_state=0)
    with pytest.warns(ConvergenceWarning):
        first = fitted.fit(X, y).log_likelihood_
    again = fitted.set_params(max_iter=500).fit(X, y)
    assert again.fit_result_.n_starts == 1
    # It goes on where it stopped.
    assert again.fit_result_.history[0] == pytest.approx(first, rel=1e-12)
    assert again.log_likelihood_ == pytest.approx(best.log_likelihood_, abs=1e-6)
    # At the optimum it stays.
    assert again.fit(X, y).n_iter_ <= 2


def test_warm_start_with_another_number_of_experts_is_explained(separate):
    X, y, _, _, _ = separate
    fitted = GaussianMoERegressor(2, warm_start=True, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="warm_start"):
        fitted.set_params(n_experts=3).fit(X, y)
    with pytest.raises(ValueError, match="warm_start"):
        fitted.set_params(n_experts=2, gate_features=[]).fit(X, y)


def test_several_starts_end_no_lower_than_they_began_nor_at_an_edge_below_a_maximum(monkeypatch):
    """A sample's best end may be a spike or a separated gate of the sample alone: then all starts see all data."""
    monkeypatch.setattr("gmoe.solvers.fit.SAMPLE", 30)
    truth = GMoE(Parameters([0.0, 0.0], [[3.0], [0.0]], [1.0, -1.0], [[1.0], [-1.0]], [0.1, 0.1]))
    starts = [place(truth.parameters, which) for which in ((0, 0, 1), (0, 1, 1))]
    columns = np.array([0])
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1.0, 1.0, (600, 1))
        y = truth.sample(X, rng)[0]
        noisy = [perturb(start, 600, rng, Noise()) for start in starts]
        settings = dict(gate=SoftmaxGate(), gate_columns=columns, expert_columns=columns, n_experts=3, seed=seed)
        several = fit(X, y, init=noisy, **settings)
        single = [fit(X, y, init=start, **settings) for start in noisy]
        assert several.log_likelihood >= max(GMoE(start).log_density(X, y).sum() for start in noisy)
        inside = max((each.log_likelihood for each in single if each.certified), default=-np.inf)
        # 1e-6: what fits count as equal by.
        assert several.certified or several.log_likelihood >= inside - 1e-6


def test_several_starts_of_a_sparse_gate_move_their_boundaries():
    """The selection of a start is wrong for some observations, each of which costs more than all that is gained."""
    truth = truth_from(TRUTHS["topk_paper"]["truth"])
    columns = np.array([0])
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(2000, 1))
        y = truth.sample(X, rng)[0]
        starts = [perturb(truth.parameters, 2000, rng, Noise(gate=0.2)) for _ in range(2)]
        found = fit(X, y, gate=truth.gate, gate_columns=columns, expert_columns=columns, n_experts=2, init=starts)
        assert found.log_likelihood > truth.log_density(X, y).sum()


def test_rounds_are_independent_and_two_of_them_agree():
    X, y, _, _ = make_gmoe(400, 1, 3, random_state=3, **REGULAR)
    result = fit_arrays(X, y, 3)
    assert result.n_rounds_agreeing >= 2 or result.n_rounds == MAX_ROUNDS
    # A larger n_init makes the same rounds and more.
    more = fit_arrays(X, y, 3, n_init=30)
    assert more.n_rounds == max(6, result.n_rounds) and more.n_starts > result.n_starts
    assert more.log_likelihood >= result.log_likelihood - 1e-9  # rounding of a sum of 400 terms


@pytest.mark.parametrize(("n_starts", "different"), [(6, 1), (6, 3), (20, 6)])
def test_unseen_mass_is_the_posterior_mean(n_starts, different):
    """Of Bayes' formula by hand: any number of maxima as likely, and given that all divisions of the mass."""
    n, w, total = n_starts, different, np.arange(different, 2_000_000)
    # Of n draws from masses that are uniform on the simplex, w of the maxima are met.
    log_chance = gammaln(total + 1) - gammaln(total - w + 1) + gammaln(total) - gammaln(total + n)
    chance = np.exp(log_chance - log_chance.max())
    expected = np.sum(chance * (total - w) / (total + n)) / chance.sum()
    values = np.concatenate([np.arange(w), np.zeros(n - w)])
    # What the sum leaves out, beyond two million maxima: a part of 1e-6 or less.
    np.testing.assert_allclose(unseen(values), expected, rtol=2e-6)


def test_an_easy_problem_takes_one_look_a_round():
    X, y, _, _ = make_gmoe(1000, 1, 2)
    result = fit_arrays(X, y, 2, n_init=10)
    assert result.n_rounds == result.n_rounds_agreeing == 2
    assert result.n_starts <= 3 * LOOK


@pytest.mark.parametrize("seed", range(3))
def test_a_larger_n_init_never_ends_lower(seed):
    # Two experts too many for 60 observations: local maxima without end.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 1))
    y = X[:, 0] + rng.normal(size=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        values = [GaussianMoERegressor(3, n_init=n, random_state=seed).fit(X, y).log_likelihood_ for n in (5, 10, 25)]
    assert values[0] <= values[1] + 1e-9 and values[1] <= values[2] + 1e-9


def test_ends_of_the_sample_that_are_beaten_on_all_data_stay_there():
    X, y, _, _ = make_gmoe(30_000, 1, 2, random_state=5, **REGULAR)
    columns = np.arange(1)
    scaling = scale(X, y, None, columns, columns)
    objective = Objective(scaling.blocks(X, y), SoftmaxGate(), 2)
    settings = Settings("mle", 1, ("kmeans",), 1e-8, 500, None, 0)
    gate = np.zeros((2, 2))
    # One regression twice is a saddle far below; its experts a little apart climb to the best maximum.
    expert = np.array([[0.0, 1.0], [0.0, -1.0]])
    near = climb(objective, objective.join(gate, expert, np.zeros(2), []), settings)
    best = near.evaluation.theta
    low = objective.join(gate, 0.0 * expert, np.zeros(2), [])
    close = best + 1e-3
    few = objective.on(objective.blocks.some(search.SAMPLE, np.random.default_rng(0)))
    margin = search.BEATEN * objective.n_parameters / (2 * search.SAMPLE)
    assert objective.evaluate(low, SCORE).value < near.evaluation.value - margin
    assert objective.evaluate(close, SCORE).value > near.evaluation.value - margin
    top, poor, near_top = (Ascent(few.evaluate(theta), (), True) for theta in (best, low, close))
    follow = partial(climb, settings=settings, em_steps=1)
    first, beaten, climbed = search.climb_on_all(objective, few, [top, poor, near_top], follow)
    assert beaten.evaluation.theta.tolist() == low.tolist() and not beaten.converged
    assert climbed.converged and abs(climbed.evaluation.value - first.evaluation.value) < 1e-12  # rounding
    # The order is the sample's, and what follows a poor end may be the best.
    last = search.climb_on_all(objective, few, [poor, near_top], follow)[1]
    assert abs(last.evaluation.value - first.evaluation.value) < 1e-12


def test_evenness_of_weights():
    assert search._evenness(np.ones(7)) == 1.0
    # One observation in four has all the weight.
    assert search._evenness(np.array([0.0, 0.0, 1.0, 0.0])) == 0.25


def test_of_ends_equal_to_rounding_a_converged_one_is_the_best():
    X, y, _, _ = make_gmoe(200, 1, 2, random_state=1, **REGULAR)
    columns = np.arange(1)
    scaling = scale(X, y, None, columns, columns)
    objective = Objective(scaling.blocks(X, y), SoftmaxGate(), 1)
    theta = np.concatenate([np.zeros(4), np.zeros(1)])
    evaluation = objective.evaluate(theta, SCORE)

    def end(more, converged):
        return Ascent(replace(evaluation, value=evaluation.value + more), (), converged)

    stopped, converged, higher = end(1e-13, False), end(0.0, True), end(1e-9, False)
    assert best_of(objective, [stopped, converged]) is converged
    assert best_of(objective, [stopped, converged, higher]) is higher
