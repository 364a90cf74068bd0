"""A scorer for scikit-learn's searches."""

import numpy as np

from gmoe.estimator.piped import unwrap


def log_likelihood_scorer(estimator, X, y=None, sample_weight=None):
    """Average log-density per observation, for ``scoring`` of GridSearchCV or cross_val_score; larger is better.

    Takes pipelines that end in a :class:`GaussianMoERegressor`, and searches over them, as :func:`unwrap` does.
    """
    fitted = unwrap(estimator)
    if y is None and not fitted.design_.has_response:
        raise ValueError("log_likelihood_scorer needs y, or an estimator whose formula says the response.")
    return float(np.average(fitted.score_samples(X, y), weights=sample_weight))
