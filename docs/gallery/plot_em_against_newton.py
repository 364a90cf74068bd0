"""
EM against maximum likelihood
=============================

EM climbs slowly where experts overlap, and a stop by small changes leaves it far below the maximum. The same start,
followed to the end: log-likelihood still missing, by pass over the data.
"""

import matplotlib.pyplot as plt
import numpy as np

from gmoe import GaussianMoERegressor
from gmoe.datasets import make_gmoe

X, y, truth, _ = make_gmoe(2000, 1, 2, expert_scale=0.7, random_state=8)
figure, ax = plt.subplots()
ends = {
    solver: GaussianMoERegressor(2, solver=solver, init=truth.parameters, max_iter=20_000, tol=1e-8).fit(X, y)
    for solver in ("em", "mle")
}
best = max(fitted.log_likelihood_ for fitted in ends.values())
for solver, fitted in ends.items():
    history = np.array(fitted.fit_result_.history)
    ax.loglog(1 + np.arange(len(history)), np.maximum(best - history, 1e-10), label=f"{solver}: {len(history)} steps")
ax.set(xlabel="step", ylabel="log-likelihood below the maximum")
ax.legend(frameon=False)
