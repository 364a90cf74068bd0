"""
A hierarchical gate on a plane
==============================

A tree splits the plane by soft lines, first in two, then each half again: four leaves, three splits.
"""

import matplotlib.pyplot as plt
import numpy as np

from gmoe import GaussianMoERegressor, TreeGate

rng = np.random.default_rng(5)
X = rng.uniform(-2.0, 2.0, (800, 2))
soft = X + rng.logistic(0.0, 0.15, X.shape)
corner = 2 * (soft[:, 0] > 0.3) + np.where(soft[:, 0] > 0.3, soft[:, 1] > -0.5, soft[:, 1] > 0.8)
y = np.array([-3.0, 0.0, 2.0, 5.0])[corner] + 0.5 * X[:, 0] + rng.normal(0.0, 0.4, len(X))

fitted = GaussianMoERegressor(4, TreeGate(), random_state=0).fit(X, y)
side = np.linspace(-2.0, 2.0, 120)
plane = np.column_stack([axis.ravel() for axis in np.meshgrid(side, side)])
leaf = fitted.predict_gate(plane).argmax(axis=1)
figure, ax = plt.subplots(figsize=(5, 4.5))
ax.pcolormesh(side, side, leaf.reshape(120, 120), cmap="Pastel1")
ax.scatter(*X.T, c=y, s=4, cmap="viridis")
ax.set(xlabel="x0", ylabel="x1", title=f"{fitted.fit_result_.status}: the leaf of each place, the response in colour")
