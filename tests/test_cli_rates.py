"""``gmoe rates``: what it prints, its exit codes, and one line for every error."""

import io
import json
import os
import re
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gmoe.cli import _rates_run, main
from gmoe.cli._progress import ProgressBar, clock
from gmoe.study import Outcome, Progress, Study, estimate_rates, table

TOML = """\
name = "tiny"
seed = 1
replications = 4
sizes = [60, 120, 240]
truth = "softmax_paper"
[[protocol]]
kind = "mle"
starts = "near_truth"
[[loss]]
kind = "exact"
name = "voronoi"
"""


@pytest.fixture(scope="module")
def toml(tmp_path_factory):
    file = tmp_path_factory.mktemp("study") / "tiny.toml"
    file.write_text(TOML, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def results(toml, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("results") / "out")
    assert main(["rates", "run", toml, "--out", folder, "--jobs", "1"]) == 0
    return folder


def fails(capsys, *argv, code=2):
    """Run to an error; return its line."""
    capsys.readouterr()
    assert main(["rates", *argv]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("gmoe: error: ")
    return err


def prints(capsys, *argv, code=0):
    capsys.readouterr()
    assert main(["rates", *argv]) == code
    return capsys.readouterr().out


def test_run_status_and_resume(results, toml, capsys):
    assert "12 of 12 fits done, 0 failed, 0 to do" in prints(capsys, "status", results)
    assert "12 fits in" in prints(capsys, "resume", results, "--jobs", "1")
    assert "12 fits in" in prints(capsys, "run", toml, "--out", results, "--jobs", "1")
    assert capsys.readouterr().err == ""  # no bar: the standard error is no terminal


def test_results_go_beside_the_file_by_default(tmp_path, capsys):
    (tmp_path / "s.toml").write_text(TOML.replace("[60, 120, 240]", "[60]"), encoding="utf-8")
    assert "4 fits" in prints(capsys, "run", str(tmp_path / "s.toml"), "--jobs", "1")
    assert (tmp_path / "s-results" / "manifest.json").is_file()


def test_shards_merge_into_the_same_table(results, toml, tmp_path, capsys):
    for i in (1, 2):
        out = prints(capsys, "run", toml, "--out", str(tmp_path / f"{i}"), "--shard", f"{i}/2", "--jobs", "1")
        assert "6 fits" in out
    folders = [str(tmp_path / name) for name in ("1", "2", "m")]
    assert "12 of 12 fits" in prints(capsys, "merge", *folders[:2], "--into", folders[2])
    columns = ["protocol", "n", "replication", "loss:voronoi"]
    pd.testing.assert_frame_equal(table(tmp_path / "m")[columns], table(results)[columns])
    assert "6 to do" in prints(capsys, "status", str(tmp_path / "1"))


def test_tables(results, capsys):
    text = prints(capsys, "table", results)
    assert "median" in text and "n/log n" in text and "-0.5" in text
    csv = pd.read_csv(io.StringIO(prints(capsys, "table", results, "--csv")))
    expected = estimate_rates(table(results)).to_frame()
    np.testing.assert_array_equal(csv["slope"], expected["slope"])
    assert set(csv["theory"]) == {-0.5}
    kept = pd.read_csv(io.StringIO(prints(capsys, "table", results, "levels", "--csv", "--min-size", "100")))
    assert list(kept["n"]) == [120, 240]
    assert "converged" in prints(capsys, "table", results, "certificates")
    assert prints(capsys, "table", results, "failures") == "nothing\n"
    assert len(pd.read_csv(io.StringIO(prints(capsys, "table", results, "fits", "--csv")))) == 12


def test_replay_gives_the_numbers_of_the_table(results, capsys):
    row = table(results).iloc[5]
    out = prints(capsys, "replay", results, "--n", str(row["n"]), "--rep", str(row["replication"]))
    assert f"log-likelihood {row['log_likelihood']:.6f}" in out
    assert f"loss voronoi = {row['loss:voronoi']:.10g}" in out


def test_plot_and_report(results, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert "drawn in" in prints(capsys, "plot", results, "--statistic", "median")
    assert "report in" in prints(capsys, "report", results, "--out", str(tmp_path / "r.html"))
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "end in .png" in fails(capsys, "plot", results, "--out", str(tmp_path / "r.gif"))
    assert "cannot write" in fails(capsys, "report", results, "--out", str(tmp_path / "no" / "r.html"), code=1)
    assert "cannot write" in fails(capsys, "plot", results, "--out", str(tmp_path / "no" / "r.png"), code=1)


@pytest.fixture
def ends(monkeypatch, toml, tmp_path, capsys):
    """Return a function that lets a run end in a given way, and gives exit code, output and errors."""

    def end(outcome, *options):
        monkeypatch.setattr("gmoe.study.run", lambda *args, **kwargs: outcome)
        code = main(["rates", "run", toml, "--out", str(tmp_path / "a b"), *options])
        return code, *capsys.readouterr()

    return end


def test_failed_replications_have_an_exit_code_of_their_own(ends):
    code, out, err = ends(Outcome(12, 2, 0))
    assert code == 3 and "2 failed" in out
    assert "gmoe rates table" in err and "failures" in err and err.count("\n") == 1


def test_an_interrupted_run_prints_the_line_that_resumes(ends, tmp_path, capsys):
    code, out, err = ends(Outcome(5, 1, 7, interrupted=True), "--jobs", "2", "--shard", "1/3", "--max-time", "9")
    assert code == 130 and "7 to do" in out
    assert err.strip().endswith(f"gmoe rates resume '{tmp_path / 'a b'}' --jobs 2 --shard 1/3")


def test_the_line_that_resumes_does(tmp_path, toml, capsys):
    folder = str(tmp_path / "r")
    run = ["rates", "run", toml, "--out", folder, "--jobs", "1", "--max-time", "1e-9"]
    assert main(run) == 130
    line = capsys.readouterr().err.partition("to go on: gmoe ")[2].split()
    assert main(line) == 0
    assert "12 of 12" in prints(capsys, "status", folder)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_terminated_run_says_how_to_go_on(tmp_path, jobs):
    (tmp_path / "s.toml").write_text(TOML.replace("replications = 4", "replications = 20000"), encoding="utf-8")
    folder = str(tmp_path / "out")
    command = [sys.executable, "-m", "gmoe", "rates", "run", str(tmp_path / "s.toml"), "--out", folder, "--jobs", jobs]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while done.poll() is None and not [*tmp_path.glob("out/results/*.parquet")]:
        time.sleep(0.05)
    done.terminate()
    out, err = done.communicate()
    assert done.returncode == 130, err
    assert "to do" in out and err.strip().endswith(f"gmoe rates resume {folder} --jobs {jobs}")


def test_a_damaged_file_is_told_and_mended(tmp_path, toml, capsys):
    folder = tmp_path / "r"
    assert main(["rates", "run", toml, "--out", str(folder), "--jobs", "1"]) == 0
    file = next(folder.rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    assert "1 damaged files" in prints(capsys, "status", str(folder))
    assert main(["rates", "resume", str(folder), "--jobs", "1"]) == 0
    assert "1 damaged files were moved" in capsys.readouterr().err
    assert "0 damaged files" in prints(capsys, "status", str(folder))


def test_wrong_usage(toml, results, tmp_path, capsys):
    assert "COMMAND" in fails(capsys)
    assert "no file nothing.toml" in fails(capsys, "run", "nothing.toml")
    assert "3/50" in fails(capsys, "run", toml, "--shard", "3")
    assert "between 1 and N" in fails(capsys, "run", toml, "--out", str(tmp_path / "x"), "--shard", "3/2")
    assert "more than 4 workers" in fails(capsys, "run", toml, "--out", str(tmp_path / "x"), "--jobs", "9999")
    assert "no folder" in fails(capsys, "merge", str(tmp_path / "y"), "--into", str(tmp_path / "x"))
    assert "no loss 'q'" in fails(capsys, "table", results, "--loss", "q")
    assert "between 0 and 1" in fails(capsys, "table", results, "--confidence", "95")
    assert "No replication 9" in fails(capsys, "replay", results, "--n", "60", "--rep", "9")
    assert "No protocol 'em'" in fails(capsys, "replay", results, "--protocol", "em", "--n", "60", "--rep", "0")
    for command in (["table"], ["status"], ["resume"], ["plot"], ["report"], ["replay", "--n", "60", "--rep", "0"]):
        assert "there is no folder missing" in fails(capsys, command[0], "missing", *command[1:])
        assert f"there is no folder {toml}" in fails(capsys, command[0], toml, *command[1:])
    for folder in (toml, f"{toml}/results"):
        assert "give another one to --out" in fails(capsys, "run", toml, "--out", folder)
        assert "give another one to --into" in fails(capsys, "merge", results, "--into", folder)
    assert "argument --jobs: must be" in fails(capsys, "run", toml, "--jobs", "0")
    bad = tmp_path / "bad.toml"
    bad.write_text(TOML.replace("sizes = [60, 120, 240]", "sizes = [60, 50]"), encoding="utf-8")
    assert "line 4" in fails(capsys, "run", str(bad))
    bad.write_text(TOML.replace("seed = 1", "seed = 2"), encoding="utf-8")
    assert "seed: 1 -> 2" in fails(capsys, "run", str(bad), "--out", results)
    assert "holds no results" in fails(capsys, "table", str(tmp_path), code=1)


def test_bar_is_for_terminals(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    bar = ProgressBar()
    bar(Progress(5, 10, 1, 3725.0))
    bar.close()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar(Progress(5, 10, 1, 3725.0))
    assert "5/10, 1 failed, 1:02:05 left" in sys.stderr.getvalue() and not sys.stderr.getvalue().endswith("\n")
    bar.close()
    assert sys.stderr.getvalue().endswith("\n")
    assert clock(59.6) == "1:00"


def test_a_reader_that_leaves_early_is_no_error(results):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-u", "-m", "gmoe", "rates", "status", str(results)]
    assert subprocess.run(command, stdout=write, stderr=subprocess.PIPE).stderr == b""
    os.close(write)


def test_absent_packages_are_named(monkeypatch, capsys):
    from gmoe.cli import rates

    monkeypatch.setattr(rates, "find_spec", lambda name: None)
    assert "pip install gmoe[study]" in fails(capsys, "status", "x", code=1)


def test_help_does_not_load_the_engine():
    code = "import sys, gmoe.cli; gmoe.cli.main(['rates', '--help']); sys.exit('gmoe.study' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_demo_study(tmp_path, toml, monkeypatch, capsys):
    from gmoe.cli import demo

    pytest.importorskip("matplotlib")
    assert demo.study(tmp_path, toml) == 0
    out = capsys.readouterr().out
    assert "12 fits" in out and "converged 100 %" in out
    assert (tmp_path / "rates.png").is_file() and (tmp_path / "rates" / "report.html").is_file()
    manifest = json.loads((tmp_path / "rates" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["study"]["name"] == "tiny"
    assert _rates_run.FAILED == 3 and _rates_run.INTERRUPTED == 130


def test_study_of_the_readme_is_one():
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    study = Study.from_toml(re.search(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1])
    assert (study.protocols[0].n_experts, len(study.sizes)) == (3, 8)


def test_shipped_study_is_exact_specified():
    text = (resources.files("gmoe.cli") / "demo.toml").read_text(encoding="utf-8")
    study = Study.from_toml(text)
    assert [p.n_experts for p in study.protocols] == [study.truth.n_experts]
    # As the help and the README say.
    assert len(study.sizes) * study.replications == 840
