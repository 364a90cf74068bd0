"""Faults in results folders: afterwards the table is the same, or one line says what is wrong and how to mend it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from gmoe.study import Study, StudyError, run, status, table
from trust._run import SilentError, WrongError, need
from trust.tomls import TEXT

LONG = TEXT.replace("replications = 3", "replications = 30")
OTHERS = {"seed = 1": "seed = 2", "[40, 60]": "[40, 80]", "near_truth": "data", "points = 10": "points = 20"}
# Seconds of the clock: of a process that does no more than wait.
PATIENCE = 300


def case(rng: np.random.Generator) -> tuple[str, int]:
    """Do something to a results folder, look at it, and complete it."""
    fault = FAULTS[int(rng.integers(len(FAULTS)))]
    home = Path(tempfile.mkdtemp(prefix="gmoe-trust-"))
    try:
        folder = home / "copy"
        text = fault(rng, folder) or TEXT
        for ask in (_counts, _rows):
            _one_line(lambda ask=ask: ask(folder, text))
        refusal = _one_line(lambda: _complete(text, folder))
        if refusal is not None:
            _mend(folder, refusal)
            if again := _one_line(lambda: _complete(text, folder)):
                raise WrongError(f"{fault.__name__}: refused again after what was advised: {again}")
        try:
            pd.testing.assert_frame_equal(_without_time(table(folder)), _without_time(_whole(text)), check_exact=True)
        except AssertionError as error:
            raise SilentError(f"{fault.__name__}: another table: {str(error).splitlines()[0]}") from error
        return fault.__name__, 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _one_line(act) -> str | None:
    """Do it; return the line of an error, which is one of the package's own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            act()
    except StudyError as error:
        need("\n" not in str(error), f"not one line: {error}")
        return str(error)
    return None


def _counts(folder, text) -> None:
    found = status(folder)
    need(0 <= found.n_missing <= found.n_total == found.n_done + found.n_missing, f"counts {found}")


def _rows(folder, text) -> None:
    """What is shown of a folder is a part of the whole table."""
    found, whole = _without_time(table(folder)), _without_time(_whole(text))
    both = whole.merge(found[KEY], on=KEY)
    if not both.equals(found.merge(found[KEY], on=KEY)):
        raise SilentError(f"{len(found)} rows are shown that are not those of the study")


KEY = ["protocol", "n", "replication"]


def _complete(text, folder) -> None:
    outcome = run(Study.from_toml(text), folder, engine="serial", batch_size=2)
    need(outcome.n_missing == 0 and not outcome.interrupted, f"not complete: {outcome}")


def _mend(folder, refusal) -> None:
    """Do what the line advises."""
    if named := re.search(r"(\S+\.parquet) is not of this study", refusal):
        for path in [Path(named[1]), *Path(named[1]).parent.glob("*")]:
            if path.name.startswith("foreign") or path == Path(named[1]) or _is_foreign(path):
                path.unlink(missing_ok=True)
    elif "manifest.json" in refusal:
        path = folder / "manifest.json"
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    elif named := re.search(r"Cannot write in (\S+)", refusal):
        for path in folder.glob(".lock*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_foreign(path) -> bool:
    return not (_template(TEXT) / "results" / path.name).exists() and path.suffix == ".parquet"


def _without_time(frame):
    return frame.drop(columns="seconds").reset_index(drop=True)


@cache
def _template(text: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gmoe-trust-")) / "done"
    run(Study.from_toml(text), folder, engine="serial", batch_size=2)
    return folder


@cache
def _whole(text: str):
    return table(_template(text))


def _copy(folder: Path, text: str = TEXT) -> list[Path]:
    shutil.copytree(_template(text), folder)
    return sorted(folder.glob("results/*.parquet"))


def _spoil(rng, path: Path) -> None:
    content = bytearray(path.read_bytes())
    kind = rng.integers(5)
    if kind == 0:
        content = content[: rng.integers(len(content))]
    elif kind == 1:
        content += rng.bytes(int(rng.integers(1, 50)))
    elif kind == 2:
        content = bytearray(rng.bytes(len(content)))
    else:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def spoilt_results(rng, folder) -> None:
    """Files cut, lengthened, overwritten, or with one bit flipped."""
    for path in _copy(folder):
        if rng.random() < 0.6:
            _spoil(rng, path)


def spoilt_manifest(rng, folder) -> None:
    """The same of the manifest."""
    _copy(folder)
    _spoil(rng, folder / "manifest.json")


def edited_manifest(rng, folder) -> None:
    """A number of the manifest changed by hand."""
    _copy(folder)
    path = folder / "manifest.json"
    text = path.read_text()
    digits = [match.start() for match in re.finditer(r"\d", text)]
    at = digits[int(rng.integers(len(digits)))]
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


def lost_files(rng, folder) -> None:
    """Some results, the manifest, or the locks removed."""
    for path in [*_copy(folder), folder / "manifest.json", *folder.glob(".lock*")]:
        if rng.random() < 0.4:
            path.unlink()


def foreign_results(rng, folder) -> None:
    """Files of another study among the results."""
    _copy(folder)
    old = str(rng.choice(list(OTHERS)))
    for path in _template(TEXT.replace(old, OTHERS[old])).glob("results/*.parquet"):
        if rng.random() < 0.7:
            shutil.copy(path, folder / "results")


def foreign_files(rng, folder) -> None:
    """Other things where results are expected."""
    files = _copy(folder)
    results = folder / "results"
    (results / "notes.txt").write_text("mine")
    (results / "foreign-0-1-0123456789abcdef.parquet").write_bytes(rng.bytes(100))
    (results / f".{'0' * 32}.tmp").write_bytes(b"half")
    (results / "folder.parquet").mkdir()
    (results / "link.parquet").symlink_to(files[0])
    (results / "nowhere.parquet").symlink_to(folder / "nothing")


def exchanged_names(rng, folder) -> None:
    """Two results under each other's names, and one of them twice."""
    first, second, *_ = _copy(folder)
    aside = first.with_suffix(".aside")
    first.rename(aside)
    shutil.copy(second, first)
    aside.rename(second)


def more_replications(rng, folder) -> None:
    """Results of the same study with more replications."""
    _copy(folder)
    for path in _template(TEXT.replace("replications = 3", "replications = 5")).glob("results/*.parquet"):
        shutil.copy(path, folder / "results")


def linked_manifest(rng, folder) -> None:
    """The manifest is a link, to itself or to nothing."""
    _copy(folder)
    path = folder / "manifest.json"
    path.unlink()
    path.symlink_to(rng.choice(["manifest.json", "nothing"]))


def blocked_locks(rng, folder) -> None:
    """A folder where the lock should be."""
    _copy(folder)
    for path in folder.glob(".lock*"):
        path.unlink()
    (folder / str(rng.choice([".lock", ".lock-manifest"]))).mkdir()


def _start(folder: Path, *options: str) -> subprocess.Popen:
    folder.parent.mkdir(exist_ok=True)
    study = folder.parent / "study.toml"
    study.write_text(LONG)
    command = [sys.executable, "-m", "gmoe", "rates", "run", str(study), "--out", str(folder), *options]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _signal(process, number) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def killed(rng, folder) -> str:
    """A run, and its workers, killed at any time."""
    process = _start(folder, "--jobs", str(rng.integers(1, 3)))
    time.sleep(rng.uniform(0.0, 4.0))
    _signal(process, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    return LONG


def interrupted(rng, folder) -> str:
    """A run interrupted at any time after Python itself has started, once or twice."""
    process = _start(folder, "--jobs", str(rng.integers(1, 3)))
    time.sleep(rng.uniform(0.3, 4.0))
    for _ in range(int(rng.integers(1, 3))):
        _signal(process, signal.SIGINT)
        time.sleep(rng.uniform(0.0, 0.2))
    said = process.communicate(timeout=PATIENCE)[1]
    need(process.returncode in (0, 130) and "Traceback" not in said, f"code {process.returncode}: {said}")
    return LONG


def two_at_once(rng, folder) -> str:
    """Two runs on one folder: one of them goes on, the other is refused or finds the work done."""
    both = [_start(folder, "--jobs", "1") for _ in range(2)]
    ends = [(each.communicate(timeout=PATIENCE)[1], each.returncode) for each in both]
    need(all(code in (0, 1) and "Traceback" not in said for said, code in ends), f"{ends}")
    need(any(code == 0 for _, code in ends), f"{ends}")
    return LONG


LIMITED = """
import resource, sys
from gmoe.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
raise SystemExit(main(sys.argv[2:]))
"""


def full_disk(rng, folder) -> None:
    """No file may grow beyond a size, as on a full disk."""
    _copy(folder)
    for path in sorted(folder.glob("results/*.parquet"))[: int(rng.integers(1, 4))]:
        path.unlink()
    study = folder.parent / "study.toml"
    study.write_text(TEXT)
    words = ["rates", str(rng.choice(["resume", "report", "plot"])), str(folder)]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    command = [sys.executable, "-c", LIMITED, str(rng.integers(10, 3000)), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    said = done.stderr
    need(done.returncode == 1 and "Traceback" not in said and said.count("\n") <= 2, f"code {done.returncode}: {said}")
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    # A manifest may be small enough, and is then whole.
    small = (".lock", "manifest.json")
    changed = [path.name for path in after if after[path] != before.get(path) and not path.name.startswith(small)]
    if changed:
        raise SilentError(f"written on a full disk: {changed}")


QUICK = (
    spoilt_results, spoilt_manifest, edited_manifest, lost_files, foreign_results, foreign_files, exchanged_names,
    more_replications, linked_manifest, blocked_locks,
)  # fmt: skip
# Those of processes take seconds: each a third as often as one of the others.
FAULTS = (*QUICK * 3, killed, interrupted, two_at_once, full_disk)
