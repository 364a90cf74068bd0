"""Formulas in JSON: the same numbers to the last bit, and no expression is evaluated that is not on the list."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE
from gmoe.cli import main
from gmoe.datasets import load_penguins
from gmoe.design.expressions import FUNCTIONS, OF_NUMPY, check_expression

pytest.importorskip("formulaic")
FRAME = load_penguins(as_frame=True).frame
FRAME["late"], FRAME["my depth"] = FRAME["year"] > 2007, FRAME["bill_depth_mm"]
LOADED = "bill_length_mm ~ bs(bill_depth_mm, df=5) + sex | flipper_length_mm"
FORMULAS = [
    LOADED,
    "bill_length_mm ~ species * bill_depth_mm | C(sex, contr.sum) + scale(body_mass_g) + center(year) + late",
    "np.log(bill_length_mm) ~ cr(body_mass_g, df=4) + {bill_depth_mm / 2} + I(body_mass_g ** 2) | C(year)",
    "bill_length_mm ~ poly(flipper_length_mm, 2) + np.sqrt(`my depth`) | bs(bill_depth_mm, knots=[17], degree=2)",
    "~ C(species, contr.treatment(base='Gentoo')) + standardize(year) | 1",
    "bill_length_mm ~ 1 | cc(bill_depth_mm, df=3) + species:bill_depth_mm",
]


def fitted(formula, **settings):
    y = FRAME["bill_length_mm"] if formula.startswith("~") else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what the fit is like does not matter
        return GaussianMoERegressor(2, formula=formula, n_init=1, random_state=0, max_iter=3, **settings).fit(FRAME, y)


@pytest.fixture(scope="module")
def loaded():
    return fitted(LOADED)


@pytest.mark.parametrize("formula", FORMULAS)
def test_all_that_a_fit_has_learnt_comes_back(formula):
    found = fitted(formula)
    text = found.to_json()
    again = GaussianMoERegressor.from_json(text)
    for rows in (FRAME, FRAME.tail(1)):  # a row alone has not all levels, and no mean of its own
        matrices = [one.design_.matrix(one, rows) for one in (found, again)]
        np.testing.assert_array_equal(*matrices)
    assert again.design_.names == found.design_.names and str(again.summary()) == str(found.summary())
    assert again.to_json() == text
    if not formula.startswith("~"):
        assert again.bic(FRAME) == found.bic(FRAME)
    with pytest.raises(ValueError, match="unknown level"):
        GaussianMoERegressor.from_json(fitted("bill_length_mm ~ sex | 1").to_json()).predict(FRAME.assign(sex="none"))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("__import__('os').system('true')", "function"),
        ("open('a')", "the function 'open'"),
        ("eval('1')", "the function 'eval'"),
        ("np.load(x)", "the function 'np.load'"),
        ("np.linalg.inv(x)", "function 'np.linalg.inv'"),
        ("x.to_csv('a')", "function 'x.to_csv'"),
        ("x.__class__", "'x.__class__'"),
        ("(lambda: x)()", "function"),
        ("[x for x in x]", "'\\[x for x in x\\]'"),
        ("x[0]", "'x\\[0\\]'"),
        ("f'{x}'", "has"),
        ("log(9)", "without a column"),
        ("log('x')", "has"),
        ("z + x", "the name 'z'"),
        ("9 ** 9 ** 9", "power of no column"),
        ("x ** 1e9", "exponent"),
        ("x ** (9 ** 9)", "exponent"),
        ("bs(x, df=1000000000)", "number of columns"),
        ("poly(x, 1000000000)", "number of columns"),
        ("bs(x, _state={})", "argument '_state'"),
        ("bs(x, **x)", "argument None"),
        ("bs(*x)", "has"),
        ("C(x + 1)", "C of what is no column"),
        ("C(x, contr.custom(x))", "'contr.custom"),
        ("'a' * 1000000000", "has"),
        ("x if x else x", "has"),
        ("(x := x)", "has"),
        ("x @ x", "has"),
        ("log(" * 400 + "x" + ")" * 400, "letters"),
        ("-" * 990 + "x", "letters|read|has"),
        ("`z`", "the name"),
        ("x y", "Cannot read"),
        # formulaic takes no backtick in a text for the start of a name.
        ("log(x, '`', open('a', 'w'), '`')", "the name"),
        # It writes calls into code, between double quotes.
        ("C(x, levels='\" + open(1)) #')", "a text with quotes"),
    ],
)
def test_what_a_file_may_not_say(expression, words, loaded):
    with pytest.raises(ValueError, match=words):
        check_expression(expression, ["x"])
    content = json.loads(loaded.to_json())
    for how in ("python", "lookup"):
        content["design"]["formula"]["experts"]["terms"][1] = [[expression.replace("x", "bill_depth_mm"), how]]
        with pytest.raises(ValueError, match="formula"):
            GaussianMoERegressor.from_json(json.dumps(content))


def test_a_name_of_a_column_is_no_leave_to_run_it(loaded, tmp_path):
    """A file says itself what its columns are called: also as an expression is."""
    content, run = json.loads(loaded.to_json()), f"open({str(tmp_path / 'run')!r}, 'w')"
    content["design"]["places"][run] = 8
    experts = content["design"]["formula"]["experts"]
    experts["reads"].append(run)
    experts["terms"][1] = [[run, "python"]]
    with pytest.raises(ValueError, match="the function 'open'"):
        GaussianMoERegressor.from_json(json.dumps(content))
    assert not (tmp_path / "run").exists()


def test_a_refit_of_what_was_read_runs_nothing_else(loaded):
    """The formula is a setting, too, which a later fit evaluates."""
    content = json.loads(loaded.to_json())
    content["settings"]["formula"] = "bill_length_mm ~ {open('run', 'w')} | sex"
    with pytest.raises(ValueError, match="the function 'open'"):
        GaussianMoERegressor.from_json(json.dumps(content))


def test_what_is_listed_can_be_called():
    """Each function of the list is one that formulaic and NumPy have, and works."""
    calls = [f"{name}(year)" for name in FUNCTIONS if name not in ("bs", "cr", "cs", "cc", "poly", "exp", "exp2")]
    calls += [f"{name}(year, df=4)" for name in ("bs", "cr", "cs", "cc")] + ["poly(year, 2)", "exp(year - 2008)"]
    calls += [f"np.{name}(year - 2000)" for name in OF_NUMPY if name not in ("maximum", "minimum", "clip")]
    calls += [
        "np.maximum(year, 2008)",
        "np.minimum(year, flipper_length_mm)",
        "np.clip(year, 2007, 2008)",
        "exp2(late)",
    ]
    from formulaic import Formula

    for call in calls:
        check_expression(call, FRAME.columns)
        assert len(Formula(call).get_model_matrix(FRAME)) == len(FRAME)


def test_what_a_file_may_not_call_is_not_written():
    found = fitted("bill_length_mm ~ abs(bill_depth_mm) | 1")
    with pytest.raises(ValueError, match="the function 'abs'.*use pickle"):
        found.to_json()
    assert GMoE.from_json(found.model_.to_json()) is not None


BAD = {
    "terms": 3,
    "terms ": [3],
    "terms  ": [["bill_depth_mm"]],
    "terms   ": [[["bill_depth_mm", "run"]]],
    "state": [],
    "state ": {"keys": [[]], "values": [1]},
    "levels": {"sex": 3},
    "levels ": {"sex": {"keys": [], "values": []}},
    "levels  ": {"sex": []},
    "reads": ["nothing"],
    "reads ": 3,
    "categories": [3],
    "categories ": [{"name": 3, "levels": []}],
}


@pytest.mark.parametrize("path", BAD)
def test_formulas_that_cannot_be_read(path, loaded):
    content = json.loads(loaded.to_json())
    content["design"]["formula"]["experts"][path.strip()] = BAD[path]
    with pytest.raises(ValueError):  # noqa: PT011 (whatever of it is told first)
        GaussianMoERegressor.from_json(json.dumps(content))


@pytest.fixture
def files(tmp_path, capsys):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    assert main(["fit", str(tmp_path / "t.csv"), "--formula", LOADED, "--n-init", "1", "--json"]) == 0
    (tmp_path / "fit.json").write_text(capsys.readouterr().out, encoding="utf-8")
    return [str(tmp_path / name) for name in ("fit.json", "t.csv")]


def test_the_command_predicts_from_raw_columns(files, tmp_path, capsys):
    found = GaussianMoERegressor.from_json((tmp_path / "fit.json").read_text(encoding="utf-8"))
    assert main(["predict", *files, "--quantiles", "0.1"]) == 0
    (tmp_path / "out.csv").write_text(capsys.readouterr().out, encoding="utf-8")
    out = pd.read_csv(tmp_path / "out.csv")
    # pandas reads the last digit as it likes.
    np.testing.assert_allclose(out["mean"], found.predict(FRAME), rtol=1e-14)
    np.testing.assert_allclose(out["quantile_0.1"], found.predict_quantiles(FRAME, 0.1), rtol=1e-14)
    # The response is in the file.
    np.testing.assert_allclose(out["log_density"], found.score_samples(FRAME), rtol=1e-12)
    FRAME.drop(columns="bill_length_mm").tail(3).to_csv(tmp_path / "new.csv", index=False)
    assert main(["predict", files[0], str(tmp_path / "new.csv")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "mean,std,gate_0,gate_1"
    FRAME.assign(sex="both").to_csv(tmp_path / "new.csv", index=False)
    for argv, words in ((["new.csv"], "unknown level 'both'"), (["t.csv", "--y", "year"], "leave out --y")):
        assert main(["predict", files[0], str(tmp_path / argv[0]), *argv[1:]]) == 2
        assert words in capsys.readouterr().err


def test_a_report_of_a_formula_that_is_not_written(tmp_path, capsys):
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    argv = ["fit", str(tmp_path / "t.csv"), "--formula", "bill_length_mm ~ abs(year) | 1", "--n-init", "1", "--json"]
    main(argv)
    said = capsys.readouterr()
    assert "gmoe predict cannot read this fit" in said.err and json.loads(said.out)["design"] is None
    with pytest.raises(ValueError, match="the formula was not written"):
        GaussianMoERegressor.from_json(said.out)


def test_what_is_no_column_is_named():
    with pytest.raises(ValueError, match="formula cannot be worked out"):
        fitted("bill_length_mm ~ {bill_depth_mm.__class__} | 1")
