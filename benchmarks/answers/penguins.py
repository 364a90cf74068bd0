"""Penguins: the same log-likelihood for every seed.

k = 2 and 3, all features. The figure is the spread of the log-likelihood over the seeds; beside it are the smallest
effective rows of an expert and the statuses, and the ends by seed.
"""

import numpy as np

from benchmarks.answers._fits import SAME, default_fit, min_rows, statuses
from benchmarks.answers._run import close, measured, table
from gmoe.datasets import load_penguins

COUNT = 20
EXPERTS = (2, 3)


def measure(k, seed, **settings):
    """One fit, and the effective rows of its smallest expert."""
    X, y = load_penguins(return_X_y=True)
    fit = default_fit(X, y, k, seed=seed, **settings)
    return fit, np.nan if fit.model is None else fit.model.gate_proba(X).sum(axis=0).min()


def run(options):
    """Fit, print."""
    tasks = [(k, seed) for k in EXPERTS for seed in range(options.count)]
    found = list(zip(tasks, measured("penguins", tasks, options), strict=False))
    table(
        ["k", "seed", "log-likelihood", "fewest rows", "status", "s"],
        [
            [k, seed, f"{fit.value:.6f}", f"{rows:.2f}", fit.status, f"{fit.seconds:.1f}"]
            for (k, seed), (fit, rows) in sorted(found, key=lambda entry: (entry[0][0], entry[1][0].value))
        ],
    )
    spreads = []
    for k in EXPERTS:
        fits = [fit for (own, _), (fit, _) in found if own == k]
        rows = [rows for (own, _), (_, rows) in found if own == k]
        values = [fit.value for fit in fits]
        spreads.append(np.ptp(values))
        flagged = sum(not fit.certified for fit in fits)
        lowest = int(np.sum(np.max(values) - values > SAME))
        print(
            f"  k = {k}: spread {spreads[-1]:.1e}, {lowest} of {len(fits)} below the best, fewest rows {min(rows):.2f} "
            f"(bound {min_rows(4)}), flagged {flagged} ({statuses(fits)})"
        )
    close("penguins", f"largest spread {max(spreads):.1e}", f"<= {SAME}", max(spreads) <= SAME)
