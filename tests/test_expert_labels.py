"""Starts from labels; an order and names of experts that a user chooses, and that refits follow."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from test_predictive import data, model

from gmoe import GaussianMoERegressor, TopKGate, TreeGate, as_gate, list_gates, select
from gmoe.datasets import load_penguins
from gmoe.edit._experts import pick
from gmoe.inference.chart import Chart
from gmoe.inference.relabelled import relabelled
from gmoe.table import parameter_names, parameter_values

FRAME = load_penguins(as_frame=True).frame
Y = FRAME["bill_length_mm"]
SETTINGS = {"expert_features": ["bill_depth_mm"], "gate_features": ["flipper_length_mm"]}
NAMES = ["chinstrap", "adelie", "gentoo"]


@pytest.fixture(scope="module")
def fitted():
    return GaussianMoERegressor(3, **SETTINGS, n_init=5, random_state=0).fit(FRAME, Y)


@pytest.fixture(scope="module")
def named(fitted):
    return fitted.relabel(NAMES, order=[2, 0, 1])


def test_a_start_from_labels_is_one_from_ones_and_zeros():
    ones = pd.get_dummies(FRAME["species"]).to_numpy(float)
    for labels in (FRAME["species"], FRAME["species"].tolist(), ones.argmax(axis=1)):
        found = [GaussianMoERegressor(3, **SETTINGS, init=init).fit(FRAME, Y) for init in (labels, ones)]
        np.testing.assert_array_equal(*(parameter_values(one.model_) for one in found))
        assert found[0].fit_result_.n_starts == 1
    gaps = Y.where(Y.index > 3)
    with pytest.warns(UserWarning, match="Left out 4"):
        found = GaussianMoERegressor(3, **SETTINGS, init=FRAME["species"], missing="drop").fit(FRAME, gaps)
    kept = GaussianMoERegressor(3, **SETTINGS, init=ones[4:]).fit(FRAME[4:], Y[4:])
    assert found.log_likelihood_ == kept.log_likelihood_


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (FRAME["species"][:5], "5 labels for 333 rows"),
        (FRAME["sex"], "2 different labels .* n_experts=3"),
        (FRAME["species"].where(FRAME.index > 0), "rows without a label"),
    ],
)
def test_labels_that_are_no_start(labels, words):
    with pytest.raises(ValueError, match=words):
        GaussianMoERegressor(3, **SETTINGS, init=labels).fit(FRAME, Y)


# One of each class, and settings that leave a mirror image, a scale or nothing but ranks open.
KINDS = {name: as_gate(name) for name in list_gates()} | {
    name: as_gate(f"activation:{settings}")
    for name, settings in {
        "mirror": "activation=tanh",
        "scale": "activation=relu",
        "ranks": "activation=tanh,n_active=1",
        "temperature": "activation=sigmoid,temperature=estimate",
    }.items()
}


@pytest.mark.parametrize("gate", KINDS.values(), ids=KINDS)
def test_every_gate_moves_along(fitted, gate):
    chosen = model(gate).canonical()
    chart, rng = Chart(chosen), np.random.default_rng(0)
    directions = rng.normal(size=(len(chart.point), 2))
    result = replace(
        fitted.fit_result_,
        model=chosen,
        spread=chart.table_derivatives @ directions,
        notes=("",) * len(parameter_values(chosen)),
        column_names=("a", "b"),
    )
    wanted = [2, 0, 1]
    moved = relabelled(result, wanted, NAMES)
    X, y = data(chosen, 30)
    # Signs, sums, and an exponential of its logarithm.
    np.testing.assert_allclose(moved.model.log_density(X, y), chosen.log_density(X, y), rtol=1e-9, atol=1e-9)
    order = [int(np.flatnonzero(result.shares == share)[0]) for share in moved.shares]
    posterior = chosen.responsibilities(X, y)[:, order]
    np.testing.assert_allclose(moved.model.responsibilities(X, y), posterior, rtol=1e-8, atol=1e-9)
    try:
        pick(chosen, wanted)
    except ValueError:
        return  # experts have places among the others
    assert order == wanted
    step, symmetry = 1e-6, chosen.gate.symmetry_of(chosen.sizes[0])
    # Where a gate leaves a scale open its table holds the scale, and a reference of another size has another one.
    names = parameter_names(chosen, ("a", "b"))
    open_scale = bool(symmetry.idle) or symmetry.free_scale is not None
    shown = [not (open_scale and name.startswith(("gate_", "temperature"))) for name in names]
    for direction, column in zip(directions.T, moved.spread.T, strict=True):
        ends = [chart.model_at(chart.point + sign * step * direction) for sign in (1.0, -1.0)]
        above, below = (parameter_values(pick(end, wanted).canonical()) for end in ends)
        # Central differences: rounding of numbers of some 10 over the step; derivatives of tables that are differences.
        slopes = (above - below) / (2.0 * step)
        np.testing.assert_allclose(column[shown], slopes[shown], rtol=2e-6, atol=2e-7)


def test_standard_errors_are_those_of_the_other_contrasts(fitted, named):
    """Against those of differences, by the covariance."""
    V = pd.DataFrame(fitted.fit_result_.covariance, *[fitted.fit_result_.parameter_names] * 2)
    slope = "gate_coef[flipper_length_mm]"
    variance = V.loc[f"{slope} (1)", f"{slope} (1)"] + V.loc[f"{slope} (2)", f"{slope} (2)"]
    variance -= 2.0 * V.loc[f"{slope} (1)", f"{slope} (2)"]
    table = named.summary().to_frame()
    # Products and sums of the same numbers.
    assert table.loc[f"{slope} (gentoo)", "std_error"] == pytest.approx(variance**0.5, rel=1e-9)
    assert table.loc[f"{slope} (adelie)", "std_error"] == pytest.approx(V.loc[f"{slope} (2)", f"{slope} (2)"] ** 0.5)
    assert table.loc[f"{slope} (chinstrap)", "note"] == "pinned"
    old = fitted.summary().to_frame()
    for name, number in zip(NAMES, (2, 0, 1), strict=True):
        for parameter in ("intercept", "coef[bill_depth_mm]", "variance"):
            columns = ["estimate", "std_error"]
            pd.testing.assert_series_equal(
                table.loc[f"{parameter} ({name})", columns].astype(float),
                old.loc[f"{parameter} ({number})", columns].astype(float),
                check_names=False,
                rtol=1e-9,
            )
    again = named.relabel(order=[1, 2, 0])
    assert again.fit_result_.expert_names == ("adelie", "gentoo", "chinstrap")  # names go along
    np.testing.assert_allclose(again.fit_result_.covariance, fitted.fit_result_.covariance, rtol=1e-6)
    assert again.fit_result_.notes == fitted.fit_result_.notes


def test_notes_go_along():
    """A gate that separates: which contrasts have no standard error depends on the reference."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, 300)
    y = np.where(x > 0.5, 5.0, np.where(rng.random(300) < 0.5, -2.0, 2.0)) + 0.1 * rng.normal(size=300)
    with pytest.warns(UserWarning, match="separates"):
        found = GaussianMoERegressor(3, expert_features=[], n_init=1, random_state=0).fit(x[:, None], y)
    high = int(np.argmax(found.intercept_))
    assert high > 0  # else there is nothing to see
    others = [j for j in range(3) if j != high]
    notes = dict(zip(found.fit_result_.parameter_names, found.fit_result_.notes, strict=True))
    assert [notes[f"gate_coef[0] ({j})"] for j in (high, others[1])] == ["separated", ""]
    moved = found.relabel(order=[high, *others]).fit_result_
    notes = dict(zip(moved.parameter_names, moved.notes, strict=True))
    assert [notes[f"gate_coef[0] ({j})"] for j in range(3)] == ["pinned", "separated", "separated"]
    assert [notes[f"intercept ({j})"] for j in range(3)] == ["", "", ""]


def test_names_are_everywhere(named):
    assert named.summary().head()[3].startswith("shares: (chinstrap) 0.")
    table = named.predict_frame(FRAME.head(), Y.head())
    assert {"gate_gentoo", "responsibility_adelie"} <= set(table) and set(table["expert"]) == {"adelie"}
    inference = named.inference()
    assert inference.shares(FRAME).names == tuple(f"share ({name})" for name in NAMES)
    assert inference.standard_deviations().names == tuple(f"sd ({name})" for name in NAMES)
    assert "sd (gentoo) at row 1" in inference.standard_deviations(FRAME.head(2)).names
    assert inference.wald_test("variance (gentoo) = variance (adelie)").p_value < 0.05
    with pytest.raises(ValueError, match="did you mean 'variance \\(gentoo\\)'"):
        inference.wald_test("variance (gento) = 1")
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    from gmoe.plotting import ExpertFitDisplay, GateDisplay, ResidualDisplay

    for display in (GateDisplay, ExpertFitDisplay, ResidualDisplay):
        legend = display.from_estimator(named, FRAME, *([] if display is GateDisplay else [Y])).ax_.get_legend()
        assert [text.get_text() for text in legend.get_texts()][:3] == [f"expert {name}" for name in NAMES]
    plt.close("all")


def test_refits_follow(fitted, named):
    """Four times the rows of the smallest expert: by share alone the order would be another one."""
    before = named.predict_frame(FRAME, Y)["expert"]
    few = before == NAMES[0]
    rows, y = (pd.concat([one, *[one[few]] * 3]) for one in (FRAME, Y))
    plain, again = clone(fitted).fit(rows, y), clone(named).fit(rows, y)
    assert again.fit_result_.expert_names == tuple(NAMES)
    assert "expert_labels=ExpertLabels('chinstrap', 'adelie', 'gentoo')" in repr(again)
    # The largest comes first without labels: here it is the first of the labels, which was the smallest.
    assert named.shares_.argmin() == 0 and again.shares_.argmax() == 0 and again.shares_[0] == plain.shares_[0]
    # Chance would be a third; the two fits differ in a few rows between experts.
    assert np.mean(again.predict_frame(FRAME, Y)["expert"] == before) > 0.9
    np.testing.assert_allclose(again.predict(FRAME), plain.predict(FRAME), rtol=1e-9)  # the same density
    drawn = named.bootstrap(FRAME, Y, n_boot=5, random_state=0)
    assert drawn.parameters.names == named.fit_result_.parameter_names
    # 5 draws of 3 slopes within 6 standard errors, of experts whose slopes and intercepts are far apart.
    away = np.abs(drawn.parameters.draws - drawn.parameters.values) / named.fit_result_.standard_errors
    assert np.nanmax(away) < 6.0


def test_a_likelihood_ratio_knows_what_was_added(fitted, named):
    larger = clone(fitted).set_params(gate_features=["flipper_length_mm", "bill_depth_mm"]).fit(FRAME, Y)
    plain, tests = fitted.likelihood_ratio_test(larger), named.likelihood_ratio_test(larger)
    assert tests.hypothesis == plain.hypothesis and "intercept" not in plain.hypothesis
    assert tests.statistic == pytest.approx(plain.statistic, rel=1e-9)


def test_json_keeps_labels(named):
    again = GaussianMoERegressor.from_json(named.to_json())
    assert str(again.summary()) == str(named.summary())
    assert again.expert_labels.names == tuple(NAMES)
    assert again.expert_labels.model.to_json() == named.model_.to_json()


def test_an_order_by_a_parameter(fitted):
    for name in ("intercept", "variance", "coef[bill_depth_mm]"):
        found = fitted.relabel(order=name)
        values = found.summary().to_frame()["estimate"]
        assert np.all(np.diff([values[f"{name} ({j})"] for j in range(3)]) > 0.0)
    assert fitted.relabel(NAMES).fit_result_.parameter_names == parameter_names(
        fitted.model_, fitted.fit_result_.column_names, NAMES
    )
    assert fitted.fit_result_.expert_names == (0, 1, 2)  # it stays what it is


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"order": [0, 1]}, "each of the 3 experts once"),
        ({"order": [0, 1, 1]}, "each of the 3 experts once"),
        ({"order": "coef[bill_dept_mm]"}, "did you mean 'coef\\[bill_depth_mm\\]'"),
        ({"names": ["a", "b"]}, "3 texts"),
        ({"names": ["a", "b", "b"]}, "must differ"),
        ({"names": ["a", "b", " "]}, "3 texts"),
    ],
)
def test_what_is_no_label(fitted, settings, words):
    with pytest.raises(ValueError, match=words):
        fitted.relabel(**settings)


def test_constraints_keep_the_numbers(fitted):
    held = clone(fitted).set_params(constraints=["coef[bill_depth_mm] (0) = coef[bill_depth_mm] (1)"], n_init=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what the fit is like does not matter
        found = held.fit(FRAME, Y)
    with pytest.raises(ValueError, match="name its experts by their numbers"):
        found.relabel(NAMES)


def test_labels_of_another_model(named):
    with pytest.raises(ValueError, match="n_experts = 3, this one has 2"):
        clone(named).set_params(n_experts=2).fit(FRAME, Y)
    with pytest.raises(ValueError, match="relabel the best one"):
        select(FRAME, Y, n_experts=3, **SETTINGS, expert_labels=named.expert_labels)


@pytest.mark.parametrize(("gate", "words"), [(TopKGate(2), "ties"), (TreeGate(), "place among the others")])
def test_gates_that_keep_their_order(fitted, gate, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what the fit is like does not matter
        found = clone(fitted).set_params(gate=gate, n_init=1, max_iter=5).fit(FRAME, Y)
    assert found.relabel(NAMES).fit_result_.expert_names == tuple(NAMES)
    with pytest.raises(ValueError, match=words):
        found.relabel(NAMES, order=[1, 2, 0])


def test_orders_and_labels_of_other_types(fitted):
    for order in ([0.5, 1.5], ["a", "b"]):
        with pytest.raises(ValueError, match="order must hold each of the"):
            fitted.relabel(order=order)
    with pytest.raises(TypeError, match="expert_labels must be those of a fit"):
        clone(fitted).set_params(expert_labels=["a", "b"]).fit([[0.0], [1.0]], [0.0, 1.0])
