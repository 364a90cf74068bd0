"""Seeded fuzz and injected faults: what would show a wrong answer, a crash or a silent loss before a user meets it."""

import os

# Before NumPy is imported: cases run side by side, one thread each.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
