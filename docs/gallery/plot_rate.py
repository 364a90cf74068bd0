"""
A rate in twenty lines
======================

How fast does the Voronoi loss of the maximum likelihood estimator fall? A study draws data, fits, measures, and gives a
slope with its interval.
"""

import tempfile

from gmoe.plotting import RatePlotDisplay
from gmoe.study import Study, estimate_rates, exponents, run, table

study = Study.from_toml("""
name = "rate"
seed = 1
replications = 40
sizes = [250, 500, 1000, 2000, 4000, 8000]
truth = "softmax_paper"

[[protocol]]
kind = "mle"
starts = "near_truth"

[[loss]]
kind = "exact"
""")
with tempfile.TemporaryDirectory() as folder:
    run(study, folder, engine="serial")
    fits = table(folder)
rates = estimate_rates(fits, theory=exponents(study))
RatePlotDisplay.from_rates(rates, loss="exact", statistic="median")

# %%
# Every one of the fits has a certificate:
print(f"{fits['certified'].mean():.0%} of {len(fits)}")
