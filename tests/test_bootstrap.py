"""The bootstrap: experts matched, samples, intervals against SciPy's, the test of the number of experts."""

import pickle

import numpy as np
import pytest
import scipy
from joblib import parallel_config
from test_inference import TRUTH, draw, fitted
from test_predictive import GATES, data, model

from gmoe import GMoE, Parameters
from gmoe.inference import bootstrap, n_experts_test
from gmoe.inference.chart import Chart
from gmoe.inference.percentiles import Draws
from gmoe.inference.relabelled import matched
from gmoe.inference.resampling import Sample, nonparametric, parametric, stratified
from gmoe.table import parameter_values


@pytest.fixture(scope="module")
def plain():
    X, y = draw(300)
    return fitted(X, y).fit_result_, X, y


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_experts_are_matched_under_every_gate(gate):
    # Of random models the first in which every expert explains something: others are not known by their rows.
    models = (model(gate, seed=seed).canonical() for seed in range(20))
    reference, X, y = next(
        (chosen, *rows)
        for chosen in models
        if chosen.responsibilities(*(rows := data(chosen, 40))).sum(axis=0).min() > 0.4
    )
    chart = Chart(reference)
    own, shared, experts, expert_shared = chart.split(chart.point)
    for exchange in reference.gate.symmetry_of(reference.sizes[0]).exchanges:
        theta = exchange.of(np.append(own, shared))
        point = np.concatenate([theta, experts[list(exchange.experts)].ravel(), expert_shared])
        relabelled = chart.model_at(point).canonical()
        again = matched(relabelled, reference, X, y)
        # Signs, sums and an exponential of its logarithm.
        np.testing.assert_allclose(parameter_values(again), parameter_values(reference), rtol=1e-9, atol=1e-9)


def test_draws_do_not_switch_labels():
    # Equal shares: by their order half of the refits would have the experts the other way round.
    truth = GMoE(Parameters([0.0, 0.0], [[0.0], [0.0]], [1.0, -1.0], [[-1.0], [1.0]], [0.25, 0.36]))
    X, y = draw(300, truth=truth)
    result = fitted(X, y).fit_result_
    found = bootstrap(result, X, y, rng=np.random.default_rng(0), n_boot=40)
    away = (found.parameters.draws - found.parameters.values)[:, result.standard_errors > 0.0]
    # Of 320 normal variables one is beyond 5.5 with probability 1e-5; the slopes of the two are 30 apart.
    assert np.abs(away / result.standard_errors[result.standard_errors > 0.0]).max() < 5.5
    assert found.statuses == {"converged": 40}
    # Of 40 draws a standard deviation is known to 11 %: 5 of these are a false alarm once in 2e5 for 8 of them.
    with np.errstate(invalid="ignore"):
        ratio = found.parameters.standard_errors / result.standard_errors
    np.testing.assert_allclose(ratio[~np.isnan(ratio)], 1.0, atol=0.6)


def test_results_do_not_depend_on_the_jobs(plain):
    result, X, y = plain
    # Processes take seconds to start: threads, and what processes would be sent.
    pickle.loads(pickle.dumps(result))
    with parallel_config(backend="threading"):
        found = [bootstrap(result, X, y, rng=np.random.default_rng(3), n_boot=4, n_jobs=jobs) for jobs in (1, 2)]
    np.testing.assert_array_equal(found[0].parameters.draws, found[1].parameters.draws)


def test_samples(plain):
    result, X, y = plain
    strata = (X[:, 0] > 1.0).astype(int)
    weight = 1.0 + np.arange(300) % 2
    sample = Sample(result.model, X, y, weight, strata)
    rows = {(float(a), float(b), float(w)) for a, b, w in zip(X[:, 0], y, weight, strict=True)}
    for draws in (nonparametric, stratified):
        drawn = draws(sample, np.random.default_rng(0))
        seen = [(float(a), float(b), float(w)) for a, b, w in zip(drawn[0][:, 0], *drawn[1:], strict=True)]
        # With replacement 1 - 1/e of the rows: 63 % of 300, standard deviation 1.8 %; 5 of them.
        assert set(seen) <= rows and len(seen) == 300 and abs(len(set(seen)) / 300 - 0.632) < 0.09
        assert ((drawn[0][:, 0] > 1.0).sum() == strata.sum()) == (draws is stratified)
    drawn = parametric(sample, np.random.default_rng(0))
    assert drawn[0] is X and drawn[2] is weight
    # The distribution function of the model at its own draws; a false alarm once in 1000, and the seed is fixed.
    assert scipy.stats.kstest(result.model.predictive(X).cdf(drawn[1]), "uniform").pvalue > 1e-3


def test_intervals_against_scipy():
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=60)
    for method in ("percentile", "bca"):
        peer = scipy.stats.bootstrap((x,), np.mean, method=method, n_resamples=9999, rng=1)
        drawn = peer.bootstrap_distribution
        own = Draws(("mean",), np.array([x.mean()]), drawn[:, None], ((x - x.mean()) / 60)[:, None])
        # The influence on a mean is that of the jackknife: all but the way to interpolate quantiles is the same, and
        # that moves an end by a draw or two of 9999. Without acceleration ends would move by a hundredth.
        np.testing.assert_allclose(np.ravel(own.interval(method=method)), peer.confidence_interval, rtol=1e-3)
    # The ends of 39 draws at 95 % are the extremes: 1 of 40 lies below each.
    few = Draws(("mean",), np.zeros(1), np.arange(39.0)[:, None], np.zeros((1, 1)))
    np.testing.assert_allclose(np.ravel(few.interval()), [0.0, 38.0], atol=1e-12)


def test_functions_of_the_model(plain):
    result, X, y = plain
    found = bootstrap(result, X, y, rng=np.random.default_rng(0), n_boot=30, kind="parametric")
    own = found.of(lambda m: m.parameters.coef, ["a", "b"])
    np.testing.assert_array_equal(own["b"].draws, found.parameters["coef[0] (1)"].draws)
    # The delta method's influence, by central differences, against the exact one.
    np.testing.assert_allclose(own["b"].influence, found.parameters["coef[0] (1)"].influence, atol=1e-9)
    assert np.isnan(found.interval(method="bca")[0][:2]).all() and found.to_frame().shape == (10, 4)


def test_the_number_of_experts():
    X, y = draw(80)
    one = fitted(X, y, k=1).fit_result_
    found = n_experts_test(one, X, y, rng=np.random.default_rng(0), n_boot=4, n_init=1)
    # Two experts far apart; the least p-value that 4 data sets allow.
    assert found.n_experts == 1 and found.p_value == 0.2 and len(found.draws) == 4
    two = fitted(X, y)
    assert found.statistic == pytest.approx(2.0 * (two.log_likelihood_ - one.log_likelihood), abs=1e-5)
    # Of data of one expert, draws and the statistic are alike.
    assert found.draws.max() < 0.3 * found.statistic


def test_bad_input(plain):
    result, X, y = plain
    rng = np.random.default_rng(0)
    for settings, message in (
        ({"kind": "wild"}, "known: 'nonparametric', 'parametric', 'stratified'"),
        ({"kind": "stratified"}, "needs strata="),
        ({"strata": y}, "needs strata="),
        ({"kind": "stratified", "strata": [1, 2]}, "2 labels for 300 rows"),
        ({"n_boot": 1}, "n_boot"),
    ):
        with pytest.raises(ValueError, match=message):
            bootstrap(result, X, y, rng=rng, **settings)
    with pytest.raises(ValueError, match="not the data of the fit"):
        bootstrap(result, X, y[::-1], rng=rng)
    # A gate that separates has no certificate.
    X, y = np.linspace(-1.0, 1.0, 60)[:, None], np.random.default_rng(0).normal(size=60)
    y = y * 0.1 + 10.0 * (X[:, 0] > 0.0)
    separated = fitted(X, y)
    for method in (separated.bootstrap, separated.n_experts_test):
        with pytest.raises(ValueError, match="needs a certified fit, this one has the status 'gate_separated'"):
            method(X, y)


def test_the_estimator_has_it(plain):
    X, y = draw(300)
    estimator = fitted(X, y)
    assert str(TRUTH.gate) == str(estimator.model_.gate)
    found = [estimator.bootstrap(X, y, n_boot=3, random_state=seed).parameters.draws for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2], equal_nan=True)
