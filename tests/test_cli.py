"""The command line: what it prints, its exit codes, and one line for every user's error."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import gmoe.cli
from gmoe import GaussianMoERegressor, __version__, list_activations, list_gates
from gmoe.cli import main
from gmoe.datasets import load_penguins, load_temperature_anomalies

REGRESSIONS = ["--x", "bill_depth_mm", "--no-gate-features", "--n-init", "4"]


def write(path, header, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    data = load_penguins()
    rows = np.column_stack([data.species, data.target, data.data])
    header = ["species", data.target_name, *data.feature_names]
    return write(tmp_path_factory.mktemp("data") / "penguins.csv", header, rows)


@pytest.fixture
def tiny(tmp_path):
    """Return a function that writes a table of columns a, b, c with the given last row."""
    rows = [[i, 0.5 * i + (i % 3), "red"] for i in range(20)]
    return lambda *last: write(tmp_path / "tiny.csv", ["a", "b", "c"], [*rows, list(last)])


def fails(capsys, *argv, code=2):
    """Run to an error; return its line."""
    assert main(argv) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("gmoe: error: ")
    return err


def test_fit_prints_the_table(penguins, capsys):
    argv = ["fit", penguins, "--y", "bill_length_mm", "--experts", "3"]
    argv += ["--expert-features", "bill_depth_mm", "--gate-features", "flipper_length_mm"]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "log-likelihood = -866.0648" in out
    assert "gate_coef[flipper_length_mm] (1)" in out and "coef[bill_depth_mm] (2)" in out
    assert "certificate: converged" in out


def test_a_family_of_experts(penguins, capsys):
    asked = ["fit", penguins, "--y", "bill_length_mm", *REGRESSIONS, "--expert-family", "student:df=5"]
    assert main([*asked, "--json"]) == 0
    fit = json.loads(capsys.readouterr().out)
    X, y = load_penguins(return_X_y=True)
    options = {"gate_features": [], "experts": "student:df=5", "n_init": 4, "random_state": 0}
    direct = GaussianMoERegressor(2, **options).fit(X[:, :1], y)
    assert fit["log_likelihood"] == direct.log_likelihood_
    assert fit["experts"] == "StudentExperts(df=5.0)" and fit["gate"] == "SoftmaxGate()"
    arrays = {
        name: np.asarray(value) for name, value in direct.model_.parameters.arrays.items() if name != "temperature"
    }
    assert fit["model"]["arrays"].keys() == arrays.keys()
    assert all(np.array_equal(fit["model"]["arrays"][name], value) for name, value in arrays.items())
    # What the family declares positive has no z, and an interval on the log scale.
    (row,) = (row for row in fit["parameters"] if row["parameter"] == "scale_squared (1)")
    assert row["z"] is None and row["lower"] * row["upper"] == pytest.approx(row["estimate"] ** 2, rel=1e-12)
    assert fit["certificate"]["exact_curvature"] is True
    assert main([*asked[:-1], "studnt"]) == 2
    assert "Unknown experts 'studnt'; known: gaussian, " in capsys.readouterr().err


def test_json_and_predictions_agree_with_the_estimator(penguins, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert main(["fit", penguins, "--y", "bill_length_mm", *REGRESSIONS, "--json", "--out", str(out)]) == 0
    fit = json.loads(capsys.readouterr().out)
    X, y = load_penguins(return_X_y=True)
    X = X[:, :1]
    direct = GaussianMoERegressor(2, gate_features=[], n_init=4, random_state=0).fit(X, y)
    # The command parses the same decimals and calls the same code: equal to the last bit.
    assert fit["log_likelihood"] == direct.log_likelihood_
    assert fit["gmoe_version"] == __version__
    assert (fit["n_rows"], fit["df"], fit["gate_features"]) == (333, direct.fit_result_.n_free_parameters, [])
    assert fit["expert_features"] == ["bill_depth_mm"]
    assert [row["estimate"] for row in fit["parameters"] if row["parameter"] == "variance (1)"] == [direct.variance_[1]]
    pinned = next(row for row in fit["parameters"] if row["note"] == "pinned")
    assert pinned["std_error"] is None
    assert fit["certificate"]["status"] == "converged" and fit["certificate"]["messages"] == []
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    mean, std = direct.predict(X, return_std=True)
    np.testing.assert_array_equal([float(row["mean"]) for row in rows], mean)
    np.testing.assert_array_equal([float(row["std"]) for row in rows], std)
    np.testing.assert_array_equal([float(row["responsibility_1"]) for row in rows], direct.responsibilities(X, y)[:, 1])
    np.testing.assert_array_equal([float(row["bill_length_mm"]) for row in rows], y)


def test_default_features_are_all_other_numeric_columns(penguins, capsys):
    assert main(["fit", penguins, "--y", "bill_length_mm", "--experts", "1", "--json", "--n-init", "1"]) == 0
    out, err = capsys.readouterr()
    fit = json.loads(out)
    assert fit["expert_features"] == fit["gate_features"] == ["bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    assert err.startswith("gmoe: note: column 'species' is left out: it holds text, such as 'Adelie' (line 2)")
    assert list(fit["left_out"]) == ["species"]


def test_weights_count_as_repetitions(tmp_path, capsys):
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, 80)
    y = np.where(rng.random(80) < 0.5, 2 * x, 3 - x) + 0.2 * rng.standard_normal(80)
    weight = rng.integers(1, 4, 80)
    weighted = write(tmp_path / "weighted.csv", "xyw", zip(x, y, weight, strict=True))
    repeated = write(tmp_path / "repeated.csv", "xy", zip(np.repeat(x, weight), np.repeat(y, weight), strict=True))
    fits = []
    for argv in ([weighted, "--weights", "w"], [repeated]):
        assert main(["fit", *argv, "--y", "y", "--no-gate-features", "--json"]) == 0
        fits.append(json.loads(capsys.readouterr().out))
    assert fits[0]["n_rows"] == 80 and fits[0]["total_weight"] == weight.sum() == fits[1]["n_rows"]
    # Both are maxima with gradients below 1e-8, so their values agree to far less than this.
    assert fits[0]["log_likelihood"] == pytest.approx(fits[1]["log_likelihood"], abs=1e-8)


def test_warnings_are_lines_on_the_standard_error(tmp_path, capsys):
    data = load_temperature_anomalies()
    rows = np.column_stack([data.data, data.target, np.full(136, 7.0)])
    file = write(tmp_path / "t.csv", ["year", "anomaly", "constant"], rows)
    assert main(["fit", file, "--y", "anomaly", "--n-init", "6", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert all(line.startswith("gmoe: warning: ") for line in lines)
    assert any("separates" in line for line in lines) and any("constant" in line for line in lines)
    assert json.loads(out)["certificate"]["collinear"] == ["constant"]


def test_a_fit_that_did_not_converge_is_printed_and_fails(penguins, capsys):
    argv = ["fit", penguins, "--y", "bill_length_mm", *REGRESSIONS, "--solver", "em", "--max-iter", "2"]
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert "certificate: max_iter" in out
    assert "gmoe: warning: Not converged" in err


def test_wrong_usage(capsys, penguins):
    assert "COMMAND" in fails(capsys)
    assert "--y" in fails(capsys, "fit", penguins)
    assert "softmax" in fails(capsys, "fit", penguins, "--y", "bill_length_mm", "--gate", "hard")
    assert "n_experts must be >= 1, got 0" in fails(capsys, "fit", penguins, "--y", "bill_length_mm", "--experts", "0")
    assert "--gate-features" in fails(
        capsys, "fit", penguins, "--y", "bill_length_mm", "--no-gate-features", "--gate-features", "body_mass_g"
    )
    for option, given, allowed in [
        ("--jobs", "0", "-1 for all"),
        ("--jobs", "two", "-1 for all"),
        ("--random-state", "-1", "from 0 to 4294967295"),
        ("--random-state", "4294967296", "from 0 to 4294967295"),
        ("--n-init", "0", ">= 1"),
        ("--max-iter", "1.5", ">= 1"),
        ("--variance-ratio", "2", "[0, 1]"),
        ("--rows-per-parameter", "-1", ">= 0"),
        ("--rows-per-parameter", "many", "many"),
        ("--sep", "ab", "one character"),
        ("--encoding", "latin-99", "such as utf-8"),
        ("--encoding", "hex", "such as utf-8"),
        ("--decimal", ";", "'.', ','"),
    ]:
        error = fails(capsys, "fit", penguins, "--y", "bill_length_mm", option, given)
        assert option in error and given in error and allowed in error
    for option in ("--x", "--gate-features", "--expert-features"):
        twice = fails(capsys, "fit", penguins, "--y", "bill_length_mm", option, "body_mass_g", "body_mass_g")
        assert f"{option} names column 'body_mass_g' twice" in twice
    both = fails(capsys, "fit", penguins, "--y", "bill_length_mm", "--x", "bill_length_mm")
    assert "cannot be a feature too" in both


@pytest.mark.parametrize(
    ("gate", "shown", "temperature"),
    [
        ("softmax", "SoftmaxGate()", 1.0),
        ("topk:n_active=2,select_on=logit", "TopKGate(n_active=2, select_on='logit')", 1.0),
        ("dense_to_sparse:temperature=2", "DenseToSparseGate(temperature=2.0)", 2.0),
        ("activation:activation=tanh,temperature=0.5", "ActivationGate(activation='tanh', temperature=0.5)", 0.5),
    ],
)
def test_every_gate_by_name(penguins, capsys, gate, shown, temperature):
    argv = ["fit", penguins, "--y", "bill_length_mm", "--x", "bill_depth_mm", "--n-init", "1", "--gate", gate]
    # Whether so few starts lead to a regular fit does not matter here.
    assert main([*argv, "--json"]) in (0, 1)
    fit = json.loads(capsys.readouterr().out)
    assert (fit["gate"], fit["temperature"]) == (shown, temperature)
    assert fit["certificate"]["selection_held"] in (True, False)
    assert main(argv) in (0, 1)
    assert f"gate {shown}" in capsys.readouterr().out


def test_an_estimated_temperature_is_a_row(penguins, capsys):
    argv = ["fit", penguins, "--y", "bill_length_mm", "--x", "bill_depth_mm", "--n-init", "2"]
    argv += ["--gate", "dense_to_sparse"]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    (row,) = [line for line in out.splitlines() if line.startswith("temperature ")]
    assert row.endswith("not identified")
    assert err.count("\n") == 1 and "temperature" in err and "not identified" in err
    assert main([*argv, "--json"]) == 0
    fit = json.loads(capsys.readouterr().out)
    (row,) = [row for row in fit["parameters"] if row["parameter"] == "temperature"]
    assert row["estimate"] == fit["temperature"] and row["std_error"] is None


def test_a_schedule(penguins, capsys):
    argv = ["fit", penguins, "--y", "bill_length_mm", *REGRESSIONS, "--n-init", "10", "--json"]
    fits = []
    for more in ([], ["--schedule", "4", "1"]):
        assert main([*argv, *more]) == 0
        fits.append(json.loads(capsys.readouterr().out))
    # The same maximum to the accuracy of the gradient, by another way.
    assert fits[0]["log_likelihood"] == pytest.approx(fits[1]["log_likelihood"], abs=1e-6)
    assert fits[0]["certificate"]["n_passes"] != fits[1]["certificate"]["n_passes"]
    assert "schedule" in fails(capsys, *argv, "--schedule", "1", "4")


def test_wrong_gates(capsys, penguins):
    argv = ["fit", penguins, "--y", "bill_length_mm", "--gate"]
    assert "softmax, threshold, top_p, topk" in fails(capsys, *argv, "hard")
    assert "n_active, select_on" in fails(capsys, *argv, "topk:k=1")
    assert "n_active=3 is more than n_experts=2" in fails(capsys, *argv, "topk:n_active=3")
    assert "leaky_relu" in fails(capsys, *argv, "activation:activation=step")


def test_help_lists_gates_with_examples(capsys):
    assert main(["fit", "--help"]) == 0
    out = capsys.readouterr().out
    for word in ("topk:n_active=2,select_on=logit", "dense_to_sparse:temperature=2", "activation:activation=tanh"):
        assert word in out
    assert all(name in out for name in [*list_gates(), *list_activations()])


def test_unknown_columns_list_the_known_ones(capsys, penguins):
    for option in ("--x", "--gate-features", "--expert-features", "--weights"):
        error = fails(capsys, "fit", penguins, "--y", "bill_length_mm", option, "girth")
        assert f"{option} asks for column 'girth'" in error and "'body_mass_g'" in error
    assert "--y asks for column 'girth'" in fails(capsys, "fit", penguins, "--y", "girth")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ((1, "", "red"), "line 22: column 'b' is missing"),
        ((1, "NA", "red"), "line 22: column 'b' is missing"),
        ((1, "1 kg", "red"), "line 22: column 'b' is '1 kg', not a finite number"),
        (("inf", 1, "red"), "line 22: column 'a' is 'inf', not a finite number"),
        ((1, 2), "line 22: 2 cells, expected 3"),
    ],
)
def test_bad_cells_are_named(tiny, capsys, last, expected):
    assert expected in fails(capsys, "fit", tiny(*last), "--y", "a")


def test_bad_files(tmp_path, capsys):
    assert "cannot read" in fails(capsys, "fit", str(tmp_path / "none.csv"), "--y", "a")
    assert "cannot read" in fails(capsys, "fit", str(tmp_path), "--y", "a")
    assert "has no data" in fails(capsys, "fit", write(tmp_path / "a.csv", "ab", []), "--y", "a")
    assert "two columns named 'a'" in fails(capsys, "fit", write(tmp_path / "b.csv", "aa", ["12"]), "--y", "a")
    assert "fewer than n_experts" in fails(capsys, "fit", write(tmp_path / "c.csv", "ab", ["12"]), "--y", "a")
    assert "no numeric column" in fails(capsys, "fit", write(tmp_path / "d.csv", "ab", ["1x"]), "--y", "a")


def test_interruption(monkeypatch, capsys, penguins):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(gmoe.cli.fit, "read_data", interrupt)
    assert "interrupted" in fails(capsys, "fit", penguins, "--y", "bill_length_mm", code=130)


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gmoe {__version__}\n"
    for argv in (["--help"], ["fit", "--help"], ["demo", "--help"], ["figures", "--help"]):
        assert main(argv) == 0
        assert "usage: gmoe" in capsys.readouterr().out


def test_doctor(monkeypatch, capsys):
    monkeypatch.setattr(gmoe.cli.doctor, "probe", lambda cold: {"first fit, s": 1.0})
    assert main(["doctor", "--cold", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["versions"]["numpy"] == np.__version__
    assert report["cache"]["writable"] is True
    assert {"threads", "warm", "cold"} < set(report)
    assert main(["doctor"]) == 0
    assert "scikit-learn" in capsys.readouterr().out
    monkeypatch.setattr(gmoe.cli.doctor, "probe", lambda cold: {"error": "no compiler"})
    assert main(["doctor"]) == 1
    assert "no compiler" in capsys.readouterr().out


def test_clear_cache(tmp_path):
    folder = tmp_path / f"gmoe-{'0' * 16}"
    folder.mkdir()
    (folder / "kernel.nbc").write_bytes(b"12345")
    (tmp_path / "of_another_package").touch()
    done = subprocess.run(
        [sys.executable, "-m", "gmoe", "doctor", "--clear-cache"],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"5 bytes removed from {tmp_path}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["of_another_package"]


def test_demo(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["demo", "--out", str(tmp_path / "figures"), "--no-study"]) == 0
    out = capsys.readouterr().out
    assert "log-likelihood 102.943" in out and "certificate: gate_separated" in out
    assert "log-likelihood -866.0648" in out and "certificate: converged" in out
    for name in ("temperature.png", "penguins.png"):
        assert (tmp_path / "figures" / name).read_bytes().startswith(b"\x89PNG")
        assert name in out


def test_demo_without_matplotlib_names_the_remedy(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install gmoe[plot]" in fails(capsys, "demo", "--out", str(tmp_path), code=1)


def test_demo_in_a_folder_that_cannot_be_made(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    assert "cannot write" in fails(capsys, "demo", "--out", str(tmp_path / "file" / "figures"), code=1)
