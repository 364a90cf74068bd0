"""The fit inside of a pipeline or a search, as if it had been given what they are given."""

from copy import copy
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from gmoe.design import Design
from gmoe.estimator.fitted import Fitted


@dataclass(frozen=True, eq=False)
class Piped(Design):
    """The design of a fit behind the transformers of a pipeline: it reads what the pipeline reads.

    Attributes
    ----------
    head : Pipeline
        The transformers.
    inner : estimator
        Fitted to what they return.
    """

    head: Pipeline
    inner: Any

    @property
    def gate_sources(self):
        # Which columns a transformer mixes is its own affair: any may matter.
        return tuple(range(self.head.n_features_in_))

    @property
    def expert_sources(self):
        return self.gate_sources

    @property
    def by_name(self):
        return False

    @property
    def units(self):
        return {}, {}

    @property
    def by_term(self):
        return ()

    def of_columns(self, columns, n):
        raise NotImplementedError("A pipeline reads a table, whatever its columns are.")

    def columns(self, X):
        return self.inner.design_.columns(self.head.transform(X))

    def matrix(self, estimator, X, reset=False):
        return self.inner.design_.matrix(self.inner, self.head.transform(X))

    @property
    def has_response(self):
        return self.inner.design_.has_response

    def finds_response(self, X):
        return self.has_response and self.inner.design_.finds_response(self.head.transform(X))

    def response(self, X, y):
        return self.inner.design_.response(self.head.transform(X) if self.has_response else X, y)

    def content(self):
        raise ValueError(
            "JSON has no transformers, so that a fit in a pipeline cannot be written; write the last step, which reads "
            "what they return, or use pickle."
        )


def unwrap(estimator: Any) -> Any:
    """Return the fitted estimator inside of a pipeline or a search, reading the X that they read.

    It has all that scikit-learn's pipelines do not pass on: ``predict_gate(X)``, ``responsibilities(X, y)``,
    ``predict_interval(X)``, ``bic(X, y)``, ``inference()``, ``bootstrap(X, y)``. Displays and
    :func:`log_likelihood_scorer` call it by themselves.

    Parameters
    ----------
    estimator : fitted Pipeline, GridSearchCV and its like, or GaussianMoERegressor
        Nested in any way. What is no pipeline and no search is returned itself.

    Raises
    ------
    TypeError
        Where there is no :class:`GaussianMoERegressor` at the end.
    sklearn.exceptions.NotFittedError
        For what is not fitted.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from gmoe import GaussianMoERegressor, unwrap
    >>> from gmoe.datasets import load_penguins
    >>> X, y = load_penguins(return_X_y=True)
    >>> pipeline = make_pipeline(StandardScaler(), GaussianMoERegressor(2, random_state=0)).fit(X, y)
    >>> unwrap(pipeline).predict_gate(X).shape
    (333, 2)
    """
    if isinstance(estimator, Pipeline):
        return _behind(estimator, unwrap(estimator.steps[-1][1]))
    if hasattr(estimator, "best_estimator_"):
        return unwrap(estimator.best_estimator_)
    if not isinstance(estimator, Fitted):
        raise TypeError(
            f"There is no GaussianMoERegressor in {type(estimator).__name__}; give a fitted one, a pipeline that ends "
            "in one, or a search over such that has refitted the best (refit=True)."
        )
    check_is_fitted(estimator)
    return estimator


def _behind(pipeline, inner):
    if len(pipeline) == 1:
        return inner
    head, design = pipeline[:-1], inner.design_
    view = copy(inner)
    view.design_ = Piped(design.names, design.gate, design.experts, head, inner)
    for name in ("n_features_in_", "feature_names_in_"):
        vars(view).pop(name, None)
        if hasattr(head, name):
            setattr(view, name, getattr(head, name))
    return view
