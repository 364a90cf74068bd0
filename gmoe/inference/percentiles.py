"""Intervals from draws of a bootstrap."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from gmoe._validation import check_choice, check_level
from gmoe.inference.estimates import Labelled, index_of, lines


@dataclass(frozen=True, eq=False)
class Draws:
    """Numbers of a fit, and of its bootstrap refits.

    Attributes
    ----------
    names : tuple of str, length m
    values : ndarray, shape (m,)
        Of the fit.
    draws : ndarray, shape (B, m)
        Of the refits.
    influence : ndarray, shape (n, m)
        Of each observation on the values, to first order.
    """

    names: tuple[str, ...]
    values: np.ndarray
    draws: np.ndarray
    influence: np.ndarray

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard deviations of the draws, shape (m,)."""
        return self.draws.std(axis=0, ddof=1)

    @property
    def covariance(self) -> Labelled:
        """Covariance of the draws, with names."""
        return Labelled(self.names, np.atleast_2d(np.cov(self.draws.T)))

    def interval(self, level: float = 0.95, method: str = "percentile") -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, each of shape (m,).

        Parameters
        ----------
        level : float, default 0.95
        method : {"percentile", "bca"}
            Quantiles of the draws; or the same at levels corrected for bias and skewness (Efron, JASA 82, 1987, 171-
            185), with the acceleration from the observations' influence, which needs no refits.
        """
        check_choice(method, "method", tuple(METHODS))
        low = 0.5 * (1.0 - check_level(level, "level"))
        tails = METHODS[method](self, np.array([low, 1.0 - low]))
        ends = [_quantile(column, tail) for column, tail in zip(self.draws.T, tails.T, strict=True)]
        lower, upper = np.array(ends).reshape(-1, 2).T
        return lower, upper

    def rows(self, level: float = 0.95, method: str = "percentile") -> list[dict[str, Any]]:
        """One dictionary by number: name, estimate, standard error, lower, upper."""
        lower, upper = self.interval(level, method)
        columns = zip(self.names, self.values, self.standard_errors, lower, upper, strict=True)
        return [
            {"name": name, "estimate": float(v), "std_error": float(e), "lower": float(lo), "upper": float(up)}
            for name, v, e, lo, up in columns
        ]

    def to_frame(self, level: float = 0.95, method: str = "percentile"):
        """Return the rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows(level, method)).set_index("name")

    def __getitem__(self, name: str) -> "Draws":
        """Return the one of a name; a KeyError with near names where there is none."""
        at = slice(i := index_of(name, self.names), i + 1)
        return Draws((name,), self.values[at], self.draws[:, at], self.influence[:, at])

    def __str__(self):
        return lines(self.rows(), "95%")


def _quantile(draws, levels):
    # The i-th of B draws has i / (B + 1) below it: of 99 draws NumPy's own rule would cut 3.45 % off in place of 2.5 %.
    return np.quantile(draws, levels, method="weibull") if np.isfinite(levels).all() else np.full(len(levels), np.nan)


def _percentile(draws, tails):
    return np.repeat(tails[:, None], len(draws.values), axis=1)


def _bca(draws, tails):
    """Levels (2, m) at which the interval is right to second order."""
    below = (draws.draws < draws.values).mean(axis=0) + 0.5 * (draws.draws == draws.values).mean(axis=0)
    B = len(draws.draws)
    bias = scipy.special.ndtri(np.clip(below, 0.5 / B, 1.0 - 0.5 / B))
    squares = np.sum(draws.influence**2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        acceleration = np.where(squares > 0.0, np.sum(draws.influence**3, axis=0) / (6.0 * squares**1.5), 0.0)
    shifted = bias + scipy.special.ndtri(tails)[:, None]
    levels = scipy.special.ndtr(bias + shifted / (1.0 - acceleration * shifted))
    return np.where(np.isnan(draws.values + draws.draws[0]), np.nan, levels)


#: Levels of the quantiles that are the ends.
METHODS = {"percentile": _percentile, "bca": _bca}
