"""Evidence that studies survive: ``python -m benchmarks.reliability [--kills 20] [--engines joblib dask] [--seed 1]``.

For each engine a study is run with two workers, and at random times a worker or the driver (in turn) is killed with
SIGKILL; a killed driver is started again.  At the end, and for batch sizes, numbers of workers, shards and serial runs
besides, the table must equal that of an unbroken run to the last bit, with every replication once; what a kill costs is
counted in replications done twice.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gmoe.study import Study, merge, run, table
from gmoe.study.results.manifest import load_study
from gmoe.study.results.store import done_in

TEXT = """
name = "reliability"
seed = 11
replications = {replications}
sizes = [300, 1000, 3000]
truth = "softmax_paper"

[x]
law = "uniform"

[[protocol]]
kind = "mle"
n_init = 2

[[protocol]]
kind = "em"
max_iter = 200
"""
DRIVER = """
import sys
from gmoe.study import run
if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], n_jobs=2, engine=sys.argv[3], batch_seconds=1.0)
"""
MARKS = {"joblib": "popen_loky", "dask": "multiprocessing.spawn"}


def descendants(pid):
    """Processes below one, with their command lines."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [
        (int(own), int(parent), args) for own, parent, args in (line.split(None, 2) for line in listing.splitlines())
    ]
    below = {pid}
    while grown := {own for own, parent, _ in rows if parent in below} - below:
        below |= grown
    return {own: args for own, _, args in rows if own in below - {pid}}


def kill(pid):
    """SIGKILL, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def survive(study_file, folder, engine, kills, rng):
    """Run to the end through random kills; return how many were dealt to workers and drivers."""
    arguments = [sys.executable, "-c", DRIVER, str(study_file), str(folder), engine]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    dealt = {"worker": 0, "driver": 0}
    driver = None
    while driver is None or driver.poll() is None:
        if driver is None:
            driver = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
            # Up to the first batches, else all kills would hit the start.
            time.sleep(4.0)
        time.sleep(rng.uniform(0.0, 3.0))
        if sum(dealt.values()) >= kills or driver.poll() is not None:
            driver.wait()
            break
        victim = "worker" if sum(dealt.values()) % 2 == 0 else "driver"
        below = descendants(driver.pid)
        workers = [pid for pid, args in below.items() if MARKS[engine] in args]
        if victim == "driver":
            kill(driver.pid)
            driver.wait()
            for pid in below if engine == "dask" else ():
                kill(pid)
            driver = None
        elif workers:
            kill(int(rng.choice(workers)))
        dealt[victim] += 1
    assert driver is not None and driver.returncode == 0, driver
    return dealt


def same(folder, expected):
    """Whether a folder's table is the expected one, and how many replications were done twice."""
    frame = table(folder).drop(columns="seconds")
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    tasks = [task for _, n_failed in done_in(Path(folder), load_study(folder), set()) for task in n_failed or ()]
    return len(tasks) - len(set(tasks))


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--engines", nargs="+", default=["joblib", "dask"])
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="gmoe-reliability-"))
    study_file = home / "study.toml"
    study_file.write_text(TEXT.format(replications=options.replications))
    study = Study.from_toml(study_file)
    begin = time.perf_counter()
    run(study, home / "serial", engine="serial")
    expected = table(home / "serial").drop(columns="seconds")
    print(f"unbroken serial run: {len(expected)} fits, {time.perf_counter() - begin:.0f} s", flush=True)
    rng = np.random.default_rng(options.seed)
    for engine in options.engines:
        begin = time.perf_counter()
        dealt = survive(study_file, home / engine, engine, options.kills, rng)
        twice = same(home / engine, expected)
        print(f"{engine}: {dealt} kills, table equal, {twice} replications twice, {time.perf_counter() - begin:.0f} s")
    for name, settings in {
        "2 workers": {"n_jobs": 2}, "4 workers": {"n_jobs": 4}, "batches of 1": {"batch_size": 1},
        "batches of 7": {"batch_size": 7, "n_jobs": 2}, "batches of 50": {"batch_size": 50},
        "dask": {"engine": "dask", "n_jobs": 2},
    }.items():  # fmt: skip
        run(study, home / name, **settings)
        same(home / name, expected)
        print(f"{name}: table equal", flush=True)
        shutil.rmtree(home / name)
    for i in (1, 2, 3):
        run(study, home / f"part{i}", shard=(i, 3))
    merge([home / f"part{i}" for i in (1, 2, 3)], home / "merged")
    same(home / "merged", expected)
    print("3 shards merged: table equal")
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
