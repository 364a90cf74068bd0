"""Set up the tests."""

import os
import subprocess
import sys

import numba

# scikit-learn reads it when it is imported; without it one of its estimator checks is skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# What compiles in several processes at once may be rounded differently in each of them, and studies promise the same
# bits. So one process compiles what they need before any worker of the tests starts.
COMPILE = """
from gmoe.study import Study
from gmoe.study.compute.replications import attempts, prepare, rows_of

study = Study.from_toml('''
name = "compile"
seed = 1
replications = 1
sizes = [60]
truth = "softmax_paper"
[x]
law = "uniform"
[[protocol]]
kind = "mle"
[[protocol]]
kind = "em"
stop = "relative"
tol = 1e-6
[[loss]]
kind = "exact"
''')
rows_of(study, attempts(study, prepare(study, 60, 0)))
"""


def pytest_configure(config):
    if not hasattr(config, "workerinput") and not numba.config.DISABLE_JIT:
        subprocess.run([sys.executable, "-c", COMPILE], check=True)
