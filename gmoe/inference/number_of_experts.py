"""The bootstrap likelihood-ratio test of k against k + 1 experts."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from gmoe._validation import check_integer
from gmoe.inference.data import check_certified, data_of
from gmoe.inference.refit import refit, run, search
from gmoe.inference.resampling import Sample, parametric
from gmoe.solvers.evidence.result import FitResult


@dataclass(frozen=True, eq=False)
class ExpertsTest:
    """A test of k against k + 1 experts.

    Attributes
    ----------
    n_experts : int
        k.
    statistic : float
        Twice the gain of log-likelihood.
    draws : ndarray, shape (B,)
        The same of data from the fit with k experts.
    """

    n_experts: int
    statistic: float
    draws: np.ndarray

    @property
    def p_value(self) -> float:
        """Share of the draws, and the statistic itself, that are as large or larger."""
        return (1.0 + float(np.sum(self.draws >= self.statistic))) / (len(self.draws) + 1.0)

    def __str__(self):
        return (
            f"{self.n_experts} against {self.n_experts + 1} experts: 2 log LR = {self.statistic:.4f}, "
            f"p = {self.p_value:.4g} by {len(self.draws)} data sets of {self.n_experts} experts"
        )


def n_experts_test(
    result: FitResult,
    X,
    y,
    weight=None,
    *,
    rng: np.random.Generator,
    n_boot: int = 99,
    n_init: int = 5,
    n_jobs: int | None = None,
) -> ExpertsTest:
    """Test whether one more expert than a fit has explains the data better than chance.

    The statistic is not chi-square, as the weight of the further expert is at its bound under the hypothesis: its
    distribution is had from data of the fit, treated alike (McLachlan, Applied Statistics 36, 1987, 318-324).

    Parameters
    ----------
    result : FitResult
        Certified, of k experts.
    X, y, weight : array-like
        The data of the fit.
    rng : numpy.random.Generator
    n_boot : int, default 99
        Data sets. A p-value is a multiple of 1 / (n_boot + 1).
    n_init : int, default 5
        Effort of the search for the maximum with k + 1 experts, of the data and of all that are drawn.
    n_jobs : int, optional
        Processes; results do not depend on it.

    Raises
    ------
    ValueError
        For a fit without certificate, other data, and a fit under constraints.
    """
    check_certified(result, "A test of the number of experts")
    check_integer(n_boot, "n_boot", 1)
    if result.held:
        raise ValueError(
            f"The fit holds {result.held[0]}: constraints name experts of one number of them, and k + 1 has "
            "others. Test fits without constraints."
        )
    X, y, weight = data_of(result, X, y, weight)
    used = weight > 0.0
    sample = Sample(result.model, X[used], y[used], weight[used])
    gain = partial(_gain, result, n_init)
    first = gain((sample.X, sample.y, sample.weight), int(rng.integers(2**31)))
    draws = run(partial(_once, gain, sample), rng, n_boot, n_jobs)
    return ExpertsTest(result.model.n_experts, first, np.array(draws))


def _once(gain, sample, rng):
    return gain(parametric(sample, rng), int(rng.integers(2**31)))


def _gain(result, n_init, data, seed):
    """Twice the gain by one more expert, of data and of draws alike; a search that ends lower has found no gain."""
    X, y, weight = data
    small = refit(result, X, y, weight)
    large = search(result, result.model.n_experts + 1, X, y, weight, n_init, seed)
    return max(0.0, 2.0 * (large.log_likelihood - small.log_likelihood)) if small is not None else 0.0
