"""Inference from one fit under one covariance: parameters, and any function of them by the delta method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gmoe import table
from gmoe._validation import check_levels
from gmoe.inference.chart import Chart, deviation_scores
from gmoe.inference.covariances import Scores, chosen
from gmoe.inference.data import check_maximum, data_of
from gmoe.inference.estimates import POSITIVE, PROBABILITY, REAL, Estimates, Labelled
from gmoe.inference.wald import HypothesisTest, wald_test
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult

# Step of central differences in standard deviations: their error goes with its square, and rounding with 1e-16 over it.
STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Inference:
    """What a fit says about its parameters and any function of them, see :func:`infer`.

    Attributes
    ----------
    result : FitResult
    cov_type : str
    root : ndarray, shape (r, r)
        Root of the covariance, in units of the standard deviations by the observed information.
    read : callable
        Turns the features that a user gives into columns.
    """

    result: FitResult
    cov_type: str
    root: np.ndarray
    read: Callable = field(default_factory=lambda: np.asarray, repr=False)

    @property
    def model(self) -> GMoE:
        """The fitted model."""
        return self.result.model

    @cached_property
    def _chart(self):
        return Chart(self.model)

    @cached_property
    def _directions(self):
        """What a standard deviation in each identified direction is in the chart, (C, r)."""
        return self._chart.directions(self.result.spread)

    @property
    def parameters(self) -> Estimates:
        """All parameters; nan where the fit has a note in place of a standard error."""
        noted = np.array(self.result.notes) != ""
        spread = np.where(noted[:, None], np.nan, self.result.spread @ self.root)
        positive = {array.name for array in table.declared(self.model) if array.positive}
        within = [POSITIVE if table.kind(name) in positive else REAL for name in self.result.parameter_names]
        return Estimates(self.result.parameter_names, table.parameter_values(self.model), spread, np.array(within))

    @property
    def vcov(self) -> Labelled:
        """Covariance of the parameters, with names."""
        return self.parameters.covariance

    def delta(self, function: Callable, names: Sequence[str] | None = None, within=REAL) -> Estimates:
        """Estimate any function of the model, with its standard error by the delta method.

        Parameters
        ----------
        function : callable
            Takes a :class:`gmoe.GMoE` and returns a number or an array. It is differentiated by central
            differences along the directions that the data identify, by a ten-thousandth of a standard deviation.
        names : sequence of str, optional
            Of its entries; their places by default.
        within : tuple of float, default (-inf, inf)
            Range of its values: (0, inf) makes intervals on the log scale, (0, 1) on that of the logit.

        Returns
        -------
        Estimates
            Directions of which the data say nothing (separated gates, bounds) are held: a function that depends on them
            has a larger error than is stated.
        """
        value = np.asarray(function(self.model), dtype=float)
        if names is None:
            names = [",".join(map(str, place)) or "value" for place in np.ndindex(value.shape)]
        if len(names) != value.size:
            raise ValueError(f"The function has {value.size} entries, names has {len(names)}; give one name for each.")
        point, slopes = self._chart.point, np.empty((value.size, self._directions.shape[1]))
        for column, direction in enumerate(self._directions.T):
            ends = [np.ravel(function(self._chart.model_at(point + sign * STEP * direction))) for sign in (1.0, -1.0)]
            slopes[:, column] = (ends[0] - ends[1]) / (2.0 * STEP)
        return Estimates(tuple(names), value.ravel(), slopes @ self.root, within)

    def standard_deviations(self, X=None) -> Estimates:
        """Estimate the standard deviations of the experts; where they depend on x, those at the rows of X, (n, k)."""
        if X is None and "variance" not in self.model.parameters.arrays:
            raise ValueError(
                f"Standard deviations of {self.model.experts!r} are no parameters; give rows X to have those there."
            )
        if X is not None:
            X = self.read(X)
            return self.delta(lambda m: np.sqrt(m.expert_variances(X)), self._at(X, "sd"), POSITIVE)
        value, called = np.sqrt(self.model.parameters.variance), self.result.expert_names
        names = [f"sd ({','.join(map(str, (called[j], *rest)))})" for j, *rest in np.ndindex(value.shape)]
        return self.delta(lambda m: np.sqrt(m.parameters.variance), names, POSITIVE)

    def shares(self, X) -> Estimates:
        """Average gate probabilities over the rows of X, which are taken as given."""
        X = self.read(X)
        names = [f"share ({name})" for name in self.result.expert_names]
        return self.delta(lambda m: m.gate_proba(X).mean(axis=0), names, PROBABILITY)

    def mean(self, X) -> Estimates:
        """Conditional means at the rows of X."""
        X = self.read(X)
        return self.delta(lambda m: m.mean(X))

    def expert_means(self, X) -> Estimates:
        """Mean of each expert at the rows of X, row by row."""
        X = self.read(X)
        return self.delta(lambda m: m.expert_means(X), self._at(X, "mean"))

    def gate_proba(self, X) -> Estimates:
        """Gate probabilities at the rows of X, row by row."""
        X = self.read(X)
        return self.delta(lambda m: m.gate_proba(X), self._at(X, "gate"), PROBABILITY)

    def quantiles(self, X, levels) -> Estimates:
        """Quantiles of the response at the rows of X, row by row."""
        X, levels = self.read(X), np.atleast_1d(check_levels(levels, "levels"))
        outputs = [f" of y{i}" for i in range(self.model.n_outputs)] if self.model.n_outputs > 1 else [""]
        names = [f"quantile {p:g}{y} at row {i}" for i in range(len(X)) for y in outputs for p in levels]
        return self.delta(lambda m: m.predictive(X).quantile(levels), names)

    def _at(self, X, what):
        return [f"{what} ({name}) at row {i}" for i in range(len(X)) for name in self.result.expert_names]

    def wald_test(self, hypotheses) -> HypothesisTest:
        """Test linear hypotheses of the parameters together: see :func:`gmoe.inference.wald_test`."""
        return wald_test(self.parameters, hypotheses, self.result.notes)


def infer(
    result: FitResult,
    X: Any = None,
    y: Any = None,
    weight: Any = None,
    *,
    cov_type: str = "observed",
    clusters: Any = None,
    weights: str = "frequency",
    read: Callable = np.asarray,
) -> Inference:
    """Inference from a fit.

    Parameters
    ----------
    result : FitResult
    X, y, weight : array-like
        The data of the fit; the observed information does without.
    cov_type : {"observed", "robust", "clustered"}
        Inverse observed information; the sandwich ``V S V`` with the sum S of the scores' outer products, right also
        where the densities are not (of the parameters nearest in Kullback-Leibler divergence); or the same with scores
        summed over ``clusters``.
    clusters : array-like, shape (n,), optional
        Label of the cluster of each row.
    weights : {"frequency", "sampling", "precision"}
        What the weights of the fit are: counts of equal observations; inverse probabilities of being sampled (robust or
        clustered only); or precisions, known up to a factor.
    read : callable
        Turns features given later into columns.

    Raises
    ------
    ValueError
        For a fit that is no maximum, data that are not those of the fit, and unknown names.
    """
    kind, weighting = chosen(cov_type, weights, clusters)
    check_maximum(result)
    scores = None
    if kind.sees_data:
        X, y, weight = data_of(result, X, y, weight)
        scores = Scores(deviation_scores(result, X, y), weight, clusters)
    return Inference(result, cov_type, kind.root(result, scores, weighting), read)
