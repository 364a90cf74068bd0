"""The estimator's surface: each answer against its formula, columns by every kind of selection, tables, tools."""

import doctest
import logging
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from likelihood import REGULAR, log_density, parts, read, table
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_validate

import gmoe.estimator.regressor
from gmoe import (
    ActivationGate,
    DenseToSparseGate,
    Gate,
    GaussianMoERegressor,
    SoftmaxGate,
    TopKGate,
    log_likelihood_scorer,
)
from gmoe.datasets import load_penguins, load_temperature_anomalies, make_gmoe

# Answers and formulas differ by rounding only.
EXACT = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(scope="module")
def case():
    X, y, _, _ = make_gmoe(600, 3, 3, noise=0.8, gate_scale=1.0, expert_scale=2.0, random_state=2)
    options = {"gate_features": [2, 0], "expert_features": [1, 2], "n_init": 8, "random_state": 0}
    fitted = GaussianMoERegressor(3, **options).fit(X, y)
    logit, joint, residual = parts(table(fitted), X[:, [2, 0]], X[:, [1, 2]], y)
    proba = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    posterior = np.exp(joint) / np.exp(joint).sum(axis=1, keepdims=True)
    return X, y, fitted, proba, posterior, y[:, None] - residual


def test_attributes(case):
    X, y, fitted, _, posterior, _ = case
    shapes = {"gate_intercept_": (3,), "gate_coef_": (3, 2), "intercept_": (3,), "coef_": (3, 2), "variance_": (3,)}
    assert {name: getattr(fitted, name).shape for name in shapes} == shapes
    assert fitted.converged_
    assert fitted.fit_result_.certified
    assert fitted.n_iter_ >= 1
    np.testing.assert_array_equal(fitted.gate_intercept_[0], 0.0)
    np.testing.assert_array_equal(fitted.gate_coef_[0], 0.0)
    # Documented order; at a maximum the average gate probability is the average responsibility, up to the gradient.
    assert np.all(np.diff(fitted.shares_) < 0)
    np.testing.assert_allclose(fitted.shares_, posterior.mean(axis=0), atol=2e-8)


def test_predictions_by_their_formulas(case):
    X, y, fitted, proba, posterior, means = case
    np.testing.assert_allclose(fitted.predict_gate(X), proba, **EXACT)
    np.testing.assert_allclose(fitted.predict_experts(X), means, **EXACT)
    np.testing.assert_allclose(fitted.responsibilities(X, y), posterior, **EXACT)
    mean = (proba * means).sum(axis=1)
    second = (proba * (means**2 + fitted.variance_)).sum(axis=1)
    np.testing.assert_allclose(fitted.predict(X), mean, **EXACT)
    predicted, std = fitted.predict(X, return_std=True)
    np.testing.assert_array_equal(predicted, fitted.predict(X))
    # The second moment minus the squared mean cancels a few digits.
    np.testing.assert_allclose(std, np.sqrt(second - mean**2), rtol=1e-8)
    assert fitted.score(X, y) == pytest.approx(r2_score(y, mean), rel=1e-10)


def test_criteria_by_their_formulas(case):
    X, y, fitted, _, posterior, _ = case
    density = log_density(table(fitted), X[:, [2, 0]], X[:, [1, 2]], y)
    np.testing.assert_allclose(fitted.score_samples(X, y), density, **EXACT)
    result, df = fitted.fit_result_, 2 * 3 + 3 * 3 + 3
    assert result.n_free_parameters == df
    assert fitted.log_likelihood_ == pytest.approx(density.sum(), rel=1e-10)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    for w, total in [(None, len(y)), (weight, weight.sum())]:
        ones = np.ones(len(y)) if w is None else w
        value, certain = ones @ density, ones @ np.log(posterior.max(axis=1))
        assert fitted.aic(X, y, sample_weight=w) == pytest.approx(2 * df - 2 * value, rel=1e-10)
        bic = np.log(total) * df - 2 * value
        assert fitted.bic(X, y, sample_weight=w) == pytest.approx(bic, rel=1e-10)
        assert fitted.icl(X, y, sample_weight=w) == pytest.approx(bic - 2 * certain, rel=1e-10)
        scored = log_likelihood_scorer(fitted, X, y, sample_weight=w)
        assert scored == pytest.approx(value / total, rel=1e-10)
    assert (result.aic, result.bic, result.icl) == pytest.approx((fitted.aic(X, y), fitted.bic(X, y), fitted.icl(X, y)))


def test_samples_have_the_models_moments(case):
    X, _, fitted, _, _, _ = case
    x = np.repeat(X[:1], 200_000, axis=0)
    mean, std = fitted.predict(X[:1], return_std=True)
    drawn = fitted.sample(x, random_state=1)
    # Five standard errors of the mean; the variance's is below 1 % for any mixture of three, five of them 3 %.
    assert drawn.mean() == pytest.approx(mean[0], abs=5 * std[0] / np.sqrt(len(x)))
    assert drawn.std() == pytest.approx(std[0], rel=0.03)
    np.testing.assert_array_equal(drawn, fitted.sample(x, random_state=1))
    assert np.any(drawn != fitted.sample(x, random_state=2))
    one, two = (fitted.sample(X, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


FRAME = pd.DataFrame(load_penguins().data, columns=["depth", "flipper", "mass"])
Y = load_penguins().target


@pytest.mark.parametrize(
    "columns", [[1], [-2], ["flipper"], [False, True, False], np.array([1]), pd.Index(["flipper"])]
)
def test_columns_by_every_selection(columns):
    options = {"n_init": 5, "random_state": 0, "expert_features": [0]}
    fitted = GaussianMoERegressor(2, gate_features=columns, **options).fit(FRAME, Y)
    expected = GaussianMoERegressor(2, gate_features=[1], **options).fit(FRAME, Y)
    np.testing.assert_array_equal(table(fitted), table(expected))
    # The two designs, put together by hand.
    density = log_density(table(fitted), FRAME[["flipper"]].to_numpy(), FRAME[["depth"]].to_numpy(), Y)
    assert fitted.log_likelihood_ == pytest.approx(density.sum(), rel=1e-10)
    assert "gate_coef[flipper] (1)" in fitted.summary().to_frame().index
    assert list(fitted.feature_names_in_) == list(FRAME.columns)


def test_empty_selections():
    fitted = GaussianMoERegressor(2, gate_features=[], expert_features=[], n_init=5, random_state=0).fit(FRAME, Y)
    assert fitted.gate_coef_.shape == fitted.coef_.shape == (2, 0)
    assert fitted.fit_result_.n_free_parameters == 5
    assert np.ptp(fitted.predict(FRAME)) < 1e-12
    np.testing.assert_allclose(fitted.predict_gate(FRAME), np.tile(fitted.shares_, (len(Y), 1)), atol=1e-7)


def test_model_selection_by_the_likelihood():
    X, y, _, _ = make_gmoe(400, 1, 2, noise=0.5, gate_scale=1.0, expert_scale=3.0, random_state=2)
    scoring = {"ll": log_likelihood_scorer, "r2": "r2"}
    search = GridSearchCV(
        GaussianMoERegressor(n_init=5, random_state=0), {"n_experts": [1, 2]}, cv=3, scoring=scoring, refit="ll"
    ).fit(X, y)
    assert search.best_params_ == {"n_experts": 2}
    by_hand = GaussianMoERegressor(2, n_init=5, random_state=0).fit(X, y).score_samples(X, y).mean()
    assert log_likelihood_scorer(search.best_estimator_, X, y) == pytest.approx(by_hand, rel=1e-9)


def test_weights_are_routed():
    X, y, _, _ = make_gmoe(200, 1, 1, random_state=0, **REGULAR)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = GaussianMoERegressor(1).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        routed = cross_validate(estimator, X, y, cv=2, params={"sample_weight": weight}, return_estimator=True)
    train = slice(100, 200)
    expected = GaussianMoERegressor(1).fit(X[train], y[train], weight[train])
    np.testing.assert_allclose(routed["estimator"][0].coef_, expected.coef_, rtol=1e-10)
    np.testing.assert_allclose(routed["test_score"][0], expected.score(X[:100], y[:100], weight[:100]), rtol=1e-10)


def test_clone_and_pickle(case):
    X, y, fitted, _, _, _ = case
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    assert str(again.summary()) == str(fitted.summary())
    by_value = clone(GaussianMoERegressor(gate=SoftmaxGate()))
    assert by_value.gate == SoftmaxGate()


def test_input_of_every_layout(case, tmp_path):
    X, y, fitted, _, _, _ = case
    # Exact in float32, so that the numbers are the same.
    X, y = X.astype(np.float32), y.astype(np.float32)
    X.tofile(tmp_path / "X")
    read_only = X.astype(float)
    read_only.flags.writeable = False
    mapped = np.memmap(tmp_path / "X", dtype=np.float32, mode="r", shape=X.shape)
    expected = clone(fitted).fit(X.astype(float), y.astype(float))
    for given in (
        X,
        np.asfortranarray(X),
        mapped,
        read_only,
        np.repeat(X, 2, axis=0)[::2],
        X.tolist(),
        pd.DataFrame(X),
    ):
        np.testing.assert_array_equal(table(clone(fitted).fit(given, y)), table(expected))


def test_summary_table(case):
    _, _, fitted, _, _, _ = case
    frame, text = fitted.summary().to_frame(), str(fitted.summary())
    assert frame.loc["coef[1] (2)", "estimate"] == fitted.coef_[2, 0]
    assert frame.loc["gate_coef[2] (1)", "estimate"] == fitted.gate_coef_[1, 0]
    assert frame.loc["variance (1)", "estimate"] == fitted.variance_[1]
    row = frame.loc["intercept (1)"]
    assert row["z"] == pytest.approx(row["estimate"] / row["std_error"])
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(1.959963984540054 * row["std_error"])
    assert np.isnan(frame.loc["variance (0)", "z"])
    pinned = frame.index[frame["note"] == "pinned"]
    assert list(pinned) == ["gate_intercept (0)", "gate_coef[2] (0)", "gate_coef[0] (0)"]
    wide = fitted.summary(0.99).to_frame().loc["intercept (1)"]
    assert wide["upper"] - wide["estimate"] == pytest.approx(2.5758293035489004 * row["std_error"])
    result = fitted.fit_result_
    words = ["n = 600", f"{fitted.log_likelihood_:.6f}", "df = 18", f"BIC = {result.bic:.4f}", "certificate: converged"]
    for word in [*words, f"{result.n_agreeing} of {result.n_starts} starts", "95% interval"]:
        assert word in text
    assert text == str(clone(fitted).fit(case[0], case[1]).summary())


def test_summary_notes_instead_of_numbers():
    X, y = load_temperature_anomalies(return_X_y=True)
    with pytest.warns(ConvergenceWarning):
        text = str(GaussianMoERegressor(2, random_state=0).fit(X, y).summary())
    (line,) = [line for line in text.splitlines() if line.startswith("gate_coef[0] (1)")]
    assert line.endswith("separated")
    X, y = read("co2data", "GNP", "CO2")
    with pytest.warns(ConvergenceWarning):
        text = str(GaussianMoERegressor(1).fit(X, 2 * X[:, 0]).summary())
    (line,) = [line for line in text.splitlines() if line.startswith("variance (0)")]
    assert line.endswith("at bound")


@pytest.mark.parametrize("parameter", ["gate_intercept", "gate_coef", "intercept", "coef", "variance"])
def test_confidence_intervals_are_those_of_the_table(case, parameter):
    _, _, fitted, _, _, _ = case
    lower, upper = fitted.confidence_interval(parameter, level=0.9)
    estimate = getattr(fitted, f"{parameter}_")
    assert lower.shape == upper.shape == estimate.shape
    frame = fitted.summary(0.9).to_frame()
    for index in np.ndindex(estimate.shape):
        column = f"[{[2, 0][index[1]] if parameter == 'gate_coef' else [1, 2][index[1]]}]" if index[1:] else ""
        row = frame.loc[f"{parameter}{column} ({index[0]})"]
        np.testing.assert_equal([lower[index], upper[index]], [row["lower"], row["upper"]])
        if row["note"]:
            assert np.isnan(lower[index]) and np.isnan(upper[index])
        else:
            assert lower[index] < estimate[index] < upper[index]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("topk:n_active=2", TopKGate(2)),
        ("topk: n_active=1, select_on=logit", TopKGate(1, "logit")),
        ("dense_to_sparse:temperature=0.5", DenseToSparseGate(0.5)),
        ("activation:activation=tanh,temperature=1", ActivationGate("tanh", 1.0)),
        ("activation:intercept=inside,temperature=2", ActivationGate("sigmoid", 2.0, "inside")),
        ("topk:activation=gelu,temperature=0.5", Gate(activation="gelu", temperature=0.5, n_active=1)),
    ],
)
def test_gates_by_name_and_by_value(name, value):
    X, y, _, _ = make_gmoe(120, 1, 2, random_state=0, **REGULAR)
    options = {"n_init": 1, "max_iter": 30, "random_state": 0}
    with warnings.catch_warnings():
        # So few starts and steps: only that both are the same fit matters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        by_name = GaussianMoERegressor(2, name, **options).fit(X, y)
        by_value = GaussianMoERegressor(2, value, **options).fit(X, y)
    assert by_name.model_.gate == value
    np.testing.assert_array_equal(table(by_name), table(by_value))
    assert by_name.temperature_ == by_value.temperature_ == by_value.model_.parameters.temperature
    # What is printed can be typed.
    assert eval(repr(value)) == value
    assert repr(value) in str(by_name.summary())
    assert pickle.loads(pickle.dumps(by_name)).model_.gate == value


def test_a_schedule_leads_to_the_same_maximum():
    X, y, _, _ = make_gmoe(400, 1, 2, random_state=2, **REGULAR)
    plain = GaussianMoERegressor(2, n_init=4, random_state=0).fit(X, y)
    cooled = clone(plain).set_params(schedule=(4.0, 2, np.float32(1.0))).fit(X, y)
    # Both have gradients below 1e-8; the way there differs.
    assert cooled.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-6)
    assert cooled.fit_result_.certified
    assert cooled.fit_result_.n_passes != plain.fit_result_.n_passes
    np.testing.assert_array_equal(table(clone(cooled).fit(X, y)), table(cooled))


@pytest.mark.parametrize(
    "gate", ["topk", "topk:n_active=2,select_on=logit", "activation:activation=tanh,temperature=0.5"]
)
def test_a_schedule_for_every_gate(gate):
    X, y, _, _ = make_gmoe(300, 1, 3, gate=gate, random_state=1, **REGULAR)
    options = {"n_init": 1, "max_iter": 50, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = GaussianMoERegressor(3, gate, schedule=[2.0, 0.5], **options).fit(X, y)
    # The likelihood that is reported is that of the gate itself, not of a softened one.
    assert fitted.score_samples(X, y).sum() == pytest.approx(fitted.log_likelihood_, rel=1e-10)


def test_verbose_logs_the_certificate(case, caplog):
    X, y, _, _, _, _ = case
    with caplog.at_level(logging.INFO, logger="gmoe"):
        GaussianMoERegressor(1, verbose=1).fit(X, y)
    assert "certificate: converged" in caplog.text


def test_the_docstrings_example():
    assert doctest.testmod(gmoe.estimator.regressor).attempted >= 4
    assert doctest.testmod(gmoe.estimator.regressor).failed == 0
