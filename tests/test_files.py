"""Files that are there whole or not at all, and text from outside that no terminal obeys."""

import os
import stat
import sys

import pandas as pd
import pytest

from gmoe import GaussianMoERegressor, _files
from gmoe._printable import LAYOUT, printable
from gmoe.cli import main

ESCAPE = "\x1b[31m"


@pytest.fixture
def full(monkeypatch):
    """The disk is full once a file has its name."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", fail)


def test_what_was_there_stays_on_a_full_disk(tmp_path, full):
    place = tmp_path / "file"
    place.write_bytes(b"before")
    with pytest.raises(OSError, match="No space"):
        _files.write_whole(place, b"after")
    assert place.read_bytes() == b"before" and list(tmp_path.iterdir()) == [place]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_links_are_replaced_and_modes_kept(tmp_path):
    secret, link, place = tmp_path / "secret", tmp_path / "link", tmp_path / "file"
    secret.write_bytes(b"secret")
    link.symlink_to(secret)
    place.write_bytes(b"before")
    place.chmod(0o640)
    for each in (link, place):
        _files.write_whole(each, b"after")
        assert each.read_bytes() == b"after"
    assert secret.read_bytes() == b"secret" and not link.is_symlink()
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o640
    os.mkfifo(tmp_path / "pipe")
    assert _files.is_special(tmp_path / "pipe") and not _files.is_special(place) and not _files.is_special(tmp_path)


STUDY = """
name = "tiny"
seed = 1
replications = 2
sizes = [40, 60, 80]
truth = "softmax_paper"
[[protocol]]
kind = "mle"
starts = "near_truth"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("study")
    (folder / "s.toml").write_text(STUDY)
    assert main(["rates", "run", str(folder / "s.toml"), "--jobs", "1"]) == 0
    return folder / "s-results"


@pytest.mark.parametrize(("command", "name"), [("report", "report.html"), ("plot", "rates.png")])
def test_reports_and_plots_are_whole_and_follow_no_link(results, tmp_path, monkeypatch, capsys, command, name):
    pytest.importorskip("matplotlib")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (results / name).unlink(missing_ok=True)
    (results / name).symlink_to(secret)
    assert main(["rates", command, str(results)]) == 0
    assert secret.read_text() == "secret" and not (results / name).is_symlink()
    content = (results / name).read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files.os, "fsync", fail)
    capsys.readouterr()
    assert main(["rates", command, str(results)]) == 1
    assert capsys.readouterr().err.endswith("No space left on device\n")
    assert (results / name).read_bytes() == content


def test_text_from_outside_is_escaped(tmp_path, capsys):
    """Names of columns, keys and files reach the terminal as they are written, not as it would obey them."""
    rows = "\n".join(f"{i % 7},{(i * 3) % 5}" for i in range(20))
    (tmp_path / f"{ESCAPE}.csv").write_text(f"y,{ESCAPE}x\n{rows}\n")
    (tmp_path / "s.toml").write_text(f'"{ESCAPE}"= 1'.replace("\x1b", "\\u001b"))
    for words in (
        ["fit", str(tmp_path / f"{ESCAPE}.csv"), "--y", "y", "--experts", "1"],
        ["fit", str(tmp_path / f"{ESCAPE}.csv"), "--y", f"{ESCAPE}nothing"],
        ["fit", str(tmp_path / f"{ESCAPE}.csv"), "--y", "y", f"--{ESCAPE}"],
        ["rates", "run", str(tmp_path / "s.toml"), "--out", str(tmp_path / ESCAPE)],
        ["rates", "status", str(tmp_path / ESCAPE)],
    ):
        main(words)
        out, err = capsys.readouterr()
        assert "\\x1b[31m" in out + err and "\x1b" not in out + err
    assert printable("größe\u202e\n") == "größe\\u202e\\n"
    assert printable("a\n\tb\r", LAYOUT) == "a\n\tb\\r"


def test_stored_errors_are_escaped(monkeypatch, results, capsys):
    """What a replication raised is another program's text."""
    from gmoe.study import table

    frame = table(results)
    frame.loc[0, ["status", "error"]] = ["failed", f"ValueError: {ESCAPE}\nred"]
    monkeypatch.setattr("gmoe.study.table", lambda folder: frame)
    monkeypatch.setattr("gmoe.study.show.report.table", lambda folder: frame)
    for words in (["table", str(results), "failures"], ["table", str(results), "failures", "--csv"]):
        assert main(["rates", *words]) == 0
        out = capsys.readouterr().out
        assert "\\x1b[31m" in out and "\x1b" not in out
    pytest.importorskip("matplotlib")
    assert main(["rates", "report", str(results)]) == 0
    page = (results / "report.html").read_text()
    assert "\\x1b[31m" in page and "\x1b" not in page


def test_a_summary_escapes_names_of_columns():
    X = pd.DataFrame({f"{ESCAPE}x": [0.0, 1.0, 2.0, 3.0, 5.0, 4.0], "one": 1.0})
    with pytest.warns(Warning, match="Columns one are constant") as caught:
        fitted = GaussianMoERegressor(1).fit(X, [1.0, 0.0, 2.0, 5.0, 3.0, 4.0])
    text = str(fitted.summary()) + "".join(str(each.message) for each in caught)
    assert "\\x1b[31mx" in text and "\x1b" not in text
