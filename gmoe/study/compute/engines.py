"""Where batches are computed: in this process, in worker processes, or on a dask cluster.

All three are seen as an executor of :mod:`concurrent.futures`, so that one loop drives them.  A worker that is killed
breaks its pool; the loop then starts a new one and asks the results folder what is left.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from multiprocessing import resource_tracker
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor

from gmoe._interrupt import held
from gmoe.study.errors import StudyError

ENGINES = ("joblib", "serial", "dask")
#: One thread each: the parallelism is over replications.
WORKER_ENVIRONMENT = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Serial:
    """The process itself: nothing to start, nothing survives its end."""

    n_workers = 1
    window = 1

    def submit(self, function: Callable, *arguments) -> Future:
        """Compute now."""
        future: Future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # a future hands on whatever was raised
            future.set_exception(error)
        return future

    alone = submit

    def restart(self) -> None:
        """Nothing can have broken."""

    def close(self) -> None:
        """Nothing to close."""


class Workers:
    """Processes of this machine by joblib's loky: spawned, never forked."""

    def __init__(self, n_jobs: int):
        self.n_workers = n_jobs
        # One batch more than workers, so that none waits for the driver.
        self.window = n_jobs + 1
        self._pool = _loky(n_jobs)
        self._single: ProcessPoolExecutor | None = None

    def submit(self, function: Callable, *arguments) -> Future:
        """Compute on the next free worker; a broken pool raises here, or in the future."""
        with held():
            return self._pool.submit(function, *arguments)

    def alone(self, function: Callable, *arguments) -> Future:
        """Compute with nothing beside it and wait for it: if its process is killed, there is no doubt by what."""
        self._single = self._single or _loky(1)
        with held():
            future = self._single.submit(function, *arguments)
        if was_killed(future):
            self._single.shutdown(kill_workers=True)
            self._single = None
        return future

    def restart(self) -> None:
        """Replace a broken pool."""
        self._pool.shutdown(kill_workers=True)
        self._pool = _loky(self.n_workers)

    def close(self) -> None:
        """End the workers at once: what they finished is on the disk, and ending by themselves takes them longer."""
        for pool in filter(None, (self._pool, self._single)):
            pool.shutdown(kill_workers=True)


class Dask:
    """Workers of a dask cluster, an own one on this machine or that of a scheduler's address."""

    def __init__(self, n_jobs: int, scheduler: str | None):
        try:
            import distributed
        except ImportError as error:
            raise StudyError("The dask engine needs dask[distributed]: pip install 'gmoe[cluster]'.") from error
        self._cluster: Any = None
        if scheduler is not None:
            _check_address(scheduler, distributed)
        else:
            with held():
                self._cluster = distributed.LocalCluster(
                    n_workers=n_jobs,
                    threads_per_worker=1,
                    dashboard_address=None,
                    env=WORKER_ENVIRONMENT,
                    silence_logs=50,
                    # Without a dashboard too it opens a port, by default one that another cluster may have.
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                )
        try:
            self._client = distributed.Client(self._cluster or scheduler, set_as_default=False, timeout=30)
        except (OSError, TimeoutError, ValueError) as error:
            raise StudyError(f"No dask scheduler answers at {scheduler}: {error}.") from error
        self.n_workers = n_jobs if scheduler is None else max(len(self._client.scheduler_info(-1)["workers"]), 1)
        self.window = self.n_workers + max(self.n_workers // 2, 1)
        self._executor = self._client.get_executor(pure=False)

    def submit(self, function: Callable, *arguments) -> Future:
        """Compute on the cluster, which itself restarts killed workers and gives up after three."""
        return self._executor.submit(function, *arguments)

    alone = submit

    def restart(self) -> None:
        """Nothing to do: the cluster did it."""

    def close(self) -> None:
        """Leave the cluster; an own one ends."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _check_address(scheduler, distributed):
    """Refuse what is no address at once: a client that never connected takes a minute to give up."""
    try:
        scheme = distributed.comm.parse_address(scheduler)[0]
        distributed.comm.registry.get_backend(scheme)
        if scheme in ("tcp", "tls", "ws", "wss"):
            distributed.comm.get_address_host_port(scheduler)
    except ValueError as error:
        raise ValueError(
            f"scheduler={scheduler!r} is no address ({error}); give that of a dask scheduler, as tcp://10.0.0.1:8786."
        ) from error


def make_pool(engine: str, n_jobs: int, scheduler: str | None) -> Serial | Workers | Dask:
    """Start an engine."""
    if engine == "dask":
        return Dask(n_jobs, scheduler)
    return Workers(n_jobs) if engine == "joblib" and n_jobs > 1 else Serial()


def is_kill(error: BaseException | None) -> bool:
    """Whether an error says that a worker died."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def was_killed(future: Future) -> bool:
    """Whether a future failed because its worker died; a StudyError where the whole cluster has gone."""
    try:
        return is_kill(future.exception())
    except CancelledError as error:
        raise StudyError("The cluster has gone; finished batches are safe, run again to resume.") from error


def _loky(n_jobs):
    # Started with the first worker it would let signals through again, of which that worker would then die.
    resource_tracker.ensure_running()
    return ProcessPoolExecutor(
        n_jobs, initializer=_prepare, initargs=(os.getpid(),), env=WORKER_ENVIRONMENT, timeout=600
    )


def _prepare(driver):
    """Leave Ctrl-C, which reaches all processes of a terminal, to the driver; end when that has been killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(driver,), daemon=True).start()


def _end_with(driver):
    while os.getppid() == driver:
        time.sleep(0.2)
    os._exit(1)
