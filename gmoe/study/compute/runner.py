"""Run, resume, merge and read studies."""

import os
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmoe._validation import check_choice, check_integer, check_positive
from gmoe.study.compute.driver import Driver, Outcome, Progress
from gmoe.study.compute.engines import ENGINES, make_pool
from gmoe.study.describe.spec import Study
from gmoe.study.errors import StoreError
from gmoe.study.results.identity import refuse_changes
from gmoe.study.results.lock import locked
from gmoe.study.results.manifest import MANIFEST, load_study, read_manifest, write_manifest
from gmoe.study.results.store import gather, read_table, sweep

if TYPE_CHECKING:
    import pandas as pd

# More workers than this per core only take turns.
WORKERS_PER_CORE = 4
# With a target precision: numbers of replications at which it is looked at.
LOOKS = (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240)


@dataclass(frozen=True)
class Status:
    """What is in a results folder; counts are of fits, ``n_damaged`` of files."""

    study: str
    n_total: int
    n_done: int
    n_failed: int
    n_missing: int
    n_damaged: int
    seconds: float


def run(
    study: Study | str | Path,
    folder: str | Path,
    *,
    n_jobs: int = 1,
    engine: str = "joblib",
    batch_seconds: float = 5.0,
    batch_size: int | None = None,
    shard: tuple[int, int] | None = None,
    max_time: float | None = None,
    target_mcse: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    scheduler: str | None = None,
) -> Outcome:
    """Run a study, or what is missing of it; numbers depend on the study alone.

    Parameters
    ----------
    study : Study, or path of a TOML file
    folder : path
        For the results; made if it is not there. With results of this study in it, they are kept and completed; the
        study may have more replications than then.
    n_jobs : int, default 1
        Worker processes; -1 for as many as there are cores. 1 computes in this process.
    engine : {"joblib", "serial", "dask"}, default "joblib"
    batch_seconds : float, default 5
        Aim for the time of a batch: what at most is lost, per worker, when something is killed.
    batch_size : int, optional
        A fixed number of replications per batch instead.
    shard : tuple (i, N), optional
        Only the i-th of N parts, i from 1 to N, for job arrays; shards may share a folder, or be merged.
    max_time : float, optional
        Seconds after which no batch is begun.
    target_mcse : float, optional
        Relative Monte Carlo standard error of the mean of every loss at which a size needs no more replications. It is
        looked at after 10, 20, 40, ... replications, so that it too depends on the study alone.
    progress : callable, optional
        Called with a :class:`Progress` after each batch.
    scheduler : str, optional
        Address of a dask scheduler, for ``engine="dask"``; without one a cluster of ``n_jobs`` is started here.

    Returns
    -------
    Outcome

    Raises
    ------
    SpecError
        For a study that is not as it should be.
    ChangedStudyError, FolderInUseError, StoreError
        For a folder of another study, in use by another run, that cannot be written, or on a full disk. What was
        finished is safe.
    """
    study = study if isinstance(study, Study) else Study.from_toml(Path(study))
    check_choice(engine, "engine", ENGINES)
    if scheduler is not None and engine != "dask":
        raise ValueError(f"scheduler={scheduler!r} is for engine='dask', got engine={engine!r}; give both or neither.")
    n_jobs = _checked_jobs(n_jobs)
    batch_seconds = check_positive(batch_seconds, "batch_seconds")
    if batch_size is not None:
        check_integer(batch_size, "batch_size", 1)
    if target_mcse is not None:
        check_positive(target_mcse, "target_mcse")
        if shard is not None:
            raise ValueError(
                "target_mcse looks at all replications of a size, a shard has only some; give one of both."
            )
    part = None if shard is None else _checked_shard(shard)
    deadline = np.inf if max_time is None else time.monotonic() + check_positive(max_time, "max_time")
    folder = _made(folder)
    with locked(folder, part):
        if part is None:
            sweep(folder)
        write_manifest(folder, study, {"engine": engine, "n_jobs": n_jobs, "shard": part})
        driver = Driver(study, folder, batch_seconds, batch_size, deadline, progress)
        driver.scan()
        try:
            for wanted in _stages(study, folder, part, target_mcse):
                driver.complete(wanted, lambda: make_pool(engine, n_jobs, scheduler))
                if driver.interrupted:
                    break
        except BaseException as error:
            driver.interrupted = True
            if not isinstance(error, KeyboardInterrupt):
                raise
        finally:
            driver.close()
        return driver.outcome()


def status(folder: str | Path) -> Status:
    """Count what is done, failed, missing and damaged; changes nothing, and may be asked during a run."""
    folder = Path(folder)
    study = load_study(folder)
    frame, damaged = read_table(folder, study)
    total = len(study.sizes) * study.replications * len(study.protocols)
    failed = int((frame["error"] != "").sum())
    return Status(
        study.name, total, len(frame), failed, total - len(frame), len(damaged), float(frame["seconds"].sum())
    )


def table(folder: str | Path) -> "pd.DataFrame":
    """Return all results, sorted by protocol, size and replication; columns as in :mod:`gmoe.study.results.store`.

    Damaged files are left out, with a warning.
    """
    folder = Path(folder)
    frame, damaged = read_table(folder, load_study(folder))
    if damaged:
        warnings.warn(
            f"{len(damaged)} damaged result files in {folder} are left out; run the study again to compute them anew.",
            RuntimeWarning,
            stacklevel=2,
        )
    return frame


def merge(folders: Iterable[str | Path], into: str | Path) -> Status:
    """Bring the results of several folders of one study, as of its shards, together in one file.

    The manifest keeps by what each of them was made. A single folder merged into a new one is a copy to keep.

    Parameters
    ----------
    folders : iterable of path
    into : path
        New, or a folder of the same study. Of studies that differ by their replications alone, the largest is kept.

    Raises
    ------
    ChangedStudyError
        Where the folders belong to different studies; then nothing is copied.
    """
    sources = [Path(folder) for folder in folders]
    if not sources:
        raise ValueError("merge needs at least one folder of results.")
    known = [*sources, Path(into)] if (Path(into) / MANIFEST).exists() else sources
    study = max(map(load_study, known), key=lambda study: study.replications)
    for source in sources:
        refuse_changes(source, read_manifest(source)["study"], study)
    target = _made(into)
    with locked(target, None):
        write_manifest(target, study, {"merged": [_origin(source) for source in sources]})
        damaged = gather(sources, target, study)
    if damaged:
        warnings.warn(f"{damaged} damaged files were left out; run the study on {target} to compute them anew.",
                      RuntimeWarning, stacklevel=2)  # fmt: skip
    return status(target)


def _origin(folder):
    return {"folder": folder.name, "runs": read_manifest(folder)["runs"]}


def _stages(study, folder, part, target):
    """Yield the replications to complete, one stage after the other: all at once, or look by look at the precision."""
    every = [(n, r) for n in study.sizes for r in range(study.replications)]
    if target is None:
        yield set(every if part is None else every[part[0] - 1 :: part[1]])
        return
    wanting = set(study.sizes)
    for count in (*(c for c in LOOKS if c < study.replications), study.replications):
        yield {(n, r) for n in wanting for r in range(count)}
        frame, _ = read_table(folder, study)
        wanting = {n for n in wanting if _imprecise(frame[(frame["n"] == n) & (frame["replication"] < count)], target)}
        if not wanting:
            return


def _imprecise(frame, target) -> bool:
    losses = [name for name in frame if name.startswith("loss:")]
    groups = frame.groupby("protocol")[losses]
    error, mean = groups.sem(), groups.mean().abs()
    return bool((~(error <= target * mean)).to_numpy().any())


def _made(folder) -> Path:
    folder = Path(folder).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Cannot make the folder {folder}: {error.strerror}; give another one.") from error
    return folder


def _checked_jobs(n_jobs) -> int:
    cores = os.cpu_count() or 1
    if n_jobs == -1:
        return cores
    n_jobs = check_integer(n_jobs, "n_jobs", 1)
    if n_jobs > WORKERS_PER_CORE * cores:
        raise ValueError(
            f"n_jobs={n_jobs} is more than {WORKERS_PER_CORE} workers for each of {cores} cores; use -1 for one each, "
            "or the dask engine with a scheduler for more machines."
        )
    return n_jobs


def _checked_shard(shard) -> tuple[int, int]:
    number, count = (check_integer(value, name, 1) for value, name in zip(shard, ("i", "N"), strict=True))
    if number > count:
        raise ValueError(f"shard={number}/{count}: i must be between 1 and N.")
    return number, count
