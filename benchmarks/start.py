"""The first fit of a fresh process, import included, with an empty compilation cache and with a warm one."""

import tempfile

from benchmarks._measure import Figure, child

_FIT = """
from gmoe import GaussianMoERegressor
from gmoe.datasets import load_penguins
X, y = load_penguins(return_X_y=True)
GaussianMoERegressor(2, gate_features=[1], expert_features=[0], random_state=0).fit(X, y)
"""


def run():
    with tempfile.TemporaryDirectory() as folder:
        cold, _ = child(_FIT, NUMBA_CACHE_DIR=folder)
        warm = min(child(_FIT, NUMBA_CACHE_DIR=folder)[0] for _ in range(5))
    yield Figure("first fit of a process, empty cache", cold, "< 20", "s")
    yield Figure("first fit of a process, warm cache", warm, "< 2", "s")
