"""The papers' figures: they draw from any results, and their captions say what the tables say."""

import importlib
import math
import os
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("pyarrow")

from gmoe.cli import figures, main
from gmoe.study import run

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "sims"))
sims = importlib.import_module("run")
SCRIPTS = sorted(file.stem for file in (ROOT / "paper_figs").glob("[!_]*.py"))
# Scripts that write a table and draw nothing.
TABLES = ("claims", "in_text")
# Those whose table is not one of slopes in the common form.
OTHER_TABLES = (*TABLES, "theorems")
COMMITTED = ROOT / "sims" / "results"
# One design for each kind of panel; a panel without results says so.
TINY = (
    "softmax_exact", "softmax_over3", "softmax_over3_paper", "topk_exact_logit", "topk_exact_score",
    "temperature_linear_over3", "em_against_mle_over3", "softmax_exact.line", "softmax_over.line",
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return a folder of results that have all there is to trip over: zeros, failures, sizes with one replication."""
    folder = tmp_path_factory.mktemp("tiny")
    for name in TINY:
        study = sims.study_of(name)
        protocols = [replace(p, n_near=2) if hasattr(p, "n_near") else p for p in study.protocols]
        study = replace(study, sizes=(100, 200, 400), replications=3, protocols=tuple(protocols))
        run(study, folder / name, n_jobs=1)
    return folder


@pytest.fixture(scope="session")
def module():
    """Return a function that imports a script; what several scripts compute from the same results is computed once."""
    sys.path.insert(0, str(ROOT / "paper_figs"))
    common, errors = map(importlib.import_module, ("_common", "_errors"))
    errors.with_blocks = cache(errors.with_blocks)
    gaps = importlib.import_module("em_gap")
    gaps.with_gaps = cache(gaps.with_gaps)
    read = common.read
    one = cache(lambda folder, name: read(folder, [name]))
    common.read = lambda folder, names: {key: found for name in names for key, found in one(folder, name).items()}
    yield importlib.import_module
    sys.path.remove(str(ROOT / "paper_figs"))


@pytest.fixture
def call(module, monkeypatch):
    """Return a function that runs a script in this process, much faster than in another one."""

    def run_script(name, *options):
        file = str(ROOT / "paper_figs" / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [file, *map(str, options)])
        runpy.run_path(file, run_name="__main__")

    return run_script


@pytest.fixture(scope="session")
def tables(module):
    """Return a function: the tables that a script draws from, with the errors that it adds."""
    errors = module("_errors")
    added = {
        "blocks": errors.with_blocks, "block_slopes": errors.with_blocks, "temperature": errors.with_temperature,
        "cells": module("cells").by_cells, "em_gap": module("em_gap").with_gaps,
    }  # fmt: skip

    def read(name, folder):
        results = module("_common").read(folder, module(name).STUDIES)
        add = added.get(name, lambda found: found)
        return {study: add(found).fits for study, found in results.items()}

    return read


def slope_of(fits, row, statistic, scale):
    """Least squares by hand: another way to the caption's number."""
    fits = fits[(fits["protocol"] == row["protocol"]) & np.isfinite(fits[f"loss:{row['error']}"])]
    groups = fits.groupby("n")[f"loss:{row['error']}"]
    level = getattr(groups, statistic)()[groups.size() > 1]
    n = level.index.to_numpy(float)
    return np.polyfit(np.log(n) if scale == "n" else np.log(n / np.log(n)), np.log(level), 1)[0]


def rows_of(caption):
    """Rows of a caption's table, by its head."""
    lines = [line.strip("| ").split(" | ") for line in caption.splitlines() if line.startswith("| ")]
    return [dict(zip(["panel", "study", "protocol", "error", *"abcd"], cells, strict=False)) for cells in lines[1:]]


def check_slopes(caption, tables):
    """Compare every slope in a caption with the tables; return how many there were."""
    checked = 0
    for row in rows_of(caption):
        fits = tables[row["study"]]
        for key, (statistic, scale) in zip("abcd", [(s, x) for s in ("median", "mean") for x in "nl"], strict=True):
            if row[key] != "no slope":
                shown = float(row[key].split()[0])
                # Three decimals are shown.
                assert shown == pytest.approx(slope_of(fits, row, statistic, scale), abs=5.01e-4)
                checked += 1
    return checked


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_draws_tiny_results(name, tiny, tables, tmp_path, call):
    call(name, "--results", tiny, "--out", tmp_path)
    kinds = [".md"] if name in TABLES else [".md", ".pdf", ".png"]
    assert sorted(file.suffix for file in tmp_path.iterdir()) == kinds
    caption = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert caption.startswith(f"**{name}.** ") and "fits certified" in caption
    if name not in OTHER_TABLES:
        assert check_slopes(caption, tables(name, tiny))


def test_slopes_of_the_softmax_captions_are_those_of_the_tables(tiny, tables, module):
    script = module("softmax")
    caption = script.draw(module("_common").read(tiny, script.STUDIES))[1]
    assert check_slopes(caption, tables("softmax", tiny)) == 3 * 2 * 4  # studies, protocols, columns


def test_numbers_of_the_text_are_those_of_the_tables(module):
    script = module("in_text")
    results = module("_common").read(COMMITTED, script.STUDIES)
    text = script.draw(results)[1]
    keys = ["protocol", "n", "replication"]
    for near in ("softmax_over3", "temperature_tanh_over3"):
        first, other = (results[name].fits.set_index(keys) for name in (f"{near}_search", near))
        gains = [row["log_likelihood"] - other.loc[key, "log_likelihood"] for key, row in first.iterrows()]
        higher, lower = (sum(sign * gain > 1e-4 for gain in gains) for sign in (1, -1))
        starts = f"{first['n_starts'].median():.0f}"
        assert f"| {near} | {len(gains)} | {starts} | {100 * higher / len(gains):.0f} % | {lower} |" in text
    ends = results["temperature_sigmoid_exact"].fits.query("n == 100")["status"]
    at_edge = sum(status in ("gate_separated", "temperature_at_bound", "variance_at_bound") for status in ends)
    assert f"| temperature_sigmoid_exact | {100 * at_edge / len(ends):.1f} |" in text
    losses = results["softmax_over3_paper"].fits.query("protocol == 'published'")["loss:published_form"]
    near_one = sum(0.9 <= loss <= 1.1 for loss in losses) / len(losses)
    [line] = [line for line in text.splitlines() if "| softmax_over3_paper |" in line]
    assert f" | {100 * near_one:.1f} % | " in line


def test_damaged_results_are_drawn(tiny, module):
    common, script = module("_common"), module("softmax")
    results = common.read(tiny, script.STUDIES)
    fits = results["softmax_exact"].fits.copy()
    column = "loss:voronoi"
    fits.loc[fits["n"] == 100, column] = [0.0, np.inf, np.nan] * 2
    failed = (fits["n"] == 200) & (fits["replication"] > 0)
    fits.loc[failed, [column, "status", "certified"]] = [np.nan, "failed", False]
    parameters = [name for name in fits if name.startswith("param:")]
    fits.loc[fits["status"] == "failed", parameters] = np.nan
    damaged = {"softmax_exact": replace(results["softmax_exact"], fits=fits)}
    figure, caption = script.draw(damaged)
    figure.canvas.draw()
    assert "failed 2" in caption and "no slope" in caption
    assert "softmax_exact" in module("claims").draw(damaged)[1]


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_results_one_line_says_how_to_make_them(name, tmp_path, call):
    with pytest.raises(SystemExit, match=r"^.*python sims/run.py .*$"):
        call(name, "--results", tmp_path, "--out", tmp_path)


def test_script_alone_draws_the_same_bytes_from_anywhere(tiny, tmp_path, call):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(ROOT / "paper_figs" / "blocks.py"), "--results", str(tiny)]
    done = subprocess.run([*command, "--out", "one"], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stderr == "blocks: not run yet; make them: python sims/run.py softmax_over4\n"
    call("blocks", "--results", tiny, "--out", tmp_path / "two")
    for kind in ("md", "pdf", "png"):
        one, two = ((tmp_path / out / f"blocks.{kind}").read_bytes() for out in ("one", "two"))
        assert one == two, kind


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_reads_designs(name, call, capsys):
    call(name, "--studies")
    studies = capsys.readouterr().out.split()
    assert studies and set(studies) <= set(sims.NAMES)


def test_the_table_of_theorems_says_what_the_fits_say(tiny, module):
    script = module("theorems")
    results = module("_common").read(tiny, script.STUDIES)
    assert set(results) == {"softmax_exact.line", "softmax_over.line"}
    rows = [line.strip("| ").split(" | ") for line in script.draw(results)[1].splitlines() if line.startswith("| ")]
    for theorem in ("softmax_exact", "softmax_over"):
        rows_of_loss = [row for row in rows if row[2] == "voronoi"]
        [own], [average] = ([row for row in rows_of_loss if row[0] == name] for name in (theorem, f"**{theorem}**"))
        fits = results[f"{theorem}.line"].fits
        level = fits.groupby("n")["loss:voronoi"].median()
        slope = np.polyfit(np.log(level.index), np.log(level), 1)[0]
        for row in (own, average):  # of a single truth
            assert float(row[4].split()[0]) == pytest.approx(slope, abs=5.01e-4)  # three decimals are shown
        assert own[-1] == "undecided", "three replications decide nothing"
    assert script.verdict(-0.5, -0.51, -0.48) == "agrees" and script.verdict(-0.5, -0.49, -0.46) == "does not agree"
    assert script.verdict(-0.5, -0.53, -0.48) == script.verdict(-0.5, math.nan, math.nan) == "undecided"
    assert script.verdict(-0.5, -0.8, -0.6, True) == "faster" and script.verdict(-0.5, -0.8, -0.6) == "does not agree"
    assert script.verdict(-0.5, -0.4, -0.3, True) == "does not agree"


# In one process, which computes once what they share.
@pytest.mark.xdist_group("committed results")
@pytest.mark.parametrize("name", SCRIPTS)
def test_committed_captions_are_those_of_the_committed_results(name, module, tables):
    file = ROOT / "paper_figs" / "figures" / f"{name}.md"
    script = module(name)
    caption = script.draw(module("_common").read(COMMITTED, script.STUDIES))[1]
    committed = file.read_text(encoding="utf-8")
    number = re.compile(r"-?\d+\.\d+|-?\d+")
    assert number.sub("#", caption) == number.sub("#", committed)
    # Quantiles of resampled medians may be rounded the other way by another processor.
    ours, theirs = ([float(text) for text in number.findall(given)] for given in (caption, committed))
    np.testing.assert_allclose(ours, theirs, atol=1.01e-3)
    if name not in OTHER_TABLES:
        assert check_slopes(committed, tables(name, COMMITTED))


@pytest.mark.parametrize(
    ("exponent", "bound", "low", "high", "expected"),
    [
        (-0.5, "sharp", -0.50, -0.45, "agrees"),
        (-0.5, "sharp", -0.44, -0.43, "agrees"),  # -0.5 on the other scale
        (-0.5, "sharp", -0.30, -0.25, "does not agree: slower"),
        (-0.5, "sharp", -0.80, -0.70, "does not agree: faster"),
        (-0.5, "upper bound", -0.80, -0.70, "faster than the bound"),
        (-0.5, "upper bound", -0.80, -0.50, "undecided"),
        (-0.5, "upper bound", math.nan, math.nan, "undecided"),
        (None, "lower bound", -0.04, -0.02, "agrees"),
        (None, "lower bound", -0.30, -0.20, "does not agree: decays"),
    ],
)
def test_verdicts(exponent, bound, low, high, expected, module):
    class Given:
        def __init__(self, **values):
            vars(self).update(values)

    rates = [Given(slope=(low + high) / 2 * f, low=low * f, high=high * f) for f in (1.0, 1.15)]
    judge, prediction = module("claims").verdict, Given(exponent=exponent, bound=bound)
    assert judge(prediction, *rates) == judge(prediction, *rates, others={0.5}) == expected
    # An exponent in the middle of the range is one that agreement with another would not be told from.
    ambiguous = expected == "agrees" and exponent is not None
    assert judge(prediction, *rates, others={(low + high) / 2}) == ("undecided" if ambiguous else expected)


def test_claims_take_their_exponents_from_the_theory(tiny, module):
    errors, common = module("_errors"), module("_common")
    found = errors.with_blocks(common.read(tiny, ["softmax_over3"])["softmax_over3"])
    expected = {"gate_coef (cell of 2)": -1 / 4, "intercept (cell of 2)": -1 / 8, "coef (cell of 2)": -1 / 4}
    expected |= {"variance (cell of 2)": -1 / 4, "coef (cell of 1)": -1 / 2, "gate_intercept": -1 / 2}
    assert expected.items() <= {number: p.exponent for number, p in errors.stated(found).items()}.items()
    assert "loss:gate_coef (cell of 1)" not in found.fits


def test_what_is_said_of_interior_maxima_is_counted(module):
    script = module("topk")
    results = module("_common").read(COMMITTED, ["topk_over3"])
    fits = results["topk_over3"].fits
    fits = fits[fits["protocol"] == "mle"]
    assert f" {fits['certified'].sum()} of {len(fits)} fits have an interior maximum. " in script.interior(results)
    nowhere = replace(results["topk_over3"], fits=fits.assign(certified=False))
    assert f" 0 of {len(fits)} fits have an interior maximum. " in script.interior({"topk_over3": nowhere})
    assert script.interior({}) == ""


def test_block_errors_are_those_of_the_parameters(tiny, module):
    found = module("_errors").with_blocks(module("_common").read(tiny, ["softmax_exact"])["softmax_exact"])
    column = "loss:intercept (cell of 1)"
    rows, truth = found.fits.dropna(subset=[column]), found.study.truth.parameters
    assert set(rows["protocol"]) == {"mle"} and len(rows) > 3
    intercepts = rows[["param:intercept[0]", "param:intercept[1]"]].to_numpy()
    # True intercepts are 20 apart: the nearer order is the right one.
    order = [np.abs(intercepts[:, order] - truth.intercept).max(axis=1) for order in ([0, 1], [1, 0])]
    np.testing.assert_allclose(rows[column], np.min(order, axis=0), rtol=1e-12)


def fails(capsys, *argv, code=1):
    capsys.readouterr()
    assert main(["figures", *argv]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("gmoe: error: ")
    return error


def test_command_outside_of_a_checkout_says_where_one_is_needed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figures, "CHECKOUT", tmp_path)
    assert "make figures" in fails(capsys)


def test_command_names_the_figures(capsys):
    assert "softmax" in fails(capsys, "no_such_figure", code=2)


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """Return a checkout with one figure and a simulation, both of which only say what they were given."""
    (tmp_path / "paper_figs").mkdir()
    (tmp_path / "sims").mkdir()
    say = "import sys; print('s1 s2' if '--studies' in sys.argv else ' '.join(sys.argv[1:]))\n"
    (tmp_path / "paper_figs" / "fig.py").write_text(say)
    (tmp_path / "paper_figs" / "_shared.py").write_text("")
    (tmp_path / "sims" / "run.py").write_text("import sys; print(' '.join(sys.argv[1:])); sys.exit(3)\n")
    monkeypatch.setattr(figures, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_command_draws_the_committed_results(checkout, capfd):
    assert main(["figures"]) == 0
    assert capfd.readouterr().out == "fig\n\n"
    assert main(["figures", "fig", "--out", "here"]) == 0
    assert capfd.readouterr().out == f"fig\n--out {checkout / 'here'}\n"


def test_command_quick_runs_what_the_figure_reads(checkout, capfd):
    assert main(["figures", "--quick", "--jobs", "1"]) == 0
    ran, name, drew = capfd.readouterr().out.splitlines()
    assert re.fullmatch(r"s1 s2 --quick --results (\S+) --jobs 1", ran) and name == "fig"
    results = ran.split()[4]
    assert drew == f"--results {results} --out {checkout / 'figures-quick'}"
    assert not Path(results).exists()


def test_command_reports_what_fails(checkout, capsys):
    (checkout / "paper_figs" / "fig.py").write_text("import sys; sys.exit('fig: no results')\n")
    assert "fig: no results" in fails(capsys)
    (checkout / "paper_figs" / "fig.py").write_text("print('s1')\n")
    (checkout / "sims" / "run.py").write_text("import sys; sys.exit(2)\n")
    assert "ended with code 2" in fails(capsys, "--quick")
