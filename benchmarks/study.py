"""The overhead of a study of 10 000 short fits on two workers: how much of both cores' time is inside fits.

Wall time is that of ``run``, start and end of the workers included.  On a busy machine it says nothing; two cores must
be free.
"""

import tempfile
import time

from benchmarks._measure import Figure
from gmoe.study import Study, table
from gmoe.study import run as run_study

WORKERS = 2
STUDY = """
name = "overhead"
seed = 1
replications = 10000
sizes = [500]
truth = "softmax_paper"

[[protocol]]
kind = "mle"
starts = "near_truth"

[[loss]]
kind = "exact"
"""


def run():
    """Yield the figures."""
    study = Study.from_toml(STUDY)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        run_study(study, folder, n_jobs=WORKERS)
        wall = time.perf_counter() - begin
        seconds = table(folder)["seconds"]
    share = 100 * seconds.sum() / (WORKERS * wall)
    yield Figure("inside fits, of the time of two cores", share, ">= 85", "%", f"{len(seconds)} fits in {wall:.1f} s")
    yield Figure("a fit, n=500, k=2, median", 1e3 * seconds.median(), "<= 3", "ms")
