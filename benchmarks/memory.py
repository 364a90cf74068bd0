"""Peak memory of a fit to a memory-mapped file, and growth over many small fits; each in a process of its own."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks._measure import Figure, child
from gmoe.datasets import make_gmoe

ROWS, COLUMNS, PIECE = 10_000_000, 5, 500_000

# VmHWM where there is one: ru_maxrss of a child starts at what its parent had.
_RESIDENT = """
import json, re, resource, sys, time, warnings
from pathlib import Path

def resident(field):
    try:
        text = Path("/proc/self/status").read_text()
        return int(re.search(field + r":\\s+(\\d+) kB", text)[1]) * 1024 / 1e6
    except (OSError, TypeError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
"""

_LARGE = (
    _RESIDENT
    + """
import numpy as np
from gmoe import GaussianMoERegressor
rows, columns = int(sys.argv[2]), int(sys.argv[3])
X = np.memmap(sys.argv[1] + "/X", dtype=np.float32, mode="r", shape=(rows, columns))
y = np.memmap(sys.argv[1] + "/y", dtype=np.float32, mode="r", shape=(rows,))
before, start = resident("VmHWM"), time.perf_counter()
r = GaussianMoERegressor(2, random_state=0).fit(X, y).fit_result_
seconds = time.perf_counter() - start
print(json.dumps([resident("VmHWM"), before, seconds, r.status, r.gradient, r.n_passes]))
"""
)

_MANY = (
    _RESIDENT
    + """
import gc
from gmoe import GaussianMoERegressor
from gmoe.datasets import make_gmoe

def fits(seeds):
    for seed in seeds:
        X, y, _, _ = make_gmoe(100 + seed % 100, 1 + seed % 2, 2, random_state=seed)
        GaussianMoERegressor(2, n_init=3, random_state=seed).fit(X, y)
    gc.collect()
    return resident("VmRSS")

warnings.simplefilter("ignore")
before = fits(range(50))
print(json.dumps([before, fits(range(50, 1050))]))
"""
)


def run():
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder))
        _, (peak, before, seconds, status, gradient, passes) = child(_LARGE, folder, ROWS, COLUMNS)
    detail = (
        f"{seconds:.0f} s for {passes} passes over all rows, default settings, 1 thread; {before:.0f} MB before the "
        f"fit; gradient {gradient:.0e}, status {status}"
    )
    yield Figure(f"peak resident memory, {ROWS} x {COLUMNS} float32 memory-mapped, k=2", peak, "< 600", "MB", detail)
    _, (before, after) = child(_MANY)
    yield Figure("growth over 1000 small fits", after - before, "< 20", "MB", f"{after:.0f} MB at the end")


def _write(folder):
    """Two files of float32, written piece by piece."""
    X = np.memmap(folder / "X", dtype=np.float32, mode="w+", shape=(ROWS, COLUMNS))
    y = np.memmap(folder / "y", dtype=np.float32, mode="w+", shape=(ROWS,))
    _, _, truth, _ = make_gmoe(1, COLUMNS, 2)
    rng = np.random.default_rng(1)
    for lo in range(0, ROWS, PIECE):
        rows = rng.uniform(-1.0, 1.0, (min(PIECE, ROWS - lo), COLUMNS))
        X[lo : lo + PIECE] = rows
        y[lo : lo + PIECE] = truth.sample(rows, rng)[0]
    X.flush()
    y.flush()
