"""Mean or median loss of every size, with the bootstrap distribution of slopes between sizes."""

from dataclasses import dataclass

import numpy as np
import scipy

STATISTICS = ("mean", "median")


@dataclass(frozen=True, eq=False)
class Curve:
    """Logarithm of a statistic by size, and what resampling the replications makes of it.

    Attributes
    ----------
    statistic : str
        One of ``STATISTICS``.
    n, n_replications : ndarray, shape (m,)
        Sizes, ascending, and losses at each.
    value : ndarray, shape (m,)
        Log mean or log median.
    draws : ndarray, shape (n_boot, m)
        The same of resampled replications; the sizes are resampled independently of each other.
    """

    statistic: str
    n: np.ndarray
    n_replications: np.ndarray
    value: np.ndarray
    draws: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """Monte Carlo variance of each value."""
        return self.draws.var(axis=0) * self._unbias

    @property
    def _unbias(self) -> np.ndarray:
        # The bootstrap's variance of a mean is (R - 1) / R of what it should be. That of a median is too large: its
        # root is so by 1 + 0.35 / sqrt(R), within 0.03, as measured for R from 10 to 100 and three laws.
        R = self.n_replications
        return R / (R - 1.0) if self.statistic == "mean" else (1.0 + 0.35 / np.sqrt(R)) ** -2

    def functionals(self, weights: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
        """Estimate, standard error and interval of linear functions of the values.

        The interval is Hesterberg's expanded percentile interval (The American Statistician 69, 2015, 371-386): the
        percentiles are those at which normal quantiles would become Student's, times the root of the bias of the
        bootstrap's variance. It always holds the estimate.

        Parameters
        ----------
        weights : ndarray, shape (p, m)
        level : float
            Confidence level.

        Returns
        -------
        estimate, standard_error, low, high : ndarray, shape (p,)
        """
        parts = weights**2 * self.variance
        total = parts.sum(axis=1)
        spread = self.draws @ weights.T
        # Equal losses vary in nothing: any percentile will do.
        some = np.where(total > 0.0, total, 1.0)
        plain = np.sqrt((weights**2 * self.draws.var(axis=0)).sum(axis=1) / some) + (total == 0.0)
        spent = (parts**2 / (self.n_replications - 1.0)).sum(axis=1) / some**2
        freedom = 1.0 / np.maximum(spent, 1e-9)  # Satterthwaite's
        tail = scipy.stats.norm.cdf(scipy.stats.t.ppf(0.5 * (1.0 - level), freedom) / plain)
        estimate = weights @ self.value
        low = [np.quantile(column, p) for column, p in zip(spread.T, tail, strict=True)]
        high = [np.quantile(column, 1.0 - p) for column, p in zip(spread.T, tail, strict=True)]
        # Means that each rest on a single loss are smaller in most resamples: the estimate may lie beyond nearly all.
        return estimate, np.sqrt(total), np.minimum(low, estimate), np.maximum(high, estimate)


def curves(n: np.ndarray, losses: list[np.ndarray], rng: np.random.Generator, n_boot: int) -> dict[str, Curve]:
    """Resample losses within each size.

    Parameters
    ----------
    n : ndarray, shape (m,)
    losses : list of ndarray
        Of each size; two or more.
    rng : Generator
    n_boot : int

    Returns
    -------
    dict of str to Curve
        By statistic; both see the same resamples.
    """
    shape = (n_boot, len(n))
    values = {name: np.empty(len(n)) for name in STATISTICS}
    draws = {name: np.empty(shape) for name in STATISTICS}
    for i, loss in enumerate(losses):
        resampled = loss[rng.integers(0, len(loss), (n_boot, len(loss)))]
        for name in STATISTICS:
            reduce = getattr(np, name)
            values[name][i] = np.log(reduce(loss))
            draws[name][:, i] = np.log(reduce(resampled, axis=1))
    count = np.array([len(loss) for loss in losses])
    return {name: Curve(name, n, count, values[name], draws[name]) for name in STATISTICS}


def slope_weights(x: np.ndarray, windows: list[slice]) -> np.ndarray:
    """Rows of weights that turn values into the least squares slope on x, one row per window of sizes."""
    weights = np.zeros((len(windows), len(x)))
    for row, window in zip(weights, windows, strict=True):
        centred = x[window] - x[window].mean()
        row[window] = centred / (centred @ centred)
    return weights
