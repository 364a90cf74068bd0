"""
Outliers get an expert of their own
===================================

One row in ten has nothing to do with the regressions. A noise expert, uniform over the range of the response, takes
them, and the regressions stay where they are.
"""

import matplotlib.pyplot as plt
import numpy as np

from gmoe import GaussianMoERegressor, NoiseExperts, UniformDensity
from gmoe.datasets import make_gmoe

X, y, truth, _ = make_gmoe(800, 1, 2, gate_scale=3.0, random_state=4)
rng = np.random.default_rng(0)
wild = rng.random(len(y)) < 0.1
y = np.where(wild, rng.uniform(y.min() - 5.0, y.max() + 5.0, len(y)), y)

robust = GaussianMoERegressor(3, experts=NoiseExperts(UniformDensity(y.min(), y.max())), random_state=0).fit(X, y)
noise = robust.responsibilities(X, y)[:, -1]
figure, ax = plt.subplots()
ax.set(xlabel="x", ylabel="y")
points = ax.scatter(X[:, 0], y, c=noise, s=8, cmap="viridis_r")
figure.colorbar(points, label="probability of noise")
print(f"noise found: {noise[wild].mean():.0%} of the wild rows, {noise[~wild].mean():.1%} of the others")
