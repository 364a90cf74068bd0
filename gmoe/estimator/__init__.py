"""The scikit-learn surface: :class:`GaussianMoERegressor`, a scorer, and the way into pipelines."""

from gmoe.estimator.piped import unwrap
from gmoe.estimator.regressor import SOLVERS, GaussianMoERegressor
from gmoe.estimator.scorer import log_likelihood_scorer

__all__ = ["SOLVERS", "GaussianMoERegressor", "log_likelihood_scorer", "unwrap"]
