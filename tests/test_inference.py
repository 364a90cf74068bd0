"""Inference from a fit against independent numbers: scores, covariances, delta method, tests, profile intervals."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy
from test_predictive import EXPERTS, GATES, data, model

from gmoe import GaussianMoERegressor, GMoE, Parameters, ParameterSpace, TopKGate
from gmoe.constraints.parsing import linear
from gmoe.inference import infer, likelihood_ratio_test, profile_interval
from gmoe.inference.chart import Chart, deviation_scores
from gmoe.metrics import match_experts

TRUTH = GMoE(Parameters([0.0, -0.4], [[0.0], [1.5]], [1.0, -0.5], [[-1.0], [1.0]], [0.25, 0.36]))


def draw(n=500, seed=0, truth=TRUTH, d=1):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (n, d))
    return X, truth.sample(X, rng)[0]


def fitted(X, y, weight=None, k=2, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianMoERegressor(k, **{"n_init": 1, "random_state": 0} | settings).fit(X, y, weight)


@pytest.fixture(scope="module")
def plain():
    X, y = draw()
    return fitted(X, y), X, y


def check_scores(chosen):
    chart, step = Chart(chosen), 1e-6
    X, y = data(chosen, 12)
    scores = chart.scores(X, y)
    for i, size in enumerate(step * (1.0 + np.abs(chart.point))):
        ends = (chart.point + sign * size * np.eye(len(chart.point))[i] for sign in (1.0, -1.0))
        above, below = (chart.model_at(end).log_density(X, y) for end in ends)
        # Central differences: the square of the step, and the rounding of log-densities, of some 10, over it.
        expected = (above - below) / (2.0 * size)
        np.testing.assert_allclose(scores[:, i], expected, rtol=1e-6, atol=1e-7 * (1.0 + np.abs(expected).max()))


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_scores_of_every_gate(gate):
    check_scores(model(gate))


@pytest.mark.parametrize("experts", EXPERTS.values(), ids=EXPERTS)
def test_scores_of_every_family_of_experts(experts):
    check_scores(model(experts=experts, p=2 if experts.multi_output else 1))


@pytest.mark.parametrize(
    "settings",
    [{}, *({"gate": g} for g in ("laplace:scale=1.0", "normalised_sigmoid", "topk")), {"experts": "heteroscedastic"}],
    ids=str,
)
def test_a_standard_deviation_is_one(settings):
    # Along each direction the log-likelihood falls like that of a standard normal variable: by second differences.
    X, y = draw(400)
    result = fitted(X, y, k=3 if settings.get("gate") == "topk" else 2, **settings).fit_result_
    chart, step = Chart(result.model), 1e-3
    directions = chart.directions(result.spread)
    # The way there and back; table derivatives may be differences, to some 1e-9.
    np.testing.assert_allclose(
        chart.table_derivatives @ directions, result.spread, atol=1e-7 * np.abs(result.spread).max()
    )
    centre = result.model.log_density(X, y).sum()

    def bend(direction, size):
        ends = [chart.model_at(chart.point + s * size * direction).log_density(X, y).sum() for s in (1.0, -1.0)]
        return (sum(ends) - 2.0 * centre) / size**2

    for direction in directions.T:
        # By Richardson, since a location far from the data makes the fourth derivative large. Rounding of sums of 400
        # terms over the square of the step: 1e-12 / 1e-6, and differences of scores.
        bends = [bend(direction, size) for size in (step, 0.5 * step)]
        assert abs((4.0 * bends[1] - bends[0]) / 3.0 + 1.0) < 2e-3
    # At a maximum; in standard deviations.
    assert np.abs(deviation_scores(result, X, y).sum(axis=0)).max() < 1e-4


class TestOneExpert:
    """With one expert and one feature all is least squares."""

    X, y = draw(60, seed=3)
    y = y * (1.0 + np.abs(X[:, 0]))
    Z = np.column_stack([np.ones(60), X[:, 0]])

    def least_squares(self, weight=None):
        weight = np.ones(60) if weight is None else weight
        bread = np.linalg.inv((self.Z * weight[:, None]).T @ self.Z)
        residual = self.y - self.Z @ (bread @ (self.Z.T @ (weight * self.y)))
        return bread, residual

    def covariance(self, weight=None, **settings):
        one = fitted(self.X, self.y, weight, k=1)
        return one.inference(self.X, self.y, weight, **settings).vcov.values[2:4, 2:4]

    def test_robust_is_hc0(self):
        bread, residual = self.least_squares()
        meat = (self.Z * residual[:, None] ** 2).T @ self.Z
        # Gradient and rounding of a fit: tol 1e-8 in scaled coordinates, met with digits to spare.
        np.testing.assert_allclose(self.covariance(cov_type="robust"), bread @ meat @ bread, rtol=1e-8)

    def test_clusters(self):
        bread, residual = self.least_squares()
        labels = np.array(list("abcdefghijkl"))[np.arange(60) % 12]
        sums = np.array([(self.Z * residual[:, None])[labels == g].sum(axis=0) for g in np.unique(labels)])
        expected = bread @ (sums.T @ sums) @ bread * 12 / 11
        np.testing.assert_allclose(self.covariance(cov_type="clustered", clusters=labels), expected, rtol=1e-8)

    def test_weights_of_each_kind(self):
        weight = np.random.default_rng(0).integers(1, 4, 60).astype(float)
        bread, residual = self.least_squares(weight)
        rows = self.Z * residual[:, None]
        for kind, power in (("frequency", 1.0), ("sampling", 2.0), ("precision", 2.0)):
            expected = bread @ ((rows * weight[:, None] ** power).T @ rows) @ bread
            found = self.covariance(weight, cov_type="robust", weights=kind)
            np.testing.assert_allclose(found, expected, rtol=1e-8)
        variance = weight @ residual**2 / weight.sum()
        np.testing.assert_allclose(self.covariance(weight), variance * bread, rtol=1e-8)
        # A precision is known up to a factor.
        for factor in (1.0, 7.0):
            found = self.covariance(factor * weight, weights="precision")
            np.testing.assert_allclose(found, variance * bread * weight.sum() / 60, rtol=1e-8)

    def test_profile_intervals_in_closed_form(self):
        bread, residual = self.least_squares()
        rss, result = residual @ residual, fitted(self.X, self.y, k=1).fit_result_
        threshold = scipy.stats.chi2.ppf(0.9, 1)
        # n log(RSS(b) / RSS) = threshold, RSS(b) = RSS + (b - estimate)^2 / bread.
        half = np.sqrt(rss * np.expm1(threshold / 60) * bread[1, 1])
        found = profile_interval(result, "coef[0] (0)", self.X, self.y, level=0.9)
        # The ends are where a quadratic constraint holds to 1e-9, by an optimiser: to a millionth of the width.
        np.testing.assert_allclose(
            found, result.model.parameters.coef[0, 0] + np.array([-half, half]), atol=1e-5 * half
        )
        found = profile_interval(result, lambda m: m.parameters.variance[0], self.X, self.y, level=0.9)
        for end in found:
            ratio = rss / 60 / end
            assert abs(60 * (ratio - 1.0 - np.log(ratio)) - threshold) < 1e-5


def test_parameters_are_those_of_the_summary(plain):
    result = plain[0].fit_result_
    table, known = infer(result).parameters.to_frame(0.9), plain[0].summary(0.9).to_frame()
    for column in ("estimate", "std_error", "lower", "upper"):
        np.testing.assert_allclose(table[column], known[column], rtol=1e-12)
    vcov = infer(result).vcov
    np.testing.assert_array_equal(vcov.to_frame().to_numpy(), np.asarray(vcov))
    assert vcov["coef[0] (0)", "variance (1)"] == vcov.to_frame().loc["coef[0] (0)", "variance (1)"]


@pytest.mark.parametrize("cov_type", ["observed", "robust"])
def test_the_delta_method_of_a_parameter_is_its_covariance(plain, cov_type):
    own = plain[0].inference(*plain[1:], cov_type=cov_type)
    found = own.delta(lambda m: np.append(m.parameters.coef, m.parameters.variance))
    names = [f"{what} ({j})" for what in ("coef[0]", "variance") for j in (0, 1)]
    expected = [[own.vcov[a, b] for b in names] for a in names]
    # Central differences by 1e-4 of a standard deviation.
    np.testing.assert_allclose(found.covariance.values, expected, rtol=1e-6, atol=1e-10)


def test_the_delta_method_against_simulation(plain):
    """Draw the table of parameters from its normal distribution, and look at what functions of it do."""
    estimator, X, y = plain
    result, own = estimator.fit_result_, infer(estimator.fit_result_)
    free = [i for i, note in enumerate(result.notes) if not note]
    mean, cov = own.parameters.values, own.vcov.values[np.ix_(free, free)]
    draws = np.tile(mean, (900, 1))
    draws[:, free] = np.random.default_rng(0).multivariate_normal(mean[free], cov / 100.0, 900)
    at = np.array([[-1.0], [0.7]])
    found = {name: [] for name in ("mean", "gate_proba", "shares", "quantiles", "standard_deviations")}
    for row in draws.reshape(-1, 2, 5):
        moved = GMoE(Parameters(row[:, 0], row[:, 1:2], row[:, 2], row[:, 3:4], row[:, 4]))
        found["mean"].append(moved.mean(at))
        found["gate_proba"].append(moved.gate_proba(at).ravel())
        found["shares"].append(moved.gate_proba(X[:50]).mean(axis=0))
        found["standard_deviations"].append(np.sqrt(moved.parameters.variance))
    quantiles = [
        GMoE(Parameters(r[:, 0], r[:, 1:2], r[:, 2], r[:, 3:4], r[:, 4])).predictive(at).quantile([0.1, 0.8]).ravel()
        for r in draws[:200].reshape(-1, 2, 5)
    ]
    stated = {
        "mean": own.mean(at), "gate_proba": own.gate_proba(at), "shares": own.shares(X[:50]),
        "standard_deviations": own.standard_deviations(), "quantiles": own.quantiles(at, [0.1, 0.8]),
    }  # fmt: skip
    for name, estimates in stated.items():
        spread = np.std(quantiles if name == "quantiles" else found[name], axis=0) * 10.0
        # A tenth of the standard deviation, so that functions are straight. That of 900 draws is known to 2.4 %, of 200
        # to 5 %; 5 standard deviations are a false alarm once in 1e5 for the 14 of them.
        tolerance = 0.25 if name == "quantiles" else 0.12
        np.testing.assert_allclose(estimates.standard_errors, spread, rtol=tolerance)
        lower, upper = estimates.interval()
        assert np.all((lower < estimates.values) & (estimates.values < upper))


def test_intervals_keep_inside_of_the_range(plain):
    own = infer(plain[0].fit_result_)
    lower, upper = own.delta(lambda m: m.gate_proba([[-9.0], [9.0]]), within=(0.0, 1.0)).interval(0.999)
    assert np.all((lower > 0.0) & (upper < 1.0))


@pytest.mark.parametrize("cov_type", ["observed", "robust"])
def test_wald_by_hand(plain, cov_type):
    estimator, X, y = plain
    own = estimator.inference(X, y, cov_type=cov_type)
    found = own.wald_test(["coef[0] (0) = coef[0] (1)", "2*intercept (0) - 1.5 * variance (1) = -0.5 + 3e-1"])
    names = list(own.parameters.names)
    rows = np.zeros((2, len(names)))
    rows[0, [names.index("coef[0] (0)"), names.index("coef[0] (1)")]] = 1.0, -1.0
    rows[1, [names.index("intercept (0)"), names.index("variance (1)")]] = 2.0, -1.5
    away = rows @ own.parameters.values - [0.0, -0.2]
    statistic = away @ np.linalg.solve(rows @ np.nan_to_num(own.vcov.values) @ rows.T, away)
    assert found.df == 2 and found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.p_value == pytest.approx(scipy.stats.chi2.sf(statistic, 2), rel=1e-9)


def test_hypotheses_in_words():
    names = ["coef[bs(x, df=4)[1]] (0)", "coef[x] (0)", "coef[x] (10)", "coef[x] (1)", "a-b", "a", "b"]
    cases = {
        "coef[bs(x, df=4)[1]] (0) = coef[x] (10)": ([1, 0, -1, 0, 0, 0, 0], 0.0),
        "a-b": ([0, 0, 0, 0, 1, 0, 0], 0.0),
        "a - b = -2": ([0, 0, 0, 0, 0, 1, -1], -2.0),
        "-a + 2 * b + 1 = 3 + a": ([0, 0, 0, 0, 0, -2, 2], 2.0),
        "1 = .5*a": ([0, 0, 0, 0, 0, -0.5, 0], -1.0),
    }
    for text, (row, value) in cases.items():
        found = linear(text, names)
        assert found[0].tolist() == row and found[1] == value, text
    for text, message in {
        "coef[y] (0) = 0": r"Unknown parameter 'coef\[y\] \(0\)'; did you mean 'coef\[x\] \(0\)'",
        "a = ": "ends where", "a b": "Expected", "1 = 1": "says nothing", "a = b = 1": "Expected",
        "a - a": "says nothing", "": "ends where",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=message):
            linear(text, names)


def test_wald_refuses(plain):
    own = infer(plain[0].fit_result_)
    for hypotheses, message in (
        (["coef[0] (0) = 0", "2 * coef[0] (0) = 1"], "repeat"),
        ("gate_coef[0] (0) = 0", "no standard error \\(pinned\\)"),
        ([], "No hypothesis"),
    ):
        with pytest.raises(ValueError, match=message):
            own.wald_test(hypotheses)
    with pytest.raises(KeyError, match="did you mean 'coef"):
        own.parameters["coef[0] (3)"]


def test_likelihood_ratio_of_nested_fits():
    rng = np.random.default_rng(2)
    X = rng.uniform(-2.0, 2.0, (200, 2))
    y = TRUTH.sample(X, rng)[0]
    small = fitted(X, y, gate_features=[0], expert_features=[0])
    large = fitted(X, y, gate_features=[0], expert_features=[0, 1])
    found = small.likelihood_ratio_test(large)
    assert found.df == 2 and found.statistic == 2.0 * (large.log_likelihood_ - small.log_likelihood_)
    assert found.hypothesis == "coef[1] (0), coef[1] (1) are 0"
    tied = fitted(X, y, gate_features=[0], expert_features=[0], parameter_space=ParameterSpace(variance_ratio=1.0))
    # One variance by another route: the likelihood ratio of the profile at equal variances.
    found = tied.likelihood_ratio_test(small)
    low, high = profile_interval(
        small.fit_result_, lambda m: np.diff(np.log(m.parameters.variance))[0], X, y, level=1.0 - found.p_value
    )
    # The end of the interval of that level is at the hypothesis, to the optimiser's precision.
    assert found.df == 1 and min(abs(low), abs(high)) < 1e-4 and found.hypothesis == "variances are equal"

    other = fitted(X, y, gate_features=[1], expert_features=[1])
    for pair, message in (
        ((fitted(X, y + 1.0, gate_features=[0], expert_features=[0]), large), "different data"),
        ((small, fitted(X, y, np.arange(200.0) + 1.0)), "different data"),
        ((large, small), "give the one with fewer first"),
        ((small, other), "give the one with fewer first"),
        ((other, fitted(X, y, gate_features=[0, 1], expert_features=[0])), "has 1, which the large one has not"),
        ((fitted(X, y, k=1), small), "n_experts_test"),
        ((small, fitted(X, y, gate="normalised_sigmoid")), "not nested: gate"),
    ):
        with pytest.raises(ValueError, match=message):
            likelihood_ratio_test(pair[0].fit_result_, pair[1].fit_result_)
    gate = TopKGate(1)
    pair = (
        fitted(X, y, gate=gate, gate_features=[0], expert_features=columns).fit_result_ for columns in ([0], [0, 1])
    )
    with pytest.raises(ValueError, match="jumps where its selection changes"):
        likelihood_ratio_test(*pair)


def test_bad_input(plain):
    estimator, X, y = plain
    for settings, message in (
        ({"cov_type": "robust"}, "give X and y"),
        ({"X": X, "y": y + 1.0, "cov_type": "robust"}, "not the data of the fit"),
        ({"X": X[::-1], "y": y, "cov_type": "robust"}, "not the data of the fit"),
        ({"X": X, "y": y, "cov_type": "sandwich"}, "known: 'observed', 'robust', 'clustered'"),
        ({"X": X, "y": y, "cov_type": "clustered"}, "needs clusters="),
        ({"X": X, "y": y, "cov_type": "clustered", "clusters": [1] * len(y)}, "one cluster"),
        ({"X": X, "y": y, "cov_type": "clustered", "clusters": [1, 2]}, "2 labels for 500 rows"),
        ({"X": X, "y": y, "clusters": y}, "cov_type='clustered'"),
        ({"weights": "sampling"}, "use cov_type='robust'"),
        ({"weights": "survey"}, "Unknown weights"),
    ):
        with pytest.raises(ValueError, match=message):
            estimator.inference(**settings)
    own = estimator.inference()
    with pytest.raises(ValueError, match="between 0 and 1"):
        own.parameters.interval(95)
    with pytest.raises(ValueError, match="has 2 entries, names has 1"):
        own.delta(lambda m: m.mean([[0.0], [1.0]]), ["one"])
    with pytest.raises(ValueError, match="status 'max_iter'"):
        fitted(X, y, max_iter=1, solver="em").inference()
    with pytest.raises(KeyError, match="did you mean"):
        estimator.profile_interval("coef[0] (5)", X, y)
    with pytest.raises(ValueError, match="no interval \\(pinned\\)"):
        estimator.profile_interval("gate_coef[0] (0)", X, y)
    with pytest.raises(ValueError, match="are no parameters; give rows X"):
        fitted(X, y, experts="heteroscedastic").inference().standard_deviations()


def test_frames_and_rows_with_gaps():
    X, y = draw(300)
    frame = pd.DataFrame({"x": X[:, 0], "y": y, "g": np.arange(300) % 20})
    frame.loc[[3, 7], "x"] = np.nan
    whole = frame.dropna()
    settings = {"expert_features": ["x"], "gate_features": ["x"]}
    gaps = fitted(frame, frame["y"], missing="drop", **settings)
    own = gaps.inference(frame, frame["y"], cov_type="clustered", clusters=frame["g"])
    plain = fitted(whole, whole["y"], **settings).inference(
        whole, whole["y"], cov_type="clustered", clusters=whole["g"]
    )
    np.testing.assert_array_equal(own.vcov.values, plain.vcov.values)
    # Later rows are read by name.
    found = own.mean(pd.DataFrame({"other": ["a", "b"], "x": [0.0, 1.0]}))
    np.testing.assert_allclose(found.values, gaps.model_.mean([[0.0], [1.0]]))


def test_coverage_under_wrong_variances():
    """The sandwich covers where the observed information does not."""
    inside = {"observed": 0, "robust": 0}
    for seed in range(100):
        rng = np.random.default_rng([1, seed])
        X = rng.uniform(-2.0, 2.0, (300, 1))
        y = 1.0 + X[:, 0] + X[:, 0] ** 2 * rng.standard_normal(300)
        one = GaussianMoERegressor(1, init=Parameters([0.0], [[0.0]], [1.0], [[1.0]], [3.0])).fit(X, y)
        for cov_type in inside:
            lower, upper = one.inference(X, y, cov_type=cov_type).parameters["coef[0] (0)"].interval()
            inside[cov_type] += int(lower[0] < 1.0 < upper[0])
    # Of 100 at 95 %, 84 or fewer with probability 4e-5 (at 94 %, for the small sample, 3e-4); the other has some 77 %.
    assert inside["robust"] >= 85 > inside["observed"]


def test_responsibilities_match_experts_of_any_kind():
    chosen = model("laplace")
    X, y = data(chosen, 50)
    np.testing.assert_array_equal(match_experts(chosen, chosen, X, y, by="responsibilities").order, np.arange(3))
