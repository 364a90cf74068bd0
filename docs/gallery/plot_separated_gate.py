"""
Climate: a gate that separates
==============================

Yearly temperature anomalies from 1880 on: two straight lines, and a gate that wants to switch within a year. Its slope
would be infinite. There is no maximum, and the fit says so.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, ParameterSpace
from gmoe.datasets import load_temperature_anomalies
from gmoe.plotting import ExpertFitDisplay

X, y = load_temperature_anomalies(return_X_y=True)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always", ConvergenceWarning)
    fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
print(fitted.fit_result_.status)
print(*(str(one.message) for one in said), sep="\n")

# %%
# The fit itself is sound; only the slope of the gate has no value.
ExpertFitDisplay.from_estimator(fitted, X, y)

# %%
# A bound on the slope of the gate makes the set compact, and the maximum is at the bound.
bounded = GaussianMoERegressor(2, parameter_space=ParameterSpace(max_gate_coef=5.0), random_state=0).fit(X, y)
print(bounded.fit_result_.status, round(bounded.log_likelihood_, 3), round(fitted.log_likelihood_, 3))
