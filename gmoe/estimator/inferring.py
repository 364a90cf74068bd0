"""Inference from a fitted estimator: standard errors, tests, the bootstrap, from data as a user has them."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from gmoe.design import take
from gmoe.inference import (
    Bootstrap,
    ExpertsTest,
    HypothesisTest,
    Inference,
    bootstrap,
    infer,
    likelihood_ratio_test,
    n_experts_test,
    profile_interval,
)


class Inferring:
    """Methods of an estimator that has ``fit_result_`` and checks its input.

    X, y and ``sample_weight`` are those of :meth:`fit`, which the estimator does not keep. Where the fit left out rows
    that lack a value, they are left out here.
    """

    fit_result_: Any
    design_: Any
    missing: str
    _checked: Any
    _observed: Any

    def inference(
        self, X=None, y=None, sample_weight=None, *, cov_type="observed", clusters=None, weights="frequency"
    ) -> Inference:
        """Inference from the fit: covariance, intervals of parameters and of any function of them, Wald tests.

        Parameters
        ----------
        X, y, sample_weight : array-like, optional
            The data of the fit, for the robust and clustered covariance.
        cov_type : {"observed", "robust", "clustered"}
        clusters : array-like, shape (n,), optional
        weights : {"frequency", "sampling", "precision"}
            What the weights of the fit are: see :func:`gmoe.inference.infer`.

        Raises
        ------
        ValueError
            For a fit that is no maximum, data that are not those of the fit, unknown names.
        """
        check_is_fitted(self)
        X, y, sample_weight, clusters = self._of_the_fit(X, y, sample_weight, clusters)
        settings = {"cov_type": cov_type, "clusters": clusters, "weights": weights}
        return infer(self.fit_result_, X, y, sample_weight, **settings, read=self._checked)

    def profile_interval(self, parameter, X, y=None, sample_weight=None, level=0.95) -> tuple[float, float]:
        """Profile-likelihood interval of a parameter or function, see :func:`gmoe.inference.profile_interval`."""
        check_is_fitted(self)
        X, y, sample_weight, _ = self._of_the_fit(X, y, sample_weight, None)
        return profile_interval(self.fit_result_, parameter, X, y, sample_weight, level)

    def likelihood_ratio_test(self, larger) -> HypothesisTest:
        """Test this fit against a larger one of the same data: :func:`gmoe.inference.likelihood_ratio_test`."""
        check_is_fitted(self)
        check_is_fitted(larger)
        return likelihood_ratio_test(self.fit_result_, larger.fit_result_)

    def bootstrap(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        kind="nonparametric",
        n_boot=999,
        strata=None,
        random_state=None,
        n_jobs=None,
    ) -> Bootstrap:
        """Refit drawn data from the parameters of the fit, experts matched: :func:`gmoe.inference.bootstrap`.

        Parameters
        ----------
        X, y, sample_weight : array-like
            The data of the fit.
        kind : {"nonparametric", "parametric", "stratified"}
        n_boot : int, default 999
        strata : array-like, shape (n,), optional
        random_state : int, RandomState, Generator or None
        n_jobs : int, optional

        Raises
        ------
        ValueError
            For a fit without certificate, data that are not those of the fit, unknown names.
        """
        check_is_fitted(self)
        X, y, sample_weight, strata = self._of_the_fit(X, y, sample_weight, strata)
        settings = {"kind": kind, "n_boot": n_boot, "strata": strata, "n_jobs": n_jobs}
        return bootstrap(self.fit_result_, X, y, sample_weight, rng=generator(random_state), **settings)

    def n_experts_test(
        self, X, y=None, sample_weight=None, *, n_boot=99, n_init=5, random_state=None, n_jobs=None
    ) -> ExpertsTest:
        """Test k against k + 1 experts by the bootstrap: :func:`gmoe.inference.n_experts_test`."""
        check_is_fitted(self)
        X, y, sample_weight, _ = self._of_the_fit(X, y, sample_weight, None)
        settings = {"n_boot": n_boot, "n_init": n_init, "n_jobs": n_jobs}
        return n_experts_test(self.fit_result_, X, y, sample_weight, rng=generator(random_state), **settings)

    def _of_the_fit(self, X, y, weight, labels):
        """Columns of the design, response, weights and labels of the rows that the fit has kept."""
        if X is None:
            return X, y, weight, labels
        gaps = self.design_.gaps(X, y)
        if self.missing != "error" and gaps:
            rows = np.flatnonzero(~gaps.rows)
            X, y, weight, labels = (None if values is None else take(values, rows) for values in (X, y, weight, labels))
        return *self._observed(X, y), weight, labels


def generator(random_state) -> np.random.Generator:
    """Return the generator of what scikit-learn allows for ``random_state``."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
