"""Where the results of ``gmoe fit`` go: never over the input, and never half or not at all without a word."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gmoe.cli import fit, main

FULL = Path("/dev/full")


@pytest.fixture
def plain(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=40)
    y = np.where(x + rng.normal(size=40) > 0, 2 * x, 1 - x) + 0.1 * rng.normal(size=40)
    weight = (np.arange(40) % 4 > 0) * 1.5
    file = tmp_path / "plain.csv"
    file.write_text("x,y,w\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(x, y, weight, strict=True)))
    return file


def argv(file, *more):
    return ["fit", str(file), "--y", "y", "--x", "x", "--n-init", "1", *map(str, more)]


def refused(monkeypatch, capsys, *arguments):
    """Run to a refusal before the fit; return its line."""
    with monkeypatch.context() as patch:
        patch.setattr(fit, "_fit", lambda *_: pytest.fail("fitted first"))
        assert main(argv(*arguments)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_the_input_is_never_the_output(plain, tmp_path, monkeypatch, capsys):
    before = plain.read_bytes()
    (tmp_path / "link.csv").symlink_to(plain)
    os.link(plain, tmp_path / "hard.csv")
    monkeypatch.chdir(tmp_path)
    for out in (plain, "plain.csv", "./plain.csv", "link.csv", "hard.csv"):
        assert "is the input" in refused(monkeypatch, capsys, plain, "--out", out)
    with plain.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert "is the input" in refused(monkeypatch, capsys, "-", "--out", plain)
    assert plain.read_bytes() == before


def test_what_cannot_be_written_is_refused_before_the_fit(plain, tmp_path, monkeypatch, capsys):
    assert "a folder that exists" in refused(monkeypatch, capsys, plain, "--out", tmp_path / "missing" / "o.csv")
    assert "cannot write" in refused(monkeypatch, capsys, plain, "--out", plain / "o.csv")
    assert "it is a folder" in refused(monkeypatch, capsys, plain, "--out", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # permissions do not bind root
        (tmp_path / "o.csv").touch()
        assert "write-protected" in refused(monkeypatch, capsys, plain, "--out", tmp_path / "o.csv")


def test_an_output_is_there_whole_or_not_at_all(plain, tmp_path, monkeypatch, capsys):
    out = tmp_path / "o.csv"
    out.write_text("before")
    out.chmod(0o640)

    def fails(stream, *_):
        stream.write("half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fit, "write_predictions", fails)
        assert main(argv(plain, "--out", out, "--json")) == 1
    printed, err = capsys.readouterr()
    assert json.loads(printed)["n_rows"] == 40  # the estimates are not lost with the predictions
    assert err == f"gmoe: error: cannot write {out}: No space left on device\n"
    assert out.read_text() == "before"
    assert main(argv(plain, "--out", out)) == 0
    assert len(out.read_text().splitlines()) == 41 and stat.S_IMODE(out.stat().st_mode) == 0o640
    (tmp_path / "link").symlink_to("o.csv")
    assert main(argv(plain, "--out", tmp_path / "link")) == 0
    assert (tmp_path / "link").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"plain.csv", "o.csv", "link"}  # nothing half is left behind


def run(arguments, stdout, unbuffered=False):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, *(["-u"] if unbuffered else []), "-m", "gmoe", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False)


@pytest.mark.skipif(not FULL.exists(), reason="no full device")
def test_a_full_standard_output_is_one_line(plain, tmp_path):
    out = tmp_path / "o.csv"
    with FULL.open("w") as full:
        for unbuffered in (False, True):
            done = run(argv(plain, "--out", out), full, unbuffered)
            assert done.returncode == 1
            assert done.stderr.startswith("gmoe: error: cannot write to the standard output: No space left on device")
            assert done.stderr.count("\n") == 1
            assert len(out.read_text().splitlines()) == 41  # the predictions are not lost with the estimates
            out.unlink()
        done = run(["--help"], full)
        assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert main(argv(plain, "--out", FULL)) == 1
    assert stat.S_ISCHR(FULL.stat().st_mode)  # a device is written to, not replaced


def test_a_standard_output_that_takes_no_more_is_no_place_for_predictions(plain, tmp_path):
    with (tmp_path / "both").open("w") as both:
        done = run(argv(plain, "--out", tmp_path / "both"), both)
    assert done.returncode == 2 and "where the estimates go" in done.stderr


def test_names_that_the_terminal_cannot_show_are_escaped(plain):
    plain.write_text(plain.read_text().replace("x,y", "größe,y"), encoding="utf-8")
    command = [sys.executable, "-m", "gmoe", "fit", str(plain), "--y", "y", "--x", "größe", "--n-init", "1"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False)
    assert done.returncode == 0, done.stderr
    assert rb"coef[gr\xf6\xdfe] (0)" in done.stdout


def test_table_and_json_agree_on_what_was_fitted(plain, capsys):
    assert main(argv(plain, "--weights", "w")) == 0
    table = capsys.readouterr().out
    assert main(argv(plain, "--weights", "w", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    # 30 rows of weight 1.5; a row of weight 0 has no part.
    assert (found["n_rows"], found["total_weight"]) == (30, 45.0) and "n" not in found
    assert "n = 45 " in table and "over 30 rows of positive weight" in table
