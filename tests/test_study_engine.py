"""The same bits from every engine, batch size, shard and resumption."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

from gmoe.metrics import voronoi_loss
from gmoe.study import (
    FolderInUseError,
    Study,
    StudyError,
    load_study,
    measure_table,
    merge,
    replay,
    run,
    status,
    table,
)
from gmoe.study.results.columns import columns
from gmoe.study.results.fits import model_of
from gmoe.study.results.lock import locked

TEXT = """
name = "small"
seed = 7
replications = 6
sizes = [60, 90]
truth = "softmax_paper"

[x]
law = "uniform"

[[protocol]]
kind = "mle"
starts = "near_truth"

[[protocol]]
kind = "em"
stop = "relative"
tol = 1e-6

[[loss]]
kind = "exact"
"""


@pytest.fixture(scope="module")
def study():
    return Study.from_toml(TEXT)


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    """The folder of an unbroken run."""
    folder = tmp_path_factory.mktemp("whole")
    outcome = run(study, folder, engine="serial")
    assert (outcome.n_done, outcome.n_failed, outcome.n_missing) == (24, 0, 0)
    return folder


def same(folder, other):
    left, right = (table(each).drop(columns="seconds") for each in (folder, other))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_table_is_what_the_store_says(study, whole):
    frame = table(whole)
    assert list(frame) == list(columns(study))
    assert frame.dtypes["n"] == frame.dtypes["n_iter"] == np.int64 and frame["certified"].dtype.kind == "b"
    assert frame["loss:exact"].dtype == float and frame["error"].eq("").all()
    assert list(frame["protocol"]) == ["em"] * 12 + ["mle"] * 12
    mle = frame[frame["protocol"] == "mle"]
    assert mle["certified"].all() and mle["cells"].eq("1+1").all() and (mle["gradient"] <= 1e-8).all()
    assert not frame[frame["protocol"] == "em"]["certified"].any()


def test_protocols_see_the_same_data(whole):
    first, second = (replay(whole, protocol, 60, 2) for protocol in ("mle", "em"))
    assert np.array_equal(first.X, second.X) and np.array_equal(first.y, second.y)


def test_replay_and_parameters_give_the_row_again(study, whole):
    row = table(whole).query("protocol == 'mle' and n == 90").iloc[3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = replay(whole, "mle", 90, row["replication"])
    assert again.losses["exact"] == row["loss:exact"] and again.fitted.log_likelihood == row["log_likelihood"]
    fitted = model_of(study, row)
    again = measure_table(study, table(whole).loc[[row.name]], study.losses)
    assert again["loss:exact"].tolist() == [row["loss:exact"]] and again["error"].tolist() == [""]
    assert voronoi_loss(fitted, study.truth, kind="exact").value == row["loss:exact"]


@pytest.mark.parametrize("size", [1, 7, 50])
def test_batch_size_changes_nothing(study, whole, tmp_path, size):
    run(study, tmp_path, engine="serial", batch_size=size)
    same(tmp_path, whole)


def test_workers_change_nothing(study, whole, tmp_path):
    run(study, tmp_path / "two", n_jobs=2, batch_size=2)
    same(tmp_path / "two", whole)


@pytest.mark.slow
def test_dask_changes_nothing(study, whole, tmp_path):
    run(study, tmp_path, engine="dask", n_jobs=2, batch_size=3)
    same(tmp_path, whole)


@pytest.mark.parametrize("address", ["nonsense", "", "tcp://host", "foo://host:1"])
def test_what_is_no_address_is_refused_at_once(study, tmp_path, address):
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match="is no address .*give that of a dask scheduler"):
        run(study, tmp_path, engine="dask", scheduler=address)


def test_shards_merge_to_the_whole(study, whole, tmp_path):
    parts = [tmp_path / str(i) for i in (1, 2, 3)]
    for i, part in enumerate(parts, start=1):
        assert run(study, part, engine="serial", shard=(i, 3)).n_missing == 0
    assert status(parts[0]).n_missing == 16
    assert merge(parts, tmp_path / "all").n_missing == 0
    same(tmp_path / "all", whole)


def test_shards_may_share_a_folder(study, whole, tmp_path):
    for i in (1, 2):
        run(study, tmp_path, engine="serial", shard=(i, 2))
    same(tmp_path, whole)


def test_other_sizes_and_replications_change_nothing(whole, tmp_path):
    more = TEXT.replace("[60, 90]", "[30, 90, 100]").replace("replications = 6", "replications = 8")
    run(Study.from_toml(more), tmp_path, engine="serial")
    frame = table(tmp_path).query("n == 90 and replication < 6").reset_index(drop=True).drop(columns="seconds")
    expected = table(whole).query("n == 90").reset_index(drop=True).drop(columns="seconds")
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)


class StopAfter:
    """Presses Ctrl-C after some batches."""

    def __init__(self, count):
        self.count = count

    def __call__(self, progress):
        self.count -= 1
        if self.count == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("count", [1, 3, 4])
def test_an_interrupted_run_resumes(study, whole, tmp_path, count):
    outcome = run(study, tmp_path, engine="serial", batch_size=2, progress=StopAfter(count))
    assert outcome.interrupted and outcome.n_done == 4 * count and outcome.n_missing == 24 - 4 * count
    outcome = run(study, tmp_path, engine="serial", batch_size=3)
    assert (outcome.n_done, outcome.n_missing, outcome.interrupted) == (24, 0, False)
    same(tmp_path, whole)


def test_time_limit(study, whole, tmp_path):
    outcome = run(study, tmp_path, engine="serial", max_time=1e-9)
    assert outcome.interrupted and outcome.n_missing == 24
    run(study, tmp_path, engine="serial", max_time=1000)
    same(tmp_path, whole)


def test_target_precision(tmp_path):
    study = Study.from_toml(TEXT.replace("replications = 6", "replications = 25"))
    seen = []
    outcome = run(study, tmp_path, engine="serial", target_mcse=0.3, progress=seen.append)
    counts = table(tmp_path).groupby(["protocol", "n"]).size()
    assert set(counts) <= {10, 20, 25} and counts.min() < 25 and outcome.n_missing == 0
    assert seen[-1].n_done == outcome.n_done == counts.sum()
    run(study, tmp_path / "two", engine="serial", target_mcse=0.3, batch_size=3)
    same(tmp_path, tmp_path / "two")


BATCH = """
import sys
from pathlib import Path
from gmoe.study.compute.batches import run_batch
from gmoe.study.describe.spec import Study
run_batch(Study.from_toml(Path(sys.argv[1])), [(60, 0)], Path(sys.argv[2]))
print({"sklearn", "pandas", "scipy.stats", "scipy.optimize"} & {*sys.modules})
"""


def test_workers_import_little(tmp_path):
    """Each of these takes as long to import as fifty fits or more."""
    (tmp_path / "study.toml").write_text(TEXT)
    arguments = [sys.executable, "-c", BATCH, str(tmp_path / "study.toml"), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


DRIVER = """
import sys
from gmoe.study import run
if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], n_jobs=2, batch_size=2)
"""


def workers_of(pid):
    """Processes that a driver started and that compute."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 2) for line in listing.splitlines()]
    return [int(own) for own, parent, args in lines if int(parent) == pid and "popen_loky" in args]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_workers_and_drivers_lose_nothing(tmp_path):
    text = TEXT.replace("replications = 6", "replications = 30").replace("[60, 90]", "[3000, 4000]")
    (tmp_path / "study.toml").write_text(text)
    study = Study.from_toml(text)
    run(study, tmp_path / "whole", engine="serial")
    folder, rng = tmp_path / "killed", np.random.default_rng(5)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-c", DRIVER, str(tmp_path / "study.toml"), str(folder)]
    for victim in ("worker", "driver"):
        driver = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
        before = len(list(folder.glob("results/*.parquet")))
        while len(list(folder.glob("results/*.parquet"))) <= before + 1 and driver.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.1))
        workers = workers_of(driver.pid)
        for pid in (workers if victim == "worker" else [driver.pid])[:1]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if victim == "worker":
            assert driver.wait() == 0
            same(folder, tmp_path / "whole")
            for path in sorted(folder.glob("results/*.parquet"))[::2]:
                path.unlink()
        else:
            driver.wait()
    wait_for_ends(workers)
    run(study, folder, engine="serial")
    same(folder, tmp_path / "whole")


def wait_for_ends(pids):
    """Workers end soon after a killed driver; till then they may write. A zombie (Z) has ended."""
    while pids:
        listing = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True).stdout
        states = dict(line.split() for line in listing.splitlines())
        pids = [pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")]
        time.sleep(0.1)


def test_a_replication_that_kills_is_recorded_and_left(study, whole, tmp_path, monkeypatch):
    """It kills a worker of the pool, a second one, and the process in which it runs alone; others are not blamed."""

    def deadly(study, tasks, folder):
        import os

        from gmoe.study.compute.batches import run_batch

        if (90, 2) in tasks:
            os.kill(os.getpid(), 9)
        return run_batch(study, tasks, folder)

    monkeypatch.setattr("gmoe.study.compute.driver.run_batch", deadly)
    outcome = run(study, tmp_path, n_jobs=2, batch_size=2)
    assert (outcome.n_done, outcome.n_failed, outcome.n_missing) == (24, 2, 0)
    frame, expected = table(tmp_path), table(whole)
    killed = (frame["n"] == 90) & (frame["replication"] == 2)
    assert frame[killed]["status"].eq("killed").all()
    assert frame[killed]["error"].eq("WorkerKilled: its worker was killed 3 times").all()
    assert frame[killed]["loss:exact"].isna().all() and not frame[killed]["certified"].any()
    pd.testing.assert_frame_equal(
        frame[~killed].drop(columns="seconds"), expected[~killed].drop(columns="seconds"), check_exact=True
    )
    monkeypatch.undo()
    assert run(study, tmp_path).n_failed == 2


def test_overlapping_shards_count_failures_once(study, tmp_path, monkeypatch):
    monkeypatch.setattr("gmoe.study.protocols.protocols.MaximumLikelihood.fit", lambda *_: 1 / 0)
    run(study, tmp_path / "a", engine="serial", shard=(1, 2), batch_size=50)
    run(study, tmp_path / "b", engine="serial", shard=(1, 3), batch_size=50)
    for file in (tmp_path / "b" / "results").iterdir():
        file.rename(tmp_path / "a" / "results" / file.name)
    assert run(study, tmp_path / "a", engine="serial").n_failed == status(tmp_path / "a").n_failed


@pytest.mark.slow
def test_workers_that_always_die_end_the_run(study, tmp_path, monkeypatch):
    def deadly(study, tasks, folder):
        import os

        os.kill(os.getpid(), 9)

    monkeypatch.setattr("gmoe.study.compute.driver.run_batch", deadly)
    monkeypatch.setattr("gmoe.study.compute.driver.MAX_IN_VAIN", 1)
    with pytest.raises(StudyError, match="killed 2 times in a row .*engine='serial'"):
        run(study, tmp_path, n_jobs=2, batch_size=1)
    assert status(tmp_path).n_done == 0


def test_a_folder_in_use_is_refused(study, whole, tmp_path):
    with locked(whole, None), pytest.raises(FolderInUseError, match=f"process {os.getpid()} on .*give another folder"):
        run(study, whole)
    with locked(whole, (1, 2)):
        with pytest.raises(FolderInUseError, match="in use"):
            run(study, whole, shard=(1, 2))
        with pytest.raises(FolderInUseError, match="in use"):
            run(study, whole)
        assert run(study, whole, shard=(2, 2)).n_missing == 0


def test_manifest(study, whole):
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["study"] == study.to_dict() and load_study(whole).to_dict() == study.to_dict()
    assert {"versions", "git", "cpu", "started", "n_jobs"} <= set(manifest["runs"][0])
