"""What a fitted estimator tells: predictions, densities, criteria, the summary."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gmoe._validation import check_finite
from gmoe.experts import as_experts
from gmoe.inference import Summary
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult


class Fitted:
    """Methods of an estimator that has ``model_`` and ``fit_result_``."""

    experts: Any
    model_: GMoE
    fit_result_: FitResult

    def _checked(self, X, y=None):
        check_is_fitted(self)
        if y is None:
            X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite=False)
            check_finite(X, "X")
            return X
        check_finite(np.asarray(y), "y")
        multi_output = as_experts(self.experts).multi_output
        X, y = validate_data(self, X, y, reset=False, dtype=np.float64, **y_settings(multi_output))
        check_finite(X, "X")
        return X, y

    def predict(self, X, return_std=False):
        """Conditional mean of y given x, shape (n,) or (n, n_outputs).

        With ``return_std`` also its standard deviation, of the same shape.
        """
        X = self._checked(X)
        mean = self.model_.mean(X)
        return (mean, np.sqrt(self.model_.variance(X))) if return_std else mean

    def predict_gate(self, X):
        """Gate probabilities, shape (n, n_experts)."""
        X = self._checked(X)
        return self.model_.gate_proba(X)

    def predict_experts(self, X):
        """Mean of each expert, shape (n, n_experts)."""
        X = self._checked(X)
        return self.model_.expert_means(X)

    def responsibilities(self, X, y):
        """Posterior probability of each expert given x and y, shape (n, n_experts)."""
        X, y = self._checked(X, y)
        return self.model_.responsibilities(X, y)

    def score_samples(self, X, y=None):
        """Log-density of y given x, shape (n,); without y that of the conditional mean.

        scikit-learn calls every ``score_samples`` with X alone; how dense the prediction is at its centre is what can
        be said then.
        """
        if y is None:
            X = self._checked(X)
            return self.model_.log_density(X, self.model_.mean(X))
        X, y = self._checked(X, y)
        return self.model_.log_density(X, y)

    def sample(self, X, random_state=None):
        """Draw one response for each row of X, shape (n,)."""
        X = self._checked(X)
        generator = isinstance(random_state, np.random.Generator)
        seed = None if generator else check_random_state(random_state).randint(2**31 - 1)
        return self.model_.sample(X, random_state if generator else np.random.default_rng(seed))[0]

    def aic(self, X, y, sample_weight=None):
        """Akaike's information criterion on given data; smaller is better."""
        log_likelihood, _, _ = self._weigh(X, y, sample_weight)
        return 2.0 * self.fit_result_.n_free_parameters - 2.0 * log_likelihood

    def bic(self, X, y, sample_weight=None):
        """Bayesian information criterion on given data, the total weight as n; smaller is better."""
        log_likelihood, _, total = self._weigh(X, y, sample_weight)
        return np.log(total) * self.fit_result_.n_free_parameters - 2.0 * log_likelihood

    def icl(self, X, y, sample_weight=None):
        """Integrated classification likelihood, BIC - 2 sum log(largest responsibility); smaller is better."""
        log_likelihood, certainty, total = self._weigh(X, y, sample_weight)
        return np.log(total) * self.fit_result_.n_free_parameters - 2.0 * (log_likelihood + certainty)

    def _weigh(self, X, y, sample_weight):
        """Weighted sums of log-density and of log(largest responsibility), and of the weights."""
        X, y = self._checked(X, y)
        weight = np.ones(len(y))
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        certainty = np.log(self.model_.responsibilities(X, y).max(axis=1))
        return weight @ self.model_.log_density(X, y), weight @ certainty, weight.sum()

    def summary(self, level=0.95):
        """Table of estimates, standard errors, criteria and certificate; print it, or use ``to_frame()``.

        Parameters
        ----------
        level : float, default 0.95
            Of the Wald intervals.
        """
        check_is_fitted(self)
        return Summary(self.fit_result_, level)

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


def y_settings(multi_output):
    """How scikit-learn should look at y; that numbers are finite is checked here, with the row."""
    return {"multi_output": multi_output, "y_numeric": True, "ensure_all_finite": False}
