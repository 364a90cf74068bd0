"""Batches: what a worker computes and writes in one go, and how many replications that is."""

import time
import warnings
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmoe.solvers._blas import single_threaded
from gmoe.study.compute.replications import Attempt, attempts, failed_row, prepare, rows_of
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import Task
from gmoe.study.results.columns import KILLED
from gmoe.study.results.store import failures, write_rows

# Results wait in memory no longer than that many replications.
MAX_TASKS = 5000
# Observations that wait in memory: to draw one data set after the other costs half of what it does between fits, which
# push its code out of the processor's cache.
DRAWN_TOGETHER = 10_000
# Shorter batches than this many seconds are mostly their file.
MIN_SECONDS = 0.2
# A fit costs as much as this many observations before it has seen any; measured with two experts.
BASE_COST = 5000


@dataclass(frozen=True)
class BatchReport:
    """What the driver hears of a batch: the file has the rest."""

    file: str
    n_failed: dict[Task, int]
    seconds: float


def run_batch(study: Study, tasks: Sequence[Task], folder: Path) -> BatchReport:
    """Compute replications and write them as one file; an interrupt keeps those that are finished."""
    begin = time.perf_counter()
    found: list[Attempt] = []
    try:
        with _quiet():
            for group in _groups(tasks):
                for prepared in [prepare(study, *task) for task in group]:
                    found += attempts(study, prepared)
    except KeyboardInterrupt:
        if found:
            _write(folder, study, found)
        raise
    path, n_failed = _write(folder, study, found)
    return BatchReport(path.name, n_failed, time.perf_counter() - begin)


def record_killed(study: Study, task: Task, folder: Path, kills: int) -> BatchReport:
    """Write the rows of a replication that is given up."""
    error = f"WorkerKilled: its worker was killed {kills} times"
    rows = [failed_row(study, protocol, *task, KILLED, error) for protocol in study.protocols]
    return BatchReport(write_rows(folder, study, rows).name, {task: len(rows)}, 0.0)


def _write(folder, study, found):
    """Measure and write attempts; return the path, and the failed fits of each replication."""
    with _quiet():
        rows = rows_of(study, found)
    return write_rows(folder, study, rows), failures((row["n"], row["replication"], row["status"]) for row in rows)


def _groups(tasks):
    """Cut tasks, the largest first, into those whose data are drawn together."""
    while tasks:
        count = max(DRAWN_TOGETHER // tasks[0][0], 1)
        yield tasks[:count]
        tasks = tasks[count:]


@contextmanager
def _quiet():
    """One thread in BLAS, and no warnings: a fit's evidence is in its row."""
    with single_threaded(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Queue:
    """Replications still to do, the largest sizes first, cut into batches by what the last ones cost.

    Parameters
    ----------
    tasks : iterable of Task
    n_workers : int
    batch_seconds : float
    batch_size : int or None
        A fixed number of replications instead.
    """

    def __init__(self, tasks: Iterable[Task], n_workers: int, batch_seconds: float, batch_size: int | None):
        self._tasks = sorted(tasks, key=lambda task: (task[0], -task[1]))
        self._n_workers, self._batch_seconds, self._batch_size = n_workers, batch_seconds, batch_size
        self._left = sum(_cost(task) for task in self._tasks)
        self._rate: float | None = None

    def __len__(self):
        return len(self._tasks)

    @property
    def seconds_left(self) -> float:
        """Time that the replications in the queue will take on all workers; nan before the first batch."""
        return float("nan") if self._rate is None else self._left * self._rate / self._n_workers

    def take(self) -> tuple[Task, ...]:
        """Next batch; empty at the end."""
        budget = self._budget()
        taken: list[Task] = []
        while self._tasks and (not taken or budget >= _cost(self._tasks[-1])) and len(taken) < self._most():
            budget -= _cost(self._tasks[-1])
            taken.append(self._tasks.pop())
        self._left -= sum(map(_cost, taken))
        return tuple(taken)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Return replications that were not done."""
        tasks = list(tasks)
        self._left += sum(map(_cost, tasks))
        self._tasks = sorted([*self._tasks, *tasks], key=lambda task: (task[0], -task[1]))

    def learn(self, tasks: Collection[Task], seconds: float) -> None:
        """Take note of what a batch cost."""
        rate = seconds / max(sum(map(_cost, tasks)), 1)
        self._rate = rate if self._rate is None else 0.5 * (self._rate + rate)

    def _budget(self) -> float:
        """Cost of the next batch: towards the end less, so that all workers end together."""
        if self._batch_size is not None:
            return float("inf")
        if self._rate is None:
            return 0.0
        seconds = max(min(self._batch_seconds, self.seconds_left / 2), MIN_SECONDS)
        return seconds / self._rate

    def _most(self) -> int:
        return MAX_TASKS if self._batch_size is None else self._batch_size


def _cost(task: Task) -> int:
    return task[0] + BASE_COST
