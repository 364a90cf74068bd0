"""Set up the tests."""

import os
import subprocess
import sys

# scikit-learn reads it when it is imported; without it one of its estimator checks is skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# What compiles in several processes at once may be rounded differently in each of them, and studies promise the same
# bits. So one process compiles what they need before any worker of the tests starts.
COMPILE = """
from gmoe.study import Study
from gmoe.study.rows import replicate
text = 'name = "compile"\\nseed = 1\\nreplications = 1\\nsizes = [60]\\ntruth = "softmax_paper"\\n[x]\\nlaw = "uniform"\\n'
text += '[[protocol]]\\nkind = "mle"\\n[[protocol]]\\nkind = "em"\\nstop = "relative"\\ntol = 1e-6\\n[[loss]]\\nkind = "exact"\\n'
replicate(Study.from_toml(text), 60, 0)
"""


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        subprocess.run([sys.executable, "-c", COMPILE], check=True)
