"""A scorer for scikit-learn's searches."""

import numpy as np
from sklearn.pipeline import Pipeline


def log_likelihood_scorer(estimator, X, y=None, sample_weight=None):
    """Average log-density per observation, for ``scoring`` of GridSearchCV or cross_val_score; larger is better.

    Takes pipelines that end in a :class:`GaussianMoERegressor` as well.
    """
    if isinstance(estimator, Pipeline):
        X, estimator = estimator[:-1].transform(X), estimator[-1]
    # An estimator without y would tell the density at the mean.
    y = estimator.design_.response(X, y) if y is None else y
    return float(np.average(estimator.score_samples(X, y), weights=sample_weight))
