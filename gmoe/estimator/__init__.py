"""The scikit-learn surface: :class:`GaussianMoERegressor` and a scorer."""

from gmoe.estimator.regressor import SOLVERS, GaussianMoERegressor
from gmoe.estimator.scorer import log_likelihood_scorer

__all__ = ["SOLVERS", "GaussianMoERegressor", "log_likelihood_scorer"]
