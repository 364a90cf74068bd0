"""``gmoe fit --formula``: the fit of the estimator, text as categories, and one line for every fault."""

import csv
import json
import sys

import numpy as np
import pandas as pd
import pytest

from gmoe import GaussianMoERegressor
from gmoe.cli import main
from gmoe.datasets import load_penguins

FRAME = load_penguins(as_frame=True).frame
FORMULA = "bill_length_mm ~ bs(bill_depth_mm, df=4) + sex | flipper_length_mm"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The penguins, one of them without a sex, and a weight."""
    frame = FRAME.assign(weight=1.0 + FRAME["year"] % 2)
    frame.loc[4, "sex"] = None
    path = tmp_path_factory.mktemp("data") / "penguins.csv"
    frame.to_csv(path, index=False)
    return path


def test_it_is_the_fit_of_the_estimator(file, tmp_path, capsys):
    out = tmp_path / "out.csv"
    argv = ["fit", str(file), "--formula", FORMULA, "--drop-missing", "--weights", "weight", "--n-init", "1"]
    assert main([*argv, "--json", "--out", str(out)]) == 0
    printed, said = capsys.readouterr()
    found = json.loads(printed)
    used = FRAME.drop(index=4)
    expected = GaussianMoERegressor(2, formula=FORMULA, n_init=1, random_state=0)
    expected.fit(used, sample_weight=1.0 + used["year"] % 2)
    assert found["log_likelihood"] == expected.log_likelihood_
    rows = expected.summary().to_frame()["estimate"]
    assert {row["parameter"]: row["estimate"] for row in found["parameters"]} == dict(rows)
    assert found["target"] == "bill_length_mm" and found["n_rows"] == 332
    assert found["expert_features"][3:] == ["bs(bill_depth_mm, df=4)[4]", "sex[male]"]
    assert found["gate_features"] == ["flipper_length_mm"]
    assert "--drop-missing leaves out 1 of 333 rows: line 6" in said
    with out.open(encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    assert header[:3] == ["line", "bill_length_mm", "mean"] and lines[4][0] == "7"
    np.testing.assert_array_equal([float(line[1]) for line in lines], used["bill_length_mm"])
    np.testing.assert_array_equal([float(line[2]) for line in lines], expected.predict(used))
    assert main(argv) == 0
    assert "coef[sex[male]] (1)" in capsys.readouterr()[0]


FAULTS = {
    "missing": (["--formula", FORMULA], "line 6: column 'sex' is missing", "--drop-missing"),
    "name": (["--formula", "bill_length_mm ~ specie"], "'specie'; did you mean 'species'?", "penguins.csv has"),
    "syntax": (["--formula", "bill_length_mm ~ sex species"], "Missing operator", "'y ~ x1 + x2 | z'"),
    "level": (["--formula", "bill_length_mm ~ log(species)"], "`log(species)`", "TypeError"),
    "response": (["--formula", "~ species"], "no response", "left of the ~"),
    "text": (["--formula", "species ~ year"], "response", "'species'"),
    "both": (["--formula", FORMULA, "--no-gate-features"], "leave out --no-gate-features", "--formula"),
    "two responses": (["--formula", FORMULA, "--y", "year"], "not allowed with", "--formula"),
    "neither": ([], "--y --formula", "required"),
    "weights": (["--formula", "bill_length_mm ~ year", "--weights", "sex"], "--weights asks for column 'sex'", "text"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_one_line(file, capsys, name):
    options, *words = FAULTS[name]
    try:
        code = main(["fit", str(file), "--n-init", "1", *options])
    except SystemExit as error:  # from argparse
        code = error.code
    printed, said = capsys.readouterr()
    assert code == 2 and printed == ""
    assert len(said.splitlines()) == 1 and all(word in said for word in words), said


def test_a_column_without_values(tmp_path, capsys):
    pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0), "z": np.nan}).to_csv(tmp_path / "t.csv", index=False)
    assert main(["fit", str(tmp_path / "t.csv"), "--formula", "y ~ x + z"]) == 2
    assert "--formula asks for column 'z', which has no values" in capsys.readouterr()[1]


def test_without_formulaic_the_remedy_is_named(file, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "formulaic", None)
    assert main(["fit", str(file), "--formula", FORMULA]) == 1
    assert "pip install gmoe[formula]" in capsys.readouterr()[1]
