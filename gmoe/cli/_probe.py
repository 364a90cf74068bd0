"""How long the first fits of a fresh process take."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

# Fitted in the child: its own imports are part of what is measured.
CODE = """
import json, time
start = time.perf_counter()
from gmoe import GaussianMoERegressor
from gmoe._jit import cache_folder
from gmoe.datasets import load_penguins
imported = time.perf_counter()
def compiled():
    folder = cache_folder()
    return len(list(folder.glob("*.nbc"))) if folder else 0
X, y = load_penguins(return_X_y=True)
estimator = GaussianMoERegressor(3, gate_features=[1], expert_features=[0], random_state=0)
before = compiled()
seconds = [time.perf_counter()]
for _ in range(2):
    estimator.fit(X, y)
    seconds.append(time.perf_counter())
print(json.dumps({
    "import, s": round(imported - start, 3),
    "first fit, s": round(seconds[1] - seconds[0], 3),
    "second fit, s": round(seconds[2] - seconds[1], 3),
    "kernels compiled": compiled() - before,
}))
"""
LIMIT = 300


def probe(cold: bool) -> dict[str, Any]:
    """Fit the penguins twice in a process of its own.

    Parameters
    ----------
    cold : bool
        With an empty cache, so that all kernels are compiled.

    Returns
    -------
    dict
        Seconds of the import and of both fits, and how many kernels were added to the cache; or ``error``.
    """
    with tempfile.TemporaryDirectory() as empty:
        environment = os.environ | ({"NUMBA_CACHE_DIR": empty} if cold else {})
        try:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", CODE],
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return {"error": str(error)}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    return json.loads(done.stdout)
