"""Data frames as they are: names, categories, gaps, formulas; each against the same numbers made by hand."""

import pickle
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
from likelihood import table
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from gmoe import GaussianMoERegressor, log_likelihood_scorer
from gmoe.datasets import load_penguins
from gmoe.design import Category, Number

DOCS = Path(__file__).parents[1] / "docs"
FRAME = load_penguins(as_frame=True).frame
FRAME.index = [f"bird {i}" for i in range(len(FRAME))]
Y = FRAME["bill_length_mm"]
QUICK = {"n_init": 1, "random_state": 0}
COLUMNS = {"gate_features": ["flipper_length_mm", "sex"], "expert_features": ["bill_depth_mm", "island"]}
FORMULA = "bill_length_mm ~ bill_depth_mm + island | flipper_length_mm + sex"


def fitted(X=FRAME, y=Y, n_experts=2, **options):
    return GaussianMoERegressor(n_experts, **{**QUICK, **options}).fit(X, y)


def indicators(column, levels):
    return [(FRAME[column] == level).to_numpy(dtype=float) for level in levels]


def by_hand(columns, gate, experts):
    return fitted(np.column_stack(columns), Y.to_numpy(), gate_features=gate, expert_features=experts)


@pytest.fixture(scope="module")
def coded():
    """A fit by names, and one by a formula without knots."""
    return fitted(**COLUMNS), fitted(y=None, formula=FORMULA)


def test_categories_are_the_hand_coded_fit(coded):
    depth, flipper = FRAME["bill_depth_mm"], FRAME["flipper_length_mm"]
    island, male = indicators("island", ["Dream", "Torgersen"]), indicators("sex", ["male"])
    # In the order of the columns of the frame, then in that of the formula.
    expected = (
        by_hand([depth, flipper, *island, *male], [1, 4], [0, 2, 3]),
        by_hand([depth, *island, flipper, *male], [3, 4], [0, 1, 2]),
    )
    for found, plain in zip(coded, expected, strict=True):
        np.testing.assert_array_equal(table(found), table(plain))
        assert found.log_likelihood_ == plain.log_likelihood_
        np.testing.assert_array_equal(found.fit_result_.standard_errors, plain.fit_result_.standard_errors)
    names = coded[0].fit_result_.parameter_names
    assert {"coef[island[Dream]] (0)", "coef[island[Torgersen]] (1)", "gate_coef[sex[male]] (1)"} < set(names)
    assert set(names) == set(coded[1].fit_result_.parameter_names)
    assert "coef[island[Dream]] (1)" in coded[0].summary().to_frame().index


def test_sum_coding(coded):
    found = fitted(**COLUMNS, coding="sum")
    biscoe, dream, torgersen = indicators("island", ["Biscoe", "Dream", "Torgersen"])
    female, male = indicators("sex", ["female", "male"])
    depth, flipper = FRAME["bill_depth_mm"], FRAME["flipper_length_mm"]
    columns = [depth, flipper, biscoe - torgersen, dream - torgersen, female - male]
    np.testing.assert_array_equal(table(found), table(by_hand(columns, [1, 4], [0, 2, 3])))
    names = ("bill_depth_mm", "flipper_length_mm", "island[Biscoe]", "island[Dream]", "sex[female]")
    assert found.design_.names == names
    # The same model in other parameters, to the accuracy of the search.
    assert found.log_likelihood_ == pytest.approx(coded[0].log_likelihood_, abs=1e-6)


def test_one_expert_is_least_squares():
    found = fitted(y=None, n_experts=1, formula="log(bill_length_mm) ~ bs(bill_depth_mm, df=4) * sex | 1")
    depth, male = FRAME["bill_depth_mm"].to_numpy(), indicators("sex", ["male"])[0]
    # A cubic spline with a knot at the median; its first function is what the intercept has.
    knots = np.concatenate([[depth.min()] * 4, [np.median(depth)], [depth.max()] * 4])
    basis = scipy.interpolate.BSpline.design_matrix(depth, knots, 3).toarray()[:, 1:]
    X = np.column_stack([np.ones(len(depth)), basis, male, basis * male[:, None]])
    response = np.log(Y.to_numpy())
    beta, *_ = np.linalg.lstsq(X, response)
    # Two ways to the same least squares: rounding times the condition of the basis.
    np.testing.assert_allclose(found.predict(FRAME), X @ beta, rtol=1e-11)
    n, variance = len(response), np.mean((response - X @ beta) ** 2)
    assert found.variance_[0] == pytest.approx(variance, rel=1e-10)
    assert found.log_likelihood_ == pytest.approx(-n / 2 * (np.log(2 * np.pi * variance) + 1), rel=1e-10)
    assert found.design_.names[:2] == ("bs(bill_depth_mm, df=4)[1]", "bs(bill_depth_mm, df=4)[2]")
    assert found.coef_.shape == (1, 9) and found.gate_coef_.shape == (1, 0)


def test_the_call_of_the_documentation():
    columns = {"expert_features": ["bill_depth_mm"], "gate_features": ["flipper_length_mm"]}
    awkward = FRAME.assign(when=pd.Timestamp("2007-11-11"), lacking=np.nan, label=[f"N{i}" for i in range(333)])
    found = fitted(awkward, Y, **columns)
    np.testing.assert_array_equal(table(found), table(fitted(FRAME[["bill_depth_mm", "flipper_length_mm"]], **columns)))
    assert list(found.feature_names_in_) == list(awkward.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(found.predict(awkward), found.predict(FRAME))


@pytest.mark.parametrize("which", [0, 1])
def test_later_frames_are_read_by_name(coded, which):
    found, expected = coded[which], coded[which].predict(FRAME)
    reordered = FRAME[FRAME.columns[::-1]]
    needed = FRAME[["sex", "island", "flipper_length_mm", "bill_depth_mm"]]
    as_categories = FRAME.astype({"island": "category", "sex": pd.CategoricalDtype(["male", "female"])})
    for frame in (reordered, FRAME.assign(more="text"), needed, as_categories):
        np.testing.assert_array_equal(found.predict(frame), expected)
    # A single row has one level of each category, and is coded by those of the fit.
    np.testing.assert_allclose(found.predict(FRAME.iloc[[300]]), expected[300], rtol=1e-13)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(FRAME), expected)


def test_an_array_is_read_by_place(coded):
    with pytest.warns(UserWarning, match="valid feature names"):
        found = coded[0].predict(FRAME.to_numpy())
    np.testing.assert_array_equal(found, coded[0].predict(FRAME))


def test_levels_in_the_order_of_their_type():
    kind = pd.CategoricalDtype(["Gentoo", "Emu", "Chinstrap", "Adelie"])
    frame = FRAME.astype({"species": kind}).assign(late=FRAME["year"] > 2008)
    found = fitted(frame, n_experts=1, gate_features=[], expert_features=["species", "late"])
    # No bird is an emu: a level without rows has no estimate.
    assert found.design_.terms == (Category("species", ("Gentoo", "Chinstrap", "Adelie")), Number("late"))
    assert found.design_.names == ("species[Chinstrap]", "species[Adelie]", "late")
    gentoo = frame[(frame["species"] == "Gentoo") & ~frame["late"]]
    assert found.predict(gentoo)[0] == pytest.approx(found.intercept_[0], rel=1e-14)
    numbers = FRAME.astype({"year": "category"})
    assert fitted(numbers, gate_features=[], expert_features=["year"]).design_.names == ("year[2008]", "year[2009]")


def test_all_columns_where_none_is_chosen():
    X = FRAME[["flipper_length_mm", "sex"]]
    found = fitted(X)
    assert found.design_.names == ("flipper_length_mm", "sex[male]")
    np.testing.assert_array_equal(found.predict(X[["sex", "flipper_length_mm"]]), found.predict(X))
    dots = fitted(FRAME[["flipper_length_mm", "sex", "bill_length_mm"]], None, formula="bill_length_mm ~ .")
    np.testing.assert_array_equal(table(dots), table(found))


LACKING = FRAME.copy()
LACKING.loc[["bird 3", "bird 271"], "bill_depth_mm"] = np.nan
LACKING.loc[["bird 3", "bird 8", "bird 9", "bird 99", "bird 100"], "sex"] = None
LACKING.loc["bird 5", "bill_length_mm"] = np.nan
LACKING.loc["bird 6", "body_mass_g"] = np.nan  # not used
SAID = [
    "'bill_depth_mm' in 2 of 333 rows (bird 3, bird 271)",
    "'sex' in 5 of 333 rows (bird 3, bird 8, bird 9 and 2 more)",
]


@pytest.mark.parametrize(
    ("options", "y", "response"),
    [
        (COLUMNS, LACKING["bill_length_mm"], "y in row bird 5"),
        ({"formula": FORMULA}, None, "'bill_length_mm' in row bi"),
    ],
)
def test_missing_values(options, y, response):
    with pytest.raises(ValueError, match="missing='drop'") as caught:
        fitted(LACKING, y, **options)
    complete = LACKING.dropna(subset=["bill_depth_mm", "sex", "bill_length_mm"])
    responsibilities = np.random.default_rng(0).dirichlet([1.0, 1.0], len(LACKING))
    weight = pd.Series(np.linspace(0.5, 1.5, len(LACKING)), LACKING.index)
    kept = LACKING.index.get_indexer(complete.index)
    with pytest.warns(UserWarning, match="Left out 7 of 333") as warned:
        estimator = GaussianMoERegressor(2, **options, missing="drop", init=responsibilities, random_state=0)
        found = estimator.fit(LACKING, y, weight)
    assert len(warned) == 1 and warned[0].filename == __file__
    for message in (str(caught.value), str(warned[0].message)):
        for words in (*SAID, response):
            assert words in message, f"{words!r} not in {message}"
    assert found.n_dropped_ == 7
    plain = clone(estimator).set_params(missing="error", init=responsibilities[kept])
    plain.fit(complete, None if y is None else y.loc[complete.index], weight.loc[complete.index])
    assert plain.n_dropped_ == 0
    np.testing.assert_array_equal(table(found), table(plain))
    # What has a row for each row of X cannot leave one out; a frame can.
    with pytest.raises(ValueError, match=re.escape(SAID[1]) + ".*drop or impute such rows"):
        found.predict(LACKING)
    assert list(found.predict_frame(LACKING, y).index) == list(complete.index)
    with pytest.raises(ValueError, match="drop or impute"):
        plain.predict_frame(LACKING, y)


def test_missing_values_of_arrays():
    X, y = FRAME[["bill_depth_mm", "flipper_length_mm", "body_mass_g"]].to_numpy(copy=True), Y.to_numpy(copy=True)
    X[4, 0], X[7, 2], X[8, 2], y[9] = np.nan, np.nan, np.inf, np.nan
    options = {"gate_features": [1], "expert_features": [0]}
    with pytest.raises(ValueError, match=r"column 0 of X in row 4, y in row 9; .*missing='drop'"):
        fitted(X, y, **options)
    kept = np.delete(np.arange(len(y)), [4, 9])
    for given in ((X, y), (X.tolist(), y.tolist()), (X.astype(object), y.astype(object))):
        with pytest.warns(UserWarning, match="Left out 2 of 333 rows"):
            found = fitted(*given, **options, missing="drop")
        np.testing.assert_array_equal(table(found), table(fitted(X[kept], y[kept], **options)))
    # Of no use, so that it may lack what it likes, now and later.
    assert np.isfinite(found.predict(X[[7]])).all()


def test_predictions_as_a_frame(coded):
    for found, y in zip(coded, (Y, None), strict=True):
        frame = found.predict_frame(FRAME, y)
        assert list(frame.index) == list(FRAME.index)
        mean, std = found.predict(FRAME, return_std=True)
        np.testing.assert_array_equal(frame[["mean", "std"]].to_numpy().T, [mean, std])
        np.testing.assert_array_equal(frame[["gate_0", "gate_1"]], found.predict_gate(FRAME))
        posterior = found.responsibilities(FRAME, y)
        np.testing.assert_array_equal(frame[["responsibility_0", "responsibility_1"]], posterior)
        np.testing.assert_array_equal(frame["expert"], posterior.argmax(axis=1))
        np.testing.assert_array_equal(frame["log_density"], found.score_samples(FRAME, y))
        unknown = found.predict_frame(FRAME.drop(columns="bill_length_mm"))
        pd.testing.assert_frame_equal(unknown, frame[["mean", "std", "gate_0", "gate_1"]])


def test_a_response_in_the_formula_is_left_out_everywhere(coded):
    found = coded[1]
    one_sided = fitted(formula=FORMULA.split("~")[1])
    np.testing.assert_array_equal(table(one_sided), table(found))
    np.testing.assert_array_equal(found.score_samples(FRAME), one_sided.score_samples(FRAME, Y))
    assert found.score(FRAME) == one_sided.score(FRAME, Y)
    assert (found.aic(FRAME), found.bic(FRAME), found.icl(FRAME)) == (
        one_sided.aic(FRAME, Y),
        one_sided.bic(FRAME, Y),
        one_sided.icl(FRAME, Y),
    )
    assert log_likelihood_scorer(found, FRAME) == log_likelihood_scorer(one_sided, FRAME, Y)
    with pytest.raises(ValueError, match="needs y"):
        log_likelihood_scorer(coded[0], FRAME)


def test_formulas_are_searched_over():
    formulas = ["bill_length_mm ~ 1", "bill_length_mm ~ species | 1"]
    estimator = GaussianMoERegressor(1, **QUICK)
    search = GridSearchCV(estimator, {"formula": formulas}, cv=3, scoring=log_likelihood_scorer).fit(
        FRAME.sample(frac=1.0, random_state=0)
    )
    assert search.best_params_ == {"formula": formulas[1]}


def test_names_come_through_a_pipeline():
    spline = SplineTransformer(3, degree=2, include_bias=False).set_output(transform="pandas")
    pipeline = make_pipeline(spline, GaussianMoERegressor(1, **QUICK)).set_output(transform="pandas")
    pipeline.fit(FRAME[["bill_depth_mm"]], Y)
    assert "coef[bill_depth_mm_sp_0] (0)" in pipeline[-1].summary().to_frame().index


def changed(**columns):
    return FRAME.assign(**columns)


# Options, frame, y, error, words.
BAD = {
    "near name": ({"gate_features": ["specie"]}, FRAME, Y, ValueError, ["'specie'; did you mean 'species'? X has"]),
    "many levels": ({}, changed(t=[f"N{i}" for i in range(333)]), Y, ValueError, ["333 levels", "astype('category')"]),
    "one level": ({}, changed(t="a"), Y, ValueError, ["'t' has one level, 'a'", "constant"]),
    "no values": ({}, changed(t=np.nan), Y, ValueError, ["'t' in all 333 rows", "leave out column 't'"]),
    "nothing left": ({"missing": "drop"}, changed(t=np.nan), Y, ValueError, ["leaves no row", "fewer columns"]),
    "dates": ({}, changed(t=pd.Timestamp("2020")), Y, TypeError, ["'t' holds datetime64", "days since"]),
    "mixed": ({}, changed(t=["a", 2.0, "b"] * 111), Y, TypeError, ["'t' holds text and also 2.0"]),
    "infinity": (COLUMNS, changed(bill_depth_mm=np.inf), Y, ValueError, ["'bill_depth_mm'", "inf", "row 0"]),
    "two of a name": (
        {},
        FRAME.set_axis([*FRAME.columns[:-1], "sex"], axis=1),
        Y,
        ValueError,
        ["two columns", "'sex'"],
    ),
    "coding": ({"coding": "dummy"}, FRAME, Y, ValueError, ["coding 'dummy'", "'treatment', 'sum'"]),
    "missing": ({"missing": "ignore"}, FRAME, Y, ValueError, ["missing 'ignore'", "'error', 'drop'"]),
    "formula and columns": ({"formula": "~ sex", **COLUMNS}, FRAME, Y, ValueError, ["leave out gate_features"]),
    "formula and coding": ({"formula": "~ sex", "coding": "sum"}, FRAME, Y, ValueError, ["C(column, contr.sum)"]),
    "formula, array": ({"formula": "~ x"}, FRAME.to_numpy(), Y, TypeError, ["data frame", "ndarray"]),
    "formula, name": (
        {"formula": "~ bs(bill_deph_mm, 4)"},
        FRAME,
        Y,
        ValueError,
        ["'bill_deph_mm'", "mean 'bill_depth_mm'"],
    ),
    "formula, function": ({"formula": "~ sqr(year)"}, FRAME, Y, ValueError, ["'sqr'"]),
    "formula, syntax": ({"formula": "~ sex species"}, FRAME, Y, ValueError, ["Missing operator", "'y ~ x1 + x2 | z'"]),
    "formula, bars": ({"formula": "~ sex | year | 1"}, FRAME, Y, ValueError, ["3 parts", "response, experts, gate"]),
    "formula, type": ({"formula": 3}, FRAME, Y, ValueError, ["formula 3", "'y ~ x1 + x2 | z'"]),
    "formula, intercept": ({"formula": "~ sex | 0 + year"}, FRAME, Y, ValueError, ["intercept of the gate", "'0 +'"]),
    "formula, level": ({"formula": "~ sex"}, changed(sex="male"), Y, ValueError, ["'sex'", "one level, 'male'"]),
    "formula, log": ({"formula": "~ log(species)"}, FRAME, Y, ValueError, ["`log(species)`", "str"]),
    "formula, text": ({"formula": "species ~ sex"}, FRAME, None, TypeError, ["response", "'species'", "'Adelie'"]),
    "formula, no y": ({"formula": "~ sex"}, FRAME, None, ValueError, ["no response", "give y"]),
    "formula, two y": ({"formula": "year ~ sex"}, FRAME, Y, ValueError, ["'year' on its left", "leave y out"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_explained(name):
    options, frame, y, error, words = BAD[name]
    with pytest.raises(error) as caught:
        fitted(frame, y, **options)
    for word in words:
        assert word in str(caught.value), f"{word!r} not in: {caught.value}"
    assert "\n" not in str(caught.value)


# Later frame, error, words of fits by names, by formula.
LATER = {
    "level": (changed(island=["Biscoe", "Drem", "Dream"] * 111), ValueError, "'Drem' in 111 of.*mean 'Dream'"),
    "column": (FRAME.drop(columns="island"), ValueError, "asks for column 'island'; X has .*'species'"),
    "gap": (LACKING, ValueError, "'sex' in 5 of 333 rows .bird 3"),
}


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("which", [0, 1])
def test_bad_input_after_the_fit_is_explained(coded, name, which):
    frame, error, words = LATER[name]
    with pytest.raises(error, match=words):
        coded[which].predict(frame)


def test_values_that_a_formula_does_not_know():
    found = fitted(y=None, n_experts=1, formula="bill_length_mm ~ bs(bill_depth_mm, 4) + C(year) | 1")
    with pytest.raises(ValueError, match=r"bs\(bill_depth_mm, 4\).*extend beyond.*extrapolation"):
        found.predict(changed(bill_depth_mm=99.0))
    with pytest.raises(ValueError, match="'year' has the unknown level '2010'"):
        found.predict(changed(year=2010))
    with pytest.raises(TypeError, match="needs a data frame, got ndarray"):
        found.predict(FRAME.to_numpy())


def test_text_in_place_of_numbers_after_the_fit(coded):
    with pytest.raises(TypeError, match="'bill_depth_mm' must be numbers, got text such as '18'"):
        coded[0].predict(changed(bill_depth_mm="18"))


def test_without_formulaic_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "formulaic", None)
    with pytest.raises(ImportError, match=r"pip install gmoe\[formula\]"):
        fitted(formula="~ sex")
