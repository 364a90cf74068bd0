"""The predictive distribution of a fitted estimator: quantiles, intervals, calibration, scores."""

from typing import Any

from gmoe.distributions import Intervals, PredictiveDistribution
from gmoe.model import GMoE


class Predictive:
    """Methods of an estimator that has ``model_`` and checks its input."""

    model_: GMoE
    _checked: Any
    _observed: Any

    def predictive(self, X) -> PredictiveDistribution:
        """Distribution of y given x, with all that can be asked of it; of several responses that of each by itself.

        The methods below are short forms of what it has.
        """
        return self.model_.predictive(self._checked(X))

    def predict_quantiles(self, X, levels):
        """Responses below which there are given probabilities.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        levels : float or array-like, shape (q,)
            Probabilities, each between 0 and 1.

        Returns
        -------
        ndarray, shape (n,) or (n, q); (n, n_outputs) or (n, n_outputs, q) of several responses

        Raises
        ------
        ValueError, TypeError
            For levels that are no numbers between 0 and 1.
        """
        return self.predictive(X).quantile(levels)

    def predict_interval(self, X, level=0.9, kind="central") -> Intervals:
        """Prediction intervals, which hold a response with a given probability.

        Parameters
        ----------
        X : array-like, shape (n, n_features)
        level : float, default 0.9
            That probability.
        kind : {"central", "highest density"}, default "central"
            "central": as much probability below as above. "highest density": the shortest set, a union of intervals
            where the density has several modes.

        Returns
        -------
        Intervals
            ``lower`` and ``upper``: central (n,); of highest density (n, r), with nan behind the intervals that a row
            has.

        Raises
        ------
        ValueError, TypeError
            For a level that is no number between 0 and 1, or an unknown kind.
        """
        return self.predictive(X).interval(level, kind)

    def predict_median(self, X):
        """Conditional median of y given x, shape (n,)."""
        return self.predictive(X).median()

    def predict_mode(self, X):
        """Where the density of y given x is highest, shape (n,)."""
        return self.predictive(X).mode()

    def pit(self, X, y=None):
        """Probability integral transform, shape (n,): the distribution function of y given x, at y.

        Uniform between 0 and 1 where the model is right.
        """
        X, y = self._observed(X, y)
        return self.model_.predictive(X).cdf(y)

    def quantile_residuals(self, X, y=None):
        """Take normal quantiles of the probability integral transform, shape (n,) (Dunn and Smyth, 1996).

        Standard normal where the model is right, whatever its experts: residuals for plots and tests.
        """
        X, y = self._observed(X, y)
        return self.model_.predictive(X).quantile_residuals(y)

    def crps(self, X, y=None):
        """Continuous ranked probability score of each row, shape (n,), in the unit of y; smaller is better."""
        X, y = self._observed(X, y)
        return self.model_.predictive(X).crps(y)
