"""The choice of a model: the path over k, criteria, columns, the other maxima of a search."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from gmoe import GaussianMoERegressor, GMoE, Parameters, as_gate, select
from gmoe.datasets import load_penguins, make_gmoe
from gmoe.model_selection import BIC, CrossValidation, Exhaustive, InformationCriterion, Stepwise
from gmoe.solvers.fit import fit, fit_path


@pytest.fixture(scope="module")
def data():
    X, y, _, _ = make_gmoe(300, random_state=1)
    return X, y


@pytest.fixture(scope="module")
def columns_data():
    """Four features: the gate sees 1, the experts see 0 and 2; nobody sees 3."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((500, 4))
    gate, coef = np.zeros((2, 4)), np.zeros((2, 4))
    gate[1, 1], coef[:, 0], coef[:, 2] = 3.0, (2.0, -1.0), (1.0, 1.5)
    model = GMoE(Parameters(np.zeros(2), gate, [3.0, -3.0], coef, [0.25, 0.25]))
    return X, model.sample(X, rng)[0]


@pytest.mark.parametrize("gate", ["softmax", "topk:n_active=2"])
def test_each_fit_of_a_path_is_the_one_that_is_found_alone(data, gate):
    X, y = (values[:40] for values in data)
    settings = {"gate": as_gate(gate), "gate_columns": [0], "expert_columns": [0], "seed": 3, "n_init": 1}
    path = fit_path(X, y, numbers=(3, 2), **settings)
    assert [result.model.n_experts for result in path] == [2, 3]
    for result in path:
        alone = fit(X, y, n_experts=result.model.n_experts, **settings)
        assert alone.log_likelihood == result.log_likelihood  # bitwise: the same climbs
        np.testing.assert_array_equal(alone.model.parameters.expert, result.model.parameters.expert)
        assert alone.n_starts == result.n_starts


def test_other_maxima_are_maxima(data):
    X, y = data
    result = GaussianMoERegressor(3, random_state=0).fit(X, y).fit_result_
    found = result.other_maxima
    assert found and result.n_agreeing + sum(m.n_starts for m in found) <= result.n_starts
    values = [result.log_likelihood, *(m.log_likelihood for m in found)]
    # Average values within 1e-8 count as one.
    assert np.all(np.diff(values) < -1e-8 * len(y))
    for maximum in found:
        # The sum of another code, to rounding.
        assert maximum.model.log_density(X, y).sum() == pytest.approx(maximum.log_likelihood, rel=1e-10)
        shares = maximum.model.gate_proba(X).mean(axis=0)
        assert np.all(np.diff(shares) < 1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            again = GaussianMoERegressor(3, init=maximum.model.parameters).fit(X, y)
        # A climb from there stays: gradients below 1e-8 leave less than this of a log-likelihood.
        assert again.log_likelihood_ == pytest.approx(maximum.log_likelihood, abs=1e-6)


def test_selection_of_the_number_of_experts(data):
    X, y = data
    selection = select(X, y, n_experts=(1, 2, 3), random_state=0, n_init=5)
    assert selection.best.n_experts == 2 and [fitted.n_experts for fitted in selection.path] == [1, 2, 3]
    # The sum of another code, to rounding.
    np.testing.assert_allclose(selection.scores, [fitted.bic(X, y) for fitted in selection.path], rtol=1e-12)
    table = selection.table
    assert table.loc[table["best"], "n_experts"].tolist() == [2]
    assert (table["bic"] == np.array(selection.scores)).all()
    text = repr(selection)
    assert text.startswith("Models by BIC") and text.count("converged") == 3 and text.count("*") == 2
    alone = GaussianMoERegressor(2, random_state=0, n_init=5).fit(X, y)
    np.testing.assert_array_equal(selection.best.predict(X), alone.predict(X))
    assert selection.best.n_features_in_ == 1 and selection.best.get_params()["gate"] == "softmax"
    with pytest.raises(AttributeError):
        selection.best = None


def test_selection_among_gates_leaves_out_what_a_gate_refuses(data):
    X, y = data
    selection = select(X, y, n_experts=(1, 2), gates=["softmax", "topk:n_active=2"], random_state=0, n_init=1)
    found = [(str(fitted.gate), fitted.n_experts) for fitted in selection.path]
    assert found == [("softmax", 1), ("softmax", 2), ("topk:n_active=2", 2)]


def test_cross_validation_is_the_loop_by_hand(data):
    X, y = data
    splitter = KFold(3, shuffle=True, random_state=0)
    settings = {"random_state": 0, "n_init": 2}
    weight = np.linspace(0.5, 1.5, len(y))
    selection = select(X, y, n_experts=(1, 2), criterion=CrossValidation(3), sample_weight=weight, **settings)
    for k, score in zip((1, 2), selection.scores, strict=True):
        expected = 0.0
        for train, test in splitter.split(X):
            fitted = GaussianMoERegressor(k, **settings).fit(X[train], y[train], weight[train])
            expected -= 2.0 * weight[test] @ fitted.score_samples(X[test], y[test])
        assert score == pytest.approx(expected, rel=1e-12)  # sums in another order
    assert "cv" in selection.table and selection.best.n_experts == 2


@pytest.mark.parametrize(
    ("columns", "seen"),
    [("stepwise", None), ("forward", None), (Exhaustive(32), ([1, 3], [0, 1, 2]))],
    ids=["stepwise", "forward", "exhaustive"],
)
def test_columns(columns_data, columns, seen):
    X, y = columns_data
    gate, experts = seen or (None, None)
    settings = {"gate_features": gate, "expert_features": experts, "random_state": 0, "n_init": 1, "n_jobs": 2}
    selection = select(X, y, n_experts=(1, 2), columns=columns, **settings)
    # Coefficients are 6 standard errors from zero and more; a column too many passes BIC with probability 0.013 each.
    assert (selection.best.n_experts, *selection.columns[-1]) == (2, (1,), (0, 2))
    assert selection.best.gate_coef_.shape == (2, 1) and selection.best.coef_.shape == (2, 2)
    assert selection.best.predict(X).shape == y.shape
    scores = [step.score for step in selection.steps]
    assert selection.scores[-1] <= min(scores) + 1e-5


def test_climbs_from_a_neighbour_end_in_the_maximum_of_the_search(columns_data):
    X, y = columns_data
    steps = select(X, y, n_experts=2, columns=Stepwise(), random_state=0, n_init=2).steps
    assert len(steps) > 4
    for step in steps[::2]:
        gate, experts = (sorted(part) for part in step.columns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            full = GaussianMoERegressor(2, gate_features=gate, expert_features=experts, random_state=1).fit(X, y)
        # Gradients below 1e-8 leave less than this of a log-likelihood.
        assert step.result.log_likelihood == pytest.approx(full.log_likelihood_, abs=1e-6)


def test_columns_of_a_frame_and_dummies_together():
    penguins = load_penguins(as_frame=True).frame
    selection = select(
        penguins,
        penguins["bill_length_mm"],
        n_experts=2,
        columns="stepwise",
        gate_features=["flipper_length_mm", "sex"],
        expert_features=["bill_depth_mm", "island", "year"],
        random_state=0,
        n_init=2,
    )
    best, (gate, experts) = selection.best, selection.columns[0]
    # Columns 2 and 3 of the design are the dummies of island.
    assert [len({2, 3} & step.columns.experts) for step in selection.steps].count(1) == 0
    assert {2, 3} <= selection.steps[0].columns.experts
    assert list(gate) == best.gate_features and list(experts) == best.expert_features
    refitted = GaussianMoERegressor(**best.get_params()).set_params(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        refitted.fit(penguins, penguins["bill_length_mm"])
    # The design has fewer columns now, in the same order: the same fit.
    np.testing.assert_allclose(best.predict(penguins), refitted.predict(penguins), rtol=1e-6)
    assert best.fit_result_.parameter_names == refitted.fit_result_.parameter_names
    assert best.bic(penguins, penguins["bill_length_mm"]) == pytest.approx(best.fit_result_.bic, rel=1e-12)


def test_terms_of_a_formula_are_chosen_as_columns_are(columns_data):
    pytest.importorskip("formulaic")
    X, y = columns_data
    X = pd.DataFrame(X, columns=list("abcd"))
    settings = {"n_experts": 2, "columns": "stepwise", "random_state": 0, "n_init": 1}
    by_name = select(X, y, **settings)
    by_term = select(X.assign(y=y), formula="y ~ a + b + c + d", **settings)
    assert by_term.scores == pytest.approx(by_name.scores, rel=1e-12)
    assert by_term.columns == by_name.columns == ((("b",), ("a", "c")),)
    assert by_term.best.formula == "y ~ a + c | b"


def test_a_term_goes_with_those_that_it_contains(columns_data):
    pytest.importorskip("formulaic")
    X, y = columns_data
    X = pd.DataFrame(X, columns=["a", "b b", "c", "d"]).assign(y=y, s=np.where(X[:, 3] > 0.0, "high", "low"))
    # No row knows of s: all of a, s and a:s may go, in this order.
    selection = select(
        X, n_experts=2, columns="stepwise", random_state=0, n_init=1,
        formula="y ~ {a * 2} * s + bs(c, df=3, degree=1) | `b b` + np.square(a)",
    )  # fmt: skip
    design, units = selection.path[0].design_, []
    for step in selection.steps:
        (own,) = {frozenset(step.columns.experts)}
        units.append(len(own))
    # bs(c) has 3 columns, and the last models of the walk a * 2 beside them.
    assert max(units) == 6 and units[-1] == 4 and design.names is not None
    best = selection.best
    assert best.formula == "y ~ {a * 2} + bs(c, df=3, degree=1) | `b b`"
    assert selection.columns == ((("`b b`",), ("{a * 2}", "bs(c, df=3, degree=1)")),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        again = GaussianMoERegressor(2, formula=best.formula, random_state=0).fit(X)
    # Two searches for the same maximum, to the tolerance of the climb.
    assert again.log_likelihood_ == pytest.approx(best.log_likelihood_, rel=1e-9)
    np.testing.assert_allclose(best.predict(X), again.predict(X), rtol=1e-5)
    # With the interaction its margins are there at each step.
    full = GaussianMoERegressor(2, formula="y ~ a * s | 1", max_iter=1, n_init=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        design = full.fit(X).design_
    places = {name: j for j, name in enumerate(design.names)}
    design.check_choice([], [places["a"], places["s[low]"], places["a:s[low]"]])
    design.check_choice([], [places["a"]])
    with pytest.raises(ValueError, match="'s' is left out"):
        design.check_choice([], [places["a"], places["a:s[low]"]])


def test_missing_rows_are_the_same_for_all_models(columns_data):
    X, y = columns_data
    X = pd.DataFrame(X[:, ::-1], columns=list("dcba"))
    X.loc[:9, "d"] = np.nan  # a column that is not chosen, before all others
    with pytest.warns(UserWarning, match="Left out 10 of 500 rows"):
        selection = select(X, y, n_experts=2, columns="stepwise", missing="drop", random_state=0, n_init=1)
    assert selection.columns[0] == (("b",), ("c", "a")) and selection.best.n_dropped_ == 10
    best = selection.best
    assert best.fit_result_.n_rows == 490
    # The design of the best has no column d: the sum is another code's, to rounding.
    assert best.score_samples(X[10:], y[10:]).sum() == pytest.approx(best.log_likelihood_, rel=1e-10)


def test_a_fit_at_a_bound_is_the_best_only_where_all_are(data):
    X, y = data
    greedy = InformationCriterion("height", "-log-likelihood", lambda result: -result.log_likelihood)
    y = np.where(np.arange(len(y)) < 30, 5.0, y)  # a tenth of the responses is one number
    selection = select(X, y, n_experts=(1, 2), criterion=greedy, random_state=0, n_init=2)
    proper = [fitted.fit_result_.is_proper for fitted in selection.path]
    assert proper == [True, False] and selection.best.n_experts == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"criterion": "bix"}, "Unknown criterion 'bix'; did you mean 'bic'"),
        ({"columns": "stepwize"}, "did you mean 'stepwise'"),
        ({"n_experts": ()}, "one number at least"),
        ({"gates": ()}, "one gate at least"),
        ({"n_experts": 1, "gates": "topk:n_active=2"}, "n_active"),
        ({"init": np.ones((300, 1))}, "init must be a name"),
        ({"columns": Exhaustive(2)}, "subsets, more than the limit of 2"),
    ],
)
def test_bad_input(data, settings, message):
    with pytest.raises(ValueError, match=message):
        select(*data, **{"n_experts": (1,), "n_init": 1} | settings)


def test_wrong_types(data):
    with pytest.raises(TypeError, match="criterion must be a name"):
        select(*data, criterion=3)
    with pytest.raises(TypeError, match="gate_features and expert_features"):
        select(*data, columns=[0])
    assert BIC.name == "bic"
