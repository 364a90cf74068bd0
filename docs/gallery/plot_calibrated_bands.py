"""
Bands that hold what they say
=============================

Noise that grows with x, and two regimes. Is a band of 90 % one? The calibration display answers: under the true model
the probability integral transform is uniform.
"""

import matplotlib.pyplot as plt
import numpy as np

from gmoe import GaussianMoERegressor
from gmoe.plotting import CalibrationDisplay

rng = np.random.default_rng(3)
x = rng.uniform(0.0, 4.0, 4000)
late = rng.random(4000) < 1.0 / (1.0 + np.exp(-6.0 * (x - 2.0)))
y = np.where(late, 3.0 - x, 0.5 * x) + rng.normal(0.0, 0.1 + 0.2 * late)
X = x[:, None]

fitted = GaussianMoERegressor(2, random_state=0).fit(X[::2], y[::2])
grid = np.linspace(0.0, 4.0, 200)[:, None]
band = fitted.predict_interval(grid, 0.9)
figure, ax = plt.subplots()
ax.fill_between(grid[:, 0], band.lower, band.upper, alpha=0.25, label="90 % interval")
ax.plot(grid[:, 0], fitted.predict(grid), label="mean")
ax.plot(x[1::2], y[1::2], ".", markersize=2, label="rows that the fit has not seen")
ax.legend(frameon=False)

# %%
# On rows that the fit has not seen the band holds
inside = fitted.predict_interval(X[1::2], 0.9).contains(y[1::2])
print(f"{inside.mean():.1%} of the responses, two standard errors are {2 * np.sqrt(0.09 / len(inside)):.1%}.")

# %%
# And all other quantiles? The grey bands are for a model that is known. This one is an estimate, from as many rows as
# it is tested on: the points may leave the band by about as much again, and here do by less.
CalibrationDisplay.from_estimator(fitted, X[1::2], y[1::2])
