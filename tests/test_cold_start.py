"""A fit in a fresh process with an empty cache, and one that finds what the first has compiled.

How long they take is for ``gmoe doctor --cold`` to say: a time asserted here would fail on a busy machine.
"""

import os
import subprocess
import sys

import pytest

FIT = """
from gmoe import GaussianMoERegressor
from gmoe.datasets import load_penguins
X, y = load_penguins(return_X_y=True)
fitted = GaussianMoERegressor(3, gate_features=[1], expert_features=[0], random_state=0).fit(X, y)
fitted.score_samples(X, y)
print(fitted.log_likelihood_.hex())
"""


def fit(cache):
    """Fit in a fresh process; return the printed log-likelihood and the files of the cache with their times."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FIT],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, {path.name: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="nothing is compiled")
def test_a_second_process_compiles_nothing(tmp_path):
    cold, compiled = fit(tmp_path)
    warm, unchanged = fit(tmp_path)
    assert float.fromhex(cold.strip()) == pytest.approx(-866.064839, abs=1e-5)  # the reference fit's last digit
    assert compiled
    assert unchanged == compiled
    assert warm == cold
