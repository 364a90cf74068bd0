"""Outliers do not move estimates of t experts, or beside a noise component; and what a fit of these reports."""

from functools import cache

import numpy as np
import pytest

from gmoe import GaussianMoERegressor, ParameterSpace
from gmoe.experts import NoiseExperts, NormalDensity, StudentExperts, UniformDensity
from gmoe.model import GMoE
from gmoe.parameters import Parameters

# Standard deviation of both experts' noise, and distance of the outliers in these.
SD, FAR = 0.4, 20.0


def contaminated(seed=5, n=1000):
    """Two regressions behind a softmax gate, 5 % of the responses 20 sd off; and which these are."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-2.5 * X[:, 0]))
    y = np.where(first, 1.0 + 2.0 * X[:, 0], -1.0 - 1.5 * X[:, 0]) + SD * rng.normal(size=n)
    off = rng.choice(n, n // 20, replace=False)
    return X, y + FAR * SD * np.isin(np.arange(n), off) * rng.choice([-1.0, 1.0], n), np.isin(np.arange(n), off)


def fit(X, y, experts, k=2, gate="softmax"):
    """One round of starts: the maxima of these data are found by most of them."""
    return GaussianMoERegressor(n_experts=k, experts=experts, gate=gate, n_init=3, random_state=0).fit(X, y)


@cache
def without_outliers(experts):
    """Fit of the data of seed 5 less their outliers."""
    X, y, off = contaminated()
    return fit(X[~off], y[~off], experts)


def table(model, *names):
    """Estimates and standard errors of the first two experts, by increasing slope."""
    order = np.argsort(model.model_.parameters.coef[:2, 0])
    rows = {row["parameter"]: row for row in model.summary().rows()}
    found = [rows[f"{name} ({j})"] for j in order for name in names]
    return tuple(np.array([row[key] for row in found]) for key in ("estimate", "std_error"))


def gate_between(model):
    """Change with x of the log odds of the first two experts, by increasing slope."""
    order = np.argsort(model.model_.parameters.coef[:2, 0])
    logits = model.model_.log_gate_proba(np.array([[0.0], [1.0]]))[:, order]
    return np.diff(np.diff(logits, axis=1)[:, 0])[0]


MEANS = "intercept", "coef[0]"
BESIDE = {
    "uniform": lambda y: NoiseExperts(UniformDensity(y.min(), y.max())),
    "normal": lambda y: NoiseExperts(NormalDensity(y.mean(), 3.0 * y.std())),
}


@pytest.mark.parametrize("noise", BESIDE.values(), ids=BESIDE)
def test_outliers_are_noise_and_move_nothing(noise):
    """Seed 5: within three standard errors of the Gaussian fit to the data without outliers, variances too."""
    X, y, off = contaminated()
    without, names = without_outliers("gaussian"), (*MEANS, "variance")
    expected, error = table(without, *names)
    model = fit(X, y, noise(y), 3)
    assert model.fit_result_.status == "converged"
    assert np.abs((table(model, *names)[0] - expected) / error).max() < 3.0
    slope_error = np.nanmax([row["std_error"] for row in without.summary().rows() if "gate_coef" in row["parameter"]])
    assert abs(gate_between(model) - gate_between(without)) < 3.0 * slope_error
    # The noise is the last expert, and has the outliers: those amid the other expert's data are none to see.
    assert np.median(model.model_.responsibilities(X[off], y[off])[:, 2]) > 0.99
    assert model.fit_result_.shares[2] == pytest.approx(0.05, abs=0.03)
    # The same data without noise: what the test can tell.
    assert np.abs((table(fit(X, y, "gaussian"), *names)[0] - expected) / error).max() > 30.0


@pytest.mark.parametrize("df", [4.0, "estimate"])
def test_outliers_move_no_t_regression(df):
    """Seed 5: means within three standard errors of the same fit without outliers; scales do feel 5 % of outliers."""
    X, y, _ = contaminated()
    without, model = without_outliers(StudentExperts(df)), fit(X, y, StudentExperts(df))
    expected, error = table(without, *MEANS)
    assert model.fit_result_.status == "converged"
    assert np.abs((table(model, *MEANS)[0] - expected) / error).max() < 3.0


def test_void_rows_are_pinned_and_count_for_nothing():
    X, y, _ = contaminated(n=300)
    model = fit(X, y, NoiseExperts(UniformDensity(y.min(), y.max())), 3)
    notes = dict(zip(model.fit_result_.parameter_names, model.fit_result_.notes, strict=True))
    assert [notes[f"{name} (2)"] for name in ("intercept", "coef[0]", "variance")] == ["pinned"] * 3
    assert not notes["gate_intercept (2)"]
    # Two free rows of the gate, and two experts of three parameters.
    assert model.fit_result_.n_free_parameters == model.model_.n_free_parameters == 2 * 2 + 2 * 3
    assert (model.model_.parameters.intercept[2], model.model_.parameters.variance[2]) == (0.0, 1.0)
    # The certificate's log-likelihood is that of the model in the units of the data.
    assert model.model_.log_density(X, y).sum() == pytest.approx(model.fit_result_.log_likelihood, rel=1e-12)
    drawn, expert = model.model_.sample(X, np.random.default_rng(0))
    assert np.abs(drawn[expert == 2]).max() > 5.0
    assert np.isfinite(model.predict(X)).all()


def test_units_of_the_response_change_nothing():
    """The given density is one in the units of the data: with these it moves."""
    X, y, _ = contaminated(n=300)
    one = fit(X, y, NoiseExperts(UniformDensity(-12.0, 12.0)), 3)
    other = fit(X, 1e3 * y + 5e4, NoiseExperts(UniformDensity(5e4 - 12e3, 5e4 + 12e3)), 3)
    # Log-likelihoods differ by the unit: to the tolerance of the gradient, squared.
    shift = len(y) * np.log(1e3)
    assert other.fit_result_.log_likelihood + shift == pytest.approx(one.fit_result_.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(other.model_.parameters.coef, 1e3 * one.model_.parameters.coef, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:No observation needs")
def test_noise_that_nothing_needs_is_said():
    X, y, off = contaminated()
    model = fit(X[~off], y[~off], NoiseExperts(UniformDensity(-30.0, 30.0)), 3)
    assert model.fit_result_.status == "gate_separated"
    assert model.fit_result_.shares[2] < 1e-8
    assert "No observation needs the expert with a given density" in str(model.summary())
    # The others are those of a fit without noise: to the tolerance of the gradient over the least information.
    expected = without_outliers("gaussian").model_.parameters
    np.testing.assert_allclose(model.model_.parameters.coef[:2], expected.coef, atol=1e-5)


@pytest.mark.parametrize("gate", ["activation:activation=tanh,temperature=1", "cosine"])
def test_noise_under_other_gates(gate):
    X, y, off = contaminated(n=300)
    model = fit(X, y, NoiseExperts(UniformDensity(y.min(), y.max())), 3, gate)
    assert np.isfinite(model.fit_result_.log_likelihood)
    # It is still the last expert: outliers are its own.
    assert np.median(model.model_.responsibilities(X[off], y[off])[:, 2]) > 0.9


def test_one_regression_and_noise():
    """The smallest model, which no smaller fit leads to: a line among more outliers, which remain the last expert."""
    rng = np.random.default_rng(2)
    x = rng.uniform(-1.0, 1.0, 300)
    y = 1.0 + 2.0 * x + 0.1 * rng.normal(size=300)
    y[:180] = rng.uniform(-10.0, 30.0, 180)
    model = fit(x[:, None], y, "noise:low=-10,high=30", 2)
    estimates = model.model_.parameters
    assert model.fit_result_.shares == pytest.approx([0.4, 0.6], abs=0.03)
    # Five standard errors of a regression on 120 rows.
    assert abs(estimates.intercept[0] - 1.0) < 5 * 0.1 / 120**0.5
    assert abs(estimates.coef[0, 0] - 2.0) < 5 * 0.1 / (120 / 3) ** 0.5


def test_variance_along_x_is_found():
    """Three standard errors of each parameter: false alarm below 2.2 % over eight, and the seed is fixed."""
    rng = np.random.default_rng(8)
    truth = GMoE(
        Parameters(
            gate_intercept=[0.0, 0.0], gate_coef=[[0.0], [2.0]], intercept=[0.0, 3.0], coef=[[1.0], [-1.0]],
            log_variance_intercept=[-1.0, -2.0], log_variance_coef=[[0.8], [-0.5]],
        ),
        experts="heteroscedastic",
    )  # fmt: skip
    X = rng.normal(size=(2000, 1))
    y, _ = truth.sample(X, rng)
    model = fit(X, y, "heteroscedastic")
    assert model.fit_result_.status == "converged"
    order = np.argsort(model.model_.parameters.intercept)
    for name in ("intercept", "coef", "log_variance_intercept", "log_variance_coef"):
        errors = np.array(
            [row["std_error"] for row in model.summary().rows() if row["parameter"].split("[")[0].split(" ")[0] == name]
        )
        found, expected = (np.ravel(p.arrays[name]) for p in (model.model_.parameters, truth.parameters))
        assert np.abs((found[order] - expected) / errors[order]).max() < 3.0


def test_em_that_a_bound_stops_goes_on_along_it():
    """Some starts meet the bound on the ratio of variances: EM went on there for all its iterations."""
    X, y, _ = contaminated(n=400)
    settings = {"experts": "heteroscedastic", "n_init": 3, "random_state": 0}
    one, other = (GaussianMoERegressor(2, solver=s, max_iter=500, **settings).fit(X, y) for s in ("mle", "em"))
    assert other.fit_result_.status == "converged"
    # Both to a gradient of 1e-8.
    assert other.log_likelihood_ == pytest.approx(one.log_likelihood_, abs=1e-8)
    # 18 starts of some fifty steps: seen 1039 passes, and 27 000 without an end of EM.
    assert other.fit_result_.n_passes < 3000


def test_equal_variances_are_one_parameter():
    X, y, _ = contaminated(n=300)
    for experts, k, expected in (("heteroscedastic", 2, 7), ("student:df=4", 2, 7), ("noise:low=-12,high=13", 3, 9)):
        model = GaussianMoERegressor(
            k, experts=experts, n_init=1, random_state=0, parameter_space=ParameterSpace(variance_ratio=1.0)
        ).fit(X, y)
        # Gate rows of two for all experts but one, two means of two, one variance.
        assert model.fit_result_.n_free_parameters == expected
        variances = model.model_.experts.covariance(*model.model_._expert, X.T)[:2, 0, 0]
        # Inequalities hold to 1e-9 in the log variance at two standard deviations; X goes to three.
        np.testing.assert_allclose(variances / variances[0, 0], 1.0, atol=1e-6)


def test_intervals_of_positive_parameters_are_positive():
    X, y, _ = contaminated(n=300)
    model = fit(X, y, "student:df=estimate")
    low, high = model.confidence_interval("df")
    assert 1.0 <= low < model.model_.parameters.df < high
    assert low * high == pytest.approx(float(model.model_.parameters.df) ** 2)
    assert model.confidence_interval("scale_squared")[0].min() > 0.0
