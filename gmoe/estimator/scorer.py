"""A scorer for scikit-learn's searches."""

import numpy as np
from sklearn.pipeline import Pipeline


def log_likelihood_scorer(estimator, X, y=None, sample_weight=None):
    """Average log-density per observation, for ``scoring`` of GridSearchCV or cross_val_score; larger is better.

    Takes pipelines that end in a :class:`GaussianMoERegressor` as well.
    """
    if isinstance(estimator, Pipeline):
        X, estimator = estimator[:-1].transform(X), estimator[-1]
    if y is None and estimator.design_.response(X, y) is None:
        raise ValueError("log_likelihood_scorer needs y, or an estimator whose formula says the response.")
    return float(np.average(estimator.score_samples(X, y), weights=sample_weight))
