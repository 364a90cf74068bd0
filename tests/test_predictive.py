"""The predictive distribution of every gate and every family of experts, and of estimators."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy
from problems import representatives
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE, LocationScaleExperts, Parameters, as_gate, list_experts, list_gates
from gmoe.datasets import make_gmoe
from gmoe.experts import BaseExperts, NoiseExperts, StudentExperts, UniformDensity, as_experts
from gmoe.experts._named import NAMED
from gmoe.frames import Frame, ResponseFrame
from gmoe.part import Size

K, D, N = 3, 2, 8_000
GATES = representatives(K) | {name: as_gate(name) for name in list_gates()}


class WideLogistic(LocationScaleExperts):
    """Of a stranger, who writes no distribution function."""

    variance = np.pi**2 / 3

    def log_density(self, z):
        slope = np.tanh(0.5 * z)
        yield -np.abs(z) - 2.0 * np.log1p(np.exp(-np.abs(z)))
        yield -slope
        yield -0.5 * (1.0 - slope**2)

    def errors(self, n, rng):
        return rng.logistic(size=n)


class Given:
    """A density with nothing but what noise asks for."""

    mean, variance = 2.0, 3.0 * 16.0 * np.pi**2 / 9.0

    def log_density(self, y):
        return scipy.stats.logistic.logpdf(y, 2.0, 4.0)

    def draw(self, n, rng):
        return rng.logistic(2.0, 4.0, n)


EXPERTS = {repr(experts): experts for name in list_experts() for experts in NAMED[name].representatives()}
EXPERTS |= {repr(e): e for e in (StudentExperts(1.0), NoiseExperts(UniformDensity(-9.0, 8.0)))}
EXPERTS |= {"stranger": WideLogistic(), "stranger's noise": NoiseExperts(Given(), StudentExperts(3.0))}
ONE = {name: experts for name, experts in EXPERTS.items() if not experts.multi_output}


def model(gate="softmax", experts="gaussian", seed=0, p=1):
    """A generic model, experts by soft groups of some data."""
    rng, gate, experts = np.random.default_rng(seed), as_gate(gate).with_experts(K), as_experts(experts)
    size = Size(K, D)
    rows = rng.normal(size=(K, gate.own_parameters(size))), rng.normal(0.0, 0.4, gate.shared_parameters(size))
    arrays = gate.to_raw(*rows, Frame.identity(D))
    groups = np.eye(K)[np.arange(300) % K] * 0.9 + 0.1 / K
    y = rng.normal(size=(p, 300)) + 4.0 * (np.arange(300) % K)
    experts = experts.sized(Size(K, D, p))
    own, shared = experts.start(groups, rng.normal(size=(D, 300)), y)
    own = own + 0.2 * rng.normal(size=own.shape)
    return GMoE(
        Parameters(**arrays, **experts.to_raw(own, shared, ResponseFrame.identity(D, p))), gate, experts=experts
    )


def data(chosen, n=N, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.5, 1.5, (n, D))
    return X, chosen.sample(X, rng)[0]


def uniform(values):
    """Probability of a false alarm: 1e-3 of each of some 150 tests, once and for all as seeds are fixed."""
    return scipy.stats.kstest(values, "uniform").pvalue > 1e-3


@pytest.mark.stat
@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_transforms_of_every_gate_are_uniform(gate):
    chosen = model(gate)
    X, y = data(chosen)
    assert uniform(chosen.predictive(X).cdf(y))


@pytest.mark.stat
@pytest.mark.parametrize("experts", ONE.values(), ids=ONE)
def test_transforms_of_every_family_are_uniform(experts):
    chosen = model(experts=experts)
    X, y = data(chosen)
    given = chosen.predictive(X)
    assert uniform(given.cdf(y))
    # Two ways to the same density: one adds up in twice the working precision.
    np.testing.assert_allclose(given.log_density(y), chosen.log_density(X, y), rtol=1e-10, atol=1e-10)
    residuals = given.quantile_residuals(y)
    np.testing.assert_allclose(scipy.special.ndtr(residuals), given.cdf(y), rtol=1e-12)
    # The density is the slope of the distribution function.
    step = 1e-5
    slope = (given.cdf(y + step) - given.cdf(y - step)) / (2.0 * step)
    # Its second derivative times the square of the step, rounding over the step, and a jump in a row or so.
    assert np.mean(np.abs(slope - given.density(y)) < 1e-7) > 0.999


@pytest.mark.parametrize("experts", ONE.values(), ids=ONE)
def test_quantiles_and_intervals_of_every_family(experts):
    chosen = model(experts=experts)
    X, y = data(chosen, 100)
    given, levels = chosen.predictive(X), np.array([1e-12, 0.05, 0.5, 0.7, 0.99])
    found = given.quantile(levels)
    assert found.shape == (100, 5)
    for level, values in zip(levels, found.T, strict=True):
        # 1e-10 of the level, or what the last digit of the quantile moves: at the end of uniform noise 1e-17.
        digit = np.spacing(np.abs(values)) * given.density(values)
        assert np.all(np.abs(given.cdf(values) - level) <= 1e-10 * level + 4.0 * digit)
    np.testing.assert_array_equal(given.median(), found[:, 2])
    lower, upper = given.interval(0.9)
    np.testing.assert_allclose(given.cdf(lower), 0.05, rtol=1e-10)
    np.testing.assert_allclose(given.survival(upper), 0.05, rtol=1e-10)
    sets = given.interval(0.9, kind="highest density")
    ends = [given.cdf(np.where(np.isnan(end), 0.0, end).T) for end in sets]
    mass = np.sum(ends[1] - ends[0], axis=0)
    np.testing.assert_allclose(mass, 0.9, atol=1e-8)
    assert np.all(np.nansum(sets.upper - sets.lower, axis=1) <= (upper - lower) * (1.0 + 1e-9))
    assert sets.contains(given.mode()).all() and sets.contains(y).shape == (100,)
    around = given.mode() + np.linspace(-1.0, 1.0, 201)[:, None]
    assert np.all(given.density(around) <= given.density(given.mode()) * (1.0 + 1e-12))


@pytest.mark.stat
def test_intervals_cover():
    chosen = model("topk:n_active=2", "student:df=3", seed=4)
    X, y = data(chosen, 100_000)
    given = chosen.predictive(X)
    # Ten standard errors of a share of 0.9 among 1e5.
    assert 0.89 < given.interval(0.9).contains(y).mean() < 0.91
    chosen = model("topk:n_active=2", seed=4)
    X, y = data(chosen, 5_000)
    # 3.5 standard errors, as there are fewer: a false alarm of 5e-4, once and for all as the seed is fixed.
    assert 0.885 < chosen.predictive(X).interval(0.9, "highest density").contains(y).mean() < 0.915


def test_two_standard_deviations_are_no_interval():
    # The second mode has 15 % of the responses, far away: 1.64 sd either side hold the first alone.
    chosen = GMoE(Parameters([np.log(0.85), np.log(0.15)], np.zeros((2, 1)), [0.0, 10.0], np.zeros((2, 1)), [1.0, 1.0]))
    X = np.zeros((1, 1))
    given, reach = chosen.predictive(X), scipy.special.ndtri(0.95) * np.sqrt(chosen.variance(X))
    held = given.cdf(chosen.mean(X) + reach) - given.cdf(chosen.mean(X) - reach)
    assert 0.84 < held[0] < 0.86
    lower, upper = given.interval(0.9, "highest density")
    assert lower.shape == (1, 2) and np.nansum(upper - lower) < 2.0 * reach[0] / 1.5


@pytest.mark.parametrize("experts", ["multivariate", "multivariate:covariance=diagonal"])
def test_several_responses_have_marginals(experts):
    chosen = model(experts=experts, p=2)
    X, y = data(chosen, 4000)
    given = chosen.predictive(X)
    transform = given.cdf(y)
    assert transform.shape == (4000, 2) and uniform(transform[:, 0]) and uniform(transform[:, 1])
    assert given.quantile([0.1, 0.9]).shape == (4000, 2, 2) and given.median().shape == (4000, 2)
    np.testing.assert_allclose(given.cdf(given.quantile([0.1, 0.9])[..., 1]), 0.9, rtol=1e-12)
    few = chosen.predictive(X[:5])
    assert few.interval(0.5, "highest density").lower.shape[:2] == few.crps(y[:5]).shape == (5, 2)
    variance, mean = chosen.variance(X[:5]), chosen.mean(X[:5])
    t = mean + np.sqrt(variance) * np.linspace(-12.0, 12.0, 4001)[:, None, None]
    weight = few.density(t) * np.sqrt(variance) * 24.0 / 4000
    # Trapezia of what is smooth and vanishes at the ends: exact to rounding.
    np.testing.assert_allclose((weight * t).sum(axis=0), mean, atol=1e-9)
    np.testing.assert_allclose((weight * (t - mean) ** 2).sum(axis=0), variance, rtol=1e-9)


@pytest.mark.stat
def test_scores_of_the_truth_are_best():
    chosen, other = model(seed=2), model(seed=3)
    X, y = data(chosen, 3000)
    for score in ("crps", "log_score"):
        gain = getattr(other.predictive(X), score)(y) - getattr(chosen.predictive(X), score)(y)
        # Far more than five standard errors: the two have little in common.
        assert gain.mean() > 5.0 * gain.std() / np.sqrt(len(y))
    np.testing.assert_array_equal(chosen.predictive(X).log_score(y), -chosen.predictive(X).log_density(y))
    draws = np.array([chosen.sample(X[:1], np.random.default_rng(s))[0][0] for s in range(3000)])
    expected = np.abs(draws - y[0]).mean() - 0.5 * np.abs(draws[:1500] - draws[1500:]).mean()
    # Means of 1500 and 3000 distances with a standard deviation of about 3: five standard errors are 0.5.
    assert chosen.predictive(X[:1]).crps(y[:1])[0] == pytest.approx(expected, abs=0.5)


def test_blocks_and_rows_do_not_matter():
    chosen = model(seed=5)
    X, y = data(chosen, 3000)
    whole, part = chosen.predictive(X), chosen.predictive(X[2000:2010])
    for name, arguments in (("mode", ()), ("quantile", ([0.1, 0.9],)), ("interval", (0.9,))):
        found = np.array(getattr(whole, name)(*arguments))[..., 2000:2010] if name == "interval" else None
        found = getattr(whole, name)(*arguments)[2000:2010] if found is None else found
        np.testing.assert_array_equal(found, np.array(getattr(part, name)(*arguments)))
    np.testing.assert_array_equal(whole.crps(y)[2000:2010], part.crps(y[2000:2010]))
    np.testing.assert_array_equal(whole.cdf([[0.0], [1.0]] + np.zeros(3000))[1], whole.cdf(1.0))
    empty = chosen.predictive(X[:0])
    assert empty.median().shape == empty.cdf(y[:0]).shape == empty.mode().shape == (0,)
    assert empty.quantile([0.1, 0.2]).shape == (0, 2) and len(empty.interval(0.9, "highest density").lower) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda d: d.quantile(0.0), ValueError, r"levels must lie strictly between 0 and 1, got 0\."),
        (lambda d: d.quantile([0.5, 95.0]), ValueError, r"got 95; for 95 % write 0\.95\."),
        (lambda d: d.quantile(np.nan), ValueError, "got nan"),
        (lambda d: d.quantile("0.5"), TypeError, "levels must be numbers, got text"),
        (lambda d: d.quantile([[0.5]]), ValueError, r"list of numbers, got the shape \(1, 1\)"),
        (lambda d: d.interval(1.0), ValueError, "level must lie strictly between 0 and 1, got 1"),
        (lambda d: d.interval(True), TypeError, r"level must be a number between 0 and 1 such as 0\.9, got True"),
        (lambda d: d.interval(0.9, "hpd"), ValueError, "Unknown kind 'hpd'; known: 'central', 'highest density'"),
        (lambda d: d.cdf(np.zeros(3)), ValueError, r"y must be a number or have the shape \(4,\).*got \(3,\)"),
        (lambda d: d.cdf(np.zeros((4, 1))), ValueError, r"got \(4, 1\)"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message) as raised:
        call(model().predictive(np.zeros((4, D))))
    assert "\n" not in str(raised.value)


def test_experts_without_distribution_functions_are_named():
    with pytest.raises(NotImplementedError, match=r"<stranger> declare no distribution functions.*define components\("):
        BaseExperts.components(type("Stranger", (SimpleNamespace,), {"__repr__": lambda s: "<stranger>"})(), 0, 0, 0)


@pytest.fixture(scope="module")
def fitted():
    X, y, truth, _ = make_gmoe(400, 2, 2, random_state=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one step from the truth
        return GaussianMoERegressor(2, init=truth.parameters, max_iter=1).fit(X, y), X, y


def test_estimators_have_the_same(fitted):
    estimator, X, y = fitted
    given = estimator.model_.predictive(X)
    same = np.testing.assert_array_equal
    mean, std, (lower, upper) = estimator.predict(X, return_std=True, return_interval=0.8)
    same(mean, estimator.predict(X))
    same(std, estimator.predict(X, return_std=True)[1])
    same((lower, upper), given.interval(0.8))
    same(estimator.predict(X, return_interval=0.8)[1], estimator.predict_interval(X, 0.8))
    same(estimator.predict_interval(X).lower, given.interval(0.9).lower)
    sets = given.interval(0.9, "highest density")
    same(estimator.predict_interval(X, kind="highest density").upper, sets.upper)
    same(estimator.predict_quantiles(X, [0.1, 0.7]), given.quantile([0.1, 0.7]))
    same(estimator.predict_median(X), given.median())
    same(estimator.predict_mode(X), given.mode())
    same(estimator.pit(X, y), given.cdf(y))
    same(estimator.quantile_residuals(X, y), given.quantile_residuals(y))
    same(estimator.crps(X, y), given.crps(y))
    same(estimator.predictive(X).survival(y), given.survival(y))
    with pytest.raises(ValueError, match="strictly between 0 and 1, got 90; for 90 % write 0.9"):
        estimator.predict(X, return_interval=90)
    with pytest.raises(ValueError, match="X has 1 features"):
        estimator.predict_quantiles(X[:, :1], 0.5)
