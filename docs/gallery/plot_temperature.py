"""
Why the temperature of a linear gate is not identified
======================================================

A dense-to-sparse gate divides its scores by a temperature. With linear scores only slopes over temperature enter the
density, so that any temperature fits as well. With a bent activation the data tell it.
"""

import numpy as np

from gmoe import ActivationGate, DenseToSparseGate, GaussianMoERegressor
from gmoe.datasets import make_gmoe

gate = ActivationGate("tanh", temperature="estimate")
X, y, truth, _ = make_gmoe(4000, 2, 2, gate=gate, temperature=0.5, random_state=1)

linear = GaussianMoERegressor(2, DenseToSparseGate(), random_state=0).fit(X, y)
print(linear.fit_result_.n_flat, "directions leave the density as it is")

# %%
# Two temperatures, one density:
model = linear.fit_result_.model
other = model.canonical(scale="temperature=1")
print(model.parameters.temperature, other.parameters.temperature)
print(np.abs(model.log_density(X, y) - other.log_density(X, y)).max())

# %%
# The bent gate has a temperature, and an interval for it.
bent = GaussianMoERegressor(2, gate, random_state=0).fit(X, y)
print(round(bent.temperature_, 3), "true:", truth.parameters.temperature)
