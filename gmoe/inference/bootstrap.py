"""The bootstrap of a fit: refits of drawn data, with the experts in the order of the fit."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from gmoe import table
from gmoe._validation import check_integer
from gmoe.constraints.system import satisfies
from gmoe.inference.chart import deviation_scores
from gmoe.inference.data import check_certified, data_of
from gmoe.inference.inference import infer
from gmoe.inference.percentiles import Draws
from gmoe.inference.refit import refit, run
from gmoe.inference.relabelled import matched
from gmoe.inference.resampling import Sample, resampler
from gmoe.model import GMoE
from gmoe.solvers.evidence.result import FitResult


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Refits of drawn data.

    Attributes
    ----------
    result : FitResult
    models : tuple of GMoE
        Of the refits that ended, each with its experts matched to those of the fit.
    statuses : mapping of str to int
        How the refits ended. Those that broke down (``failed``) or stopped on the way are in no interval.
    influence : ndarray, shape (n, r)
        Of the observations on the fit, in standard deviations of its identified directions.
    """

    result: FitResult
    models: tuple[GMoE, ...]
    statuses: Mapping[str, int]
    influence: np.ndarray

    @cached_property
    def parameters(self) -> Draws:
        """Draws of all parameters; nan for those with a note in the summary."""
        noted = np.array(self.result.notes) != ""
        values = np.array([table.parameter_values(model) for model in self.models])
        values[:, noted] = np.nan
        value = table.parameter_values(self.result.model)
        slopes = np.where(noted[:, None], np.nan, self.result.spread)
        return Draws(self.result.parameter_names, value, values, self.influence @ slopes.T)

    def of(self, function: Callable, names: Sequence[str] | None = None) -> Draws:
        """Draws of any function of the model: a number or an array."""
        found = infer(self.result).delta(function, names)
        values = np.array([np.ravel(function(model)) for model in self.models])
        return Draws(found.names, found.values, values, self.influence @ found.spread.T)

    def interval(self, level: float = 0.95, method: str = "percentile") -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends for all parameters: see :meth:`Draws.interval`."""
        return self.parameters.interval(level, method)

    def to_frame(self, level: float = 0.95, method: str = "percentile"):
        """Return a pandas DataFrame of all parameters (needs pandas)."""
        return self.parameters.to_frame(level, method)

    def __str__(self):
        ends = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        return f"{self.parameters}\n\n{sum(self.statuses.values())} refits: {ends}"


def bootstrap(
    result: FitResult,
    X,
    y,
    weight=None,
    *,
    rng: np.random.Generator,
    kind: str = "nonparametric",
    n_boot: int = 999,
    strata: Any = None,
    n_jobs: int | None = None,
) -> Bootstrap:
    """Refit data drawn again and again, from the parameters of the fit.

    Parameters
    ----------
    result : FitResult
        Certified.
    X, y, weight : array-like
        The data of the fit.
    rng : numpy.random.Generator
    kind : {"nonparametric", "parametric", "stratified"}
        Rows with replacement; responses from the fitted model; rows with replacement within ``strata``.
    n_boot : int, default 999
    strata : array-like, shape (n,), optional
    n_jobs : int, optional
        Processes; results do not depend on it.

    Raises
    ------
    ValueError
        For fits without certificate, other data, and settings that are unknown or do not go together.
    """
    check_certified(result, "A bootstrap")
    check_integer(n_boot, "n_boot", 2)
    X, y, weight = data_of(result, X, y, weight)
    draws, labels = resampler(kind, strata, len(y))
    used = weight > 0.0
    labels = None if labels is None else np.unique(labels[used], return_inverse=True)[1]
    sample = Sample(result.model, X[used], y[used], weight[used], labels)
    found = run(partial(_once, result, sample, draws), rng, n_boot, n_jobs)
    ended = [model for model, _ in found if model is not None]
    if len(ended) < 2:
        raise ValueError(
            f"Fewer than two of {n_boot} refits ended; the data are too few for a bootstrap of this model."
        )
    influence = deviation_scores(result, sample.X, sample.y) * sample.weight[:, None]
    return Bootstrap(result, tuple(ended), dict(Counter(status for _, status in found)), influence)


def _once(result, sample, draws, rng):
    """Draw and refit: the matched model, or None, and how it ended."""
    X, y, weight = draws(sample, rng)
    again = refit(result, X, y, weight)
    if again is None:
        return None, "failed"
    return (_in_order(again, result, sample) if again.converged else None), again.status


def _in_order(again, result, sample):
    """Model of a refit with its experts matched to those of the fit, unless constraints name them."""
    found = matched(again.model, result.model, sample.X, sample.y)
    return found if satisfies(found, result.parameter_names, result.constraints) else again.model
