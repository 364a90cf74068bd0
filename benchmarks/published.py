"""The softmax paper's over-specified study, k = 3, as certified maximum likelihood fits.

The study of ``sims/designs/softmax_over3_paper.toml`` with the paper's 40 replications, without the published protocol.
The published log has 3554 s on 8 processes.  Takes about ten minutes on two free cores.
"""

import tempfile
import time
from pathlib import Path

from benchmarks._measure import Figure
from gmoe.study import Study, table
from gmoe.study import run as run_study

DESIGN = Path(__file__).parents[1] / "sims" / "designs" / "softmax_over3_paper.toml"
WORKERS = 2
REPLICATIONS = 40
PUBLISHED_CORE_SECONDS = 3554 * 8


def run():
    """Yield the figures."""
    values = Study.from_toml(DESIGN).to_dict()
    values |= {"replications": REPLICATIONS, "protocol": [p for p in values["protocol"] if p["kind"] == "mle"]}
    study = Study.from_dict(values)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        run_study(study, folder, n_jobs=WORKERS)
        minutes = (time.perf_counter() - begin) / 60.0
        fits = table(folder)
    note = f"{len(fits)} fits"
    yield Figure("time on two cores", minutes, "<= 10", "min", note)
    yield Figure("core-seconds, of the published", minutes * 60.0 * WORKERS / PUBLISHED_CORE_SECONDS, "", "", note)
    yield Figure("certified", 100.0 * fits["certified"].mean(), "", "%", str(fits["status"].value_counts().to_dict()))
    yield Figure("starts that agree", 100.0 * (fits["n_agreeing"] / fits["n_starts"]).mean(), "", "%")
