"""What a fitted estimator tells: predictions, densities, criteria, the summary."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from gmoe.design import REMEDY, Design, Gaps, row_labels, take
from gmoe.estimator.inferring import Inferring, generator
from gmoe.estimator.predictive import Predictive
from gmoe.estimator.training import check_columns, check_response
from gmoe.experts import as_experts
from gmoe.inference import Summary
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult


class Fitted(Inferring, Predictive):
    """Methods of an estimator that has ``design_``, ``model_`` and ``fit_result_``.

    Where a formula says the response, y is left out: X has it.
    """

    experts: Any
    missing: str
    design_: Design
    model_: GMoE
    fit_result_: FitResult

    def _checked(self, X):
        """Columns of the design."""
        check_is_fitted(self)
        matrix = self.design_.matrix(self, X)
        check_columns(self.design_, matrix)
        return np.asarray(matrix, dtype=np.float64)

    def _observed(self, X, y):
        """Columns of the design, and the response: y, or what the formula says."""
        check_is_fitted(self)
        matrix, y = self._checked(X), self.design_.response(X, y)
        if y is not None:
            Gaps.of({"y": y}, row_labels(y, len(matrix))).refuse(REMEDY)
        return check_response(self, matrix, y, np.float64, as_experts(self.experts).multi_output)

    def predict(self, X, return_std=False, return_interval=None):
        """Conditional mean of y given x.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        return_std : bool, default False
            Return the standard deviation of y given x too. Mean plus and minus two of it is no interval where the
            density has several modes.
        return_interval : float, optional
            Return central prediction intervals of this level too, as :meth:`predict_interval` does.

        Returns
        -------
        mean : ndarray, shape (n,) or (n, n_outputs)
        std : ndarray of the same shape
            With ``return_std``.
        interval : Intervals
            With ``return_interval``: ``lower`` and ``upper``, of the same shape.
        """
        X = self._checked(X)
        found: list[Any] = [self.model_.mean(X)]
        if return_std:
            found.append(np.sqrt(self.model_.variance(X)))
        if return_interval is not None:
            found.append(self.model_.predictive(X).interval(return_interval))
        return tuple(found) if len(found) > 1 else found[0]

    def predict_gate(self, X):
        """Gate probabilities, shape (n, n_experts)."""
        X = self._checked(X)
        return self.model_.gate_proba(X)

    def predict_experts(self, X):
        """Mean of each expert, shape (n, n_experts)."""
        X = self._checked(X)
        return self.model_.expert_means(X)

    def responsibilities(self, X, y=None):
        """Posterior probability of each expert given x and y, shape (n, n_experts)."""
        X, y = self._observed(X, y)
        return self.model_.responsibilities(X, y)

    def score_samples(self, X, y=None):
        """Log-density of y given x, shape (n,); without y, and a formula that says it, that of the conditional mean.

        scikit-learn calls every ``score_samples`` with X alone; how dense the prediction is at its centre is what can
        be said then.
        """
        check_is_fitted(self)
        if y is None and not self.design_.has_response:
            X = self._checked(X)
            return self.model_.log_density(X, self.model_.mean(X))
        X, y = self._observed(X, y)
        return self.model_.log_density(X, y)

    def sample(self, X, random_state=None):
        """Draw one response for each row of X, shape (n,)."""
        X = self._checked(X)
        return self.model_.sample(X, generator(random_state))[0]

    def predict_frame(self, X, y=None):
        """Predictions as a pandas DataFrame with the index of X (needs pandas).

        Parameters
        ----------
        X : array-like or data frame, shape (n, n_features)
            With ``missing="drop"`` rows that lack a value are left out here too; the index tells which are there.
        y : array-like, shape (n,), optional

        Returns
        -------
        DataFrame
            Columns ``mean``, ``std``, ``gate_0`` and so on; with y, or a formula that says it, also ``log_density``,
            ``expert`` (the one of the largest responsibility), ``responsibility_0`` and so on. A fit whose experts have
            names (:meth:`relabel`) has these in place of numbers.
        """
        import pandas as pd

        check_is_fitted(self)
        X, y, index = self._kept(X, y)
        observed = y is not None or self.design_.finds_response(X)
        mean, std = self.predict(X, return_std=True)
        gate = self.predict_gate(X)
        names = self.fit_result_.expert_names
        columns = _columns("mean", mean) | _columns("std", std) | _columns("gate", gate, names)
        if observed:
            posterior = self.responsibilities(X, y)
            columns |= {"log_density": self.score_samples(X, y), "expert": np.array(names)[posterior.argmax(axis=1)]}
            columns |= _columns("responsibility", posterior, names)
        return pd.DataFrame(columns, index=index)

    def _kept(self, X, y):
        """Rows that the fit would have kept, and what they are called."""
        gaps = self.design_.gaps(X, y)
        if self.missing == "error" or not gaps:
            return X, y, list(gaps.labels)
        rows = np.flatnonzero(~gaps.rows)
        return take(X, rows), None if y is None else take(y, rows), [gaps.labels[int(row)] for row in rows]

    def aic(self, X, y=None, sample_weight=None):
        """Akaike's information criterion on given data; smaller is better."""
        log_likelihood, _, _ = self._weigh(X, y, sample_weight)
        return 2.0 * self.fit_result_.effective_df - 2.0 * log_likelihood

    def bic(self, X, y=None, sample_weight=None):
        """Bayesian information criterion on given data, the total weight as n; smaller is better."""
        log_likelihood, _, total = self._weigh(X, y, sample_weight)
        return np.log(total) * self.fit_result_.effective_df - 2.0 * log_likelihood

    def icl(self, X, y=None, sample_weight=None):
        """Integrated classification likelihood, BIC - 2 sum log(largest responsibility); smaller is better."""
        log_likelihood, certainty, total = self._weigh(X, y, sample_weight)
        return np.log(total) * self.fit_result_.effective_df - 2.0 * (log_likelihood + certainty)

    def _weigh(self, X, y, sample_weight):
        """Weighted sums of log-density and of log(largest responsibility), and of the weights."""
        X, y = self._observed(X, y)
        weight = np.ones(len(y))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        certainty = np.log(self.model_.responsibilities(X, y).max(axis=1))
        return weight @ self.model_.log_density(X, y), weight @ certainty, weight.sum()

    def summary(self, level=0.95, p_values=False):
        """Table of estimates, standard errors, criteria and certificate; print it, or use ``to_frame()``.

        Parameters
        ----------
        level : float, default 0.95
            Of the Wald intervals.
        p_values : bool, default False
            Whether the table has two-sided p-values of the hypotheses that parameters are 0.
        """
        check_is_fitted(self)
        return Summary(self.fit_result_, level, p_values)

    def confidence_interval(self, parameter, level=0.95):
        """Wald intervals by the observed information; of what is positive, on the log scale.

        Parameters
        ----------
        parameter : str
            One of the arrays that gate and experts declare: "gate_intercept", "gate_coef", "intercept", "coef",
            "variance", "temperature" of gates by scores and Gaussian experts.
        level : float, default 0.95

        Returns
        -------
        lower, upper : ndarray, or float for the temperature
            Shaped like the attribute of that name; nan where the summary has a note in place of a standard error.

        Raises
        ------
        ValueError
            For a parameter of which the gate leaves nothing to estimate: gate parameters with one active expert, a
            temperature that is fixed or not identified.
        """
        return self.summary(level).interval(parameter)


def _columns(name, values, labels=None):
    """Columns of a table: one, or one for each column of the values, by their labels or numbers."""
    if values.ndim == 1:
        return {name: values}
    labels = range(values.shape[1]) if labels is None else labels
    return {f"{name}_{label}": column for label, column in zip(labels, values.T, strict=True)}
