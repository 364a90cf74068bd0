"""Run, resume, merge and read studies."""

import os
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from gmoe._jit import cache_folder
from gmoe._validation import check_choice, check_integer, check_positive
from gmoe.study.batches import BatchReport, Queue, record_killed, run_batch
from gmoe.study.engines import ENGINES, Dask, Serial, Workers, is_kill, make_pool
from gmoe.study.errors import StoreError
from gmoe.study.lock import locked
from gmoe.study.manifest import load_study, read_manifest, refuse_changes, write_manifest
from gmoe.study.rows import replicate
from gmoe.study.spec import Study
from gmoe.study.store import Task, copy_files, done_in, quarantine, read_table, sweep

# A replication that ended this many workers is given up.
MAX_KILLS = 3
# More workers than this per core only take turns.
WORKERS_PER_CORE = 4
# With a target precision: numbers of replications at which it is looked at.
LOOKS = (10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240)


@dataclass(frozen=True)
class Progress:
    """State of a run, as handed to the ``progress`` callback after each batch.

    Attributes
    ----------
    n_done, n_total : int
        Fits: rows of the table, those of earlier runs included. With a shard or a target precision ``n_total`` counts
        what this run is to do.
    n_failed : int
    seconds_left : float
        nan before the first batch.
    """

    n_done: int
    n_total: int
    n_failed: int
    seconds_left: float


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    n_done : int
        Fits in the folder, failed ones included.
    n_failed : int
        Of them failed, or given up because they killed their workers.
    n_missing : int
        Still to do: of the shard, if there is one.
    n_quarantined : int
        Files that were damaged, and have been computed again or will be.
    interrupted : bool
        By Ctrl-C, or by the time limit.
    """

    n_done: int
    n_failed: int
    n_missing: int
    n_quarantined: int = 0
    interrupted: bool = False


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
        For the results; made if it is not there. With results of this study in it, they are kept and completed.
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
        driver = _Driver(study, folder, batch_seconds, batch_size, deadline, progress)
        driver.scan()
        try:
            for wanted in _stages(study, folder, part, target_mcse):
                driver.complete(wanted, lambda: make_pool(engine, n_jobs, scheduler))
        except KeyboardInterrupt:
            driver.interrupted = True
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


def table(folder: str | Path) -> pd.DataFrame:
    """Return all results, sorted by protocol, size and replication; columns as in :mod:`gmoe.study.store`.

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
    """Bring the results of several folders of one study, as of its shards, together.

    Parameters
    ----------
    folders : iterable of path
    into : path
        New, or a folder of the same study.

    Raises
    ------
    ChangedStudyError
        Where the folders belong to different studies; then nothing is copied.
    """
    sources = [Path(folder) for folder in folders]
    if not sources:
        raise ValueError("merge needs at least one folder of results.")
    study = load_study(sources[0])
    for source in sources:
        refuse_changes(source, read_manifest(source)["study"], study)
    target = _made(into)
    with locked(target, None):
        write_manifest(target, study, {"merged": [source.name for source in sources]})
        damaged = copy_files(sources, target)
    if damaged:
        warnings.warn(f"{damaged} damaged files were left out; run the study on {target} to compute them anew.",
                      RuntimeWarning, stacklevel=2)  # fmt: skip
    return status(target)


@dataclass
class _Driver:
    """One run: what is done so far, and the loop that gets the rest done."""

    study: Study
    folder: Path
    batch_seconds: float
    batch_size: int | None
    deadline: float
    progress: Callable[[Progress], None] | None
    interrupted: bool = False
    n_failed: int = 0
    n_quarantined: int = 0
    done: set[Task] = field(default_factory=set)
    wanted: set[Task] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _kills: dict[Task, int] = field(default_factory=dict)
    _pool: Serial | Workers | Dask | None = None

    def scan(self) -> None:
        """Read the files that are not known yet; put damaged ones away."""
        for path, tasks, n_failed in done_in(self.folder, self._seen):
            if tasks is None:
                quarantine(path)
                self.n_quarantined += 1
            else:
                self._note(path.name, tasks, n_failed)

    def complete(self, wanted: set[Task], start_pool: Callable) -> None:
        """Compute what is missing of ``wanted``."""
        self.wanted |= wanted
        missing = wanted - self.done
        if not missing:
            return
        if self._pool is None:
            if self.batch_size is None and not _compiled():
                # One process compiles; many at once would all do the same.
                replicate(self.study, *min(missing))
            self._pool = start_pool()
        queue = Queue(missing, self._pool.n_workers, self.batch_seconds, self.batch_size)
        suspects = self._drive(self._pool, queue)
        for task in suspects if not self._late() else ():
            self._alone(task)
        self.interrupted = bool(wanted - self.done)

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close(kill=self.interrupted)

    def outcome(self) -> Outcome:
        """Count at the end, from what the folder holds now."""
        self.scan()
        width = len(self.study.protocols)
        n_missing = width * len(self.wanted - self.done)
        return Outcome(width * len(self.done), self.n_failed, n_missing, self.n_quarantined, self.interrupted)

    def _drive(self, pool, queue: Queue) -> list[Task]:
        """Keep the pool busy until the queue is empty; return the replications that ended two workers."""
        running: dict[Future, tuple[Task, ...]] = {}
        suspects: list[Task] = []
        while True:
            broken: list[Task] = []
            while not broken and len(running) < pool.window and not self._late() and (tasks := queue.take()):
                try:
                    running[pool.submit(run_batch, self.study, tasks, self.folder)] = tasks
                except Exception as error:
                    if not is_kill(error):
                        raise
                    broken += tasks
            if not running and not broken:
                return suspects
            for future in wait(running, return_when=FIRST_COMPLETED).done if not broken else ():
                tasks, error = running.pop(future), future.exception()
                if is_kill(error):
                    broken += tasks
                elif error is not None:
                    raise error
                else:
                    self._finished(future.result(), queue)
            if broken:
                # Only a cluster mends itself; here all that was running has broken off.
                if not isinstance(pool, Dask):
                    broken += [task for tasks in running.values() for task in tasks]
                    running.clear()
                pool.restart()
                suspects += self._sort_out(broken, queue, final=isinstance(pool, Dask))

    def _sort_out(self, broken, queue, final) -> list[Task]:
        """Put back what a killed worker left, but not what may have killed two."""
        self.scan()
        left = [task for task in broken if task not in self.done]
        for task in left:
            self._kills[task] = self._kills.get(task, 0) + (MAX_KILLS - 1 if final else 1)
        suspects = [task for task in left if self._kills[task] >= MAX_KILLS - 1]
        queue.put_back(task for task in left if self._kills[task] < MAX_KILLS - 1)
        return suspects

    def _alone(self, task: Task) -> None:
        """Run a replication by itself; if its worker is killed again, record that and leave it."""
        assert self._pool is not None
        future = self._pool.alone(run_batch, self.study, (task,), self.folder)
        error = future.exception()
        if error is None:
            report = future.result()
        elif is_kill(error):
            report = record_killed(self.study, task, self.folder, self._kills[task] + 1)
        else:
            raise error
        self._finished(report, None)

    def _finished(self, report: BatchReport, queue: Queue | None) -> None:
        self._note(report.file, report.tasks, report.n_failed)
        if queue is not None:
            queue.learn(report.tasks, report.seconds)
        if self.progress is not None:
            width = len(self.study.protocols)
            left = 0.0 if queue is None else queue.seconds_left
            done = width * len(self.done & self.wanted)
            self.progress(Progress(done, width * len(self.wanted), self.n_failed, left))

    def _note(self, file, tasks, n_failed):
        self._seen.add(file)
        if not self.done.issuperset(tasks):
            self.n_failed += n_failed
        self.done.update(tasks)

    def _late(self):
        return time.monotonic() >= self.deadline


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


def _compiled() -> bool:
    folder = cache_folder()
    return folder is None or any(folder.glob("*.nbc"))


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
