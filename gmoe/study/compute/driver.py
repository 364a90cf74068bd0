"""The loop of a run: hand out batches, hear of their files, and pick up what killed workers leave."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from gmoe._jit import cache_folder
from gmoe.study.compute.batches import BatchReport, Queue, record_killed, run_batch
from gmoe.study.compute.engines import Dask, Serial, Workers, is_kill, was_killed
from gmoe.study.compute.replications import attempts, prepare, rows_of
from gmoe.study.describe.spec import Study
from gmoe.study.errors import StudyError
from gmoe.study.losses.base import Task
from gmoe.study.results.store import done_in, quarantine

# A replication that ended this many workers is given up.
MAX_KILLS = 3
# Pools that broke one after the other with nothing finished: then it is not one replication.
MAX_IN_VAIN = 5


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


@dataclass
class Driver:
    """One run: what is done so far, and the loop that gets the rest done.

    Attributes
    ----------
    study, folder, batch_seconds, batch_size, progress
        As in :func:`gmoe.study.run`.
    deadline : float
        Of :func:`time.monotonic`.
    interrupted : bool
    done, wanted : set of Task
    n_failed, n_quarantined : int
    """

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
    _in_vain: int = 0
    _kills: dict[Task, int] = field(default_factory=dict)
    _pool: Serial | Workers | Dask | None = None

    def scan(self) -> None:
        """Read the files that are not known yet; put damaged ones away."""
        for path, n_failed in done_in(self.folder, self.study, self._seen):
            if n_failed is None:
                quarantine(path)
                self.n_quarantined += 1
            else:
                self._note(path.name, n_failed)

    def complete(self, wanted: set[Task], start_pool: Callable) -> None:
        """Compute what is missing of ``wanted``."""
        self.wanted |= wanted
        missing = wanted - self.done
        if not missing:
            return
        if self._pool is None:
            if not _compiled():
                # One process compiles; many at once would all do the same.
                rows_of(self.study, attempts(self.study, prepare(self.study, *min(missing))))
            self._pool = start_pool()
        queue = Queue(missing, self._pool.n_workers, self.batch_seconds, self.batch_size)
        suspects = self._drive(self._pool, queue)
        for task in suspects if not self._late() else ():
            self._alone(task)
        self.interrupted = bool(wanted - self.done)

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close()

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
                except Exception as error:  # each engine has its own way to say that its workers are gone
                    if not is_kill(error):
                        raise
                    broken += tasks
            if self._late():
                running = {future: tasks for future, tasks in running.items() if not future.cancel()}
            if not running and not broken:
                return suspects
            for future in wait(running, return_when=FIRST_COMPLETED).done if not broken else ():
                tasks = running.pop(future)
                if was_killed(future):
                    broken += tasks
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
        self._in_vain += 1
        self.scan()
        if self._in_vain > MAX_IN_VAIN:
            raise StudyError(
                f"The workers were killed {self._in_vain} times in a row before any batch was finished; give them more "
                "memory or use fewer of them, or find the error with engine='serial'."
            )
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
        if was_killed(future):
            self._finished(record_killed(self.study, task, self.folder, MAX_KILLS), None)
        else:
            self._finished(future.result(), None)

    def _finished(self, report: BatchReport, queue: Queue | None) -> None:
        self._note(report.file, report.n_failed)
        if queue is not None:
            queue.learn(report.n_failed, report.seconds)
        if self.progress is not None:
            width = len(self.study.protocols)
            left = 0.0 if queue is None else queue.seconds_left
            done = width * len(self.done & self.wanted)
            self.progress(Progress(done, width * len(self.wanted), self.n_failed, left))

    def _note(self, file, n_failed):
        self._in_vain = 0
        self._seen.add(file)
        # Shards may overlap: each replication counts once.
        self.n_failed += sum(count for task, count in n_failed.items() if task not in self.done)
        self.done.update(n_failed)

    def _late(self):
        return time.monotonic() >= self.deadline


def _compiled() -> bool:
    folder = cache_folder()
    return folder is None or any(folder.glob("*.nbc"))
