"""Estimates with names: their standard errors, intervals and table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from gmoe._names import near
from gmoe._validation import check_level
from gmoe.solvers.evidence.result import lengths

#: Ranges of numbers: intervals are symmetric on the scale that makes the whole line of them (log, logit).
REAL, POSITIVE, PROBABILITY = (-np.inf, np.inf), (0.0, np.inf), (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Labelled:
    """A square matrix whose rows and columns have names.

    Attributes
    ----------
    names : tuple of str, length m
    values : ndarray, shape (m, m)
    """

    names: tuple[str, ...]
    values: np.ndarray

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __getitem__(self, pair):
        """Entry of two names."""
        return float(self.values[tuple(index_of(name, self.names) for name in pair)])

    def to_frame(self):
        """Return it as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.values, index=list(self.names), columns=list(self.names))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Numbers that a fit determines, with what sampling error does to them.

    Attributes
    ----------
    names : tuple of str, length m
    values : ndarray, shape (m,)
    spread : ndarray, shape (m, r)
        Root of their covariance, ``spread @ spread.T``; nan where there is no standard error.
    within : tuple of float or ndarray, shape (m, 2)
        Range of the numbers. Intervals stay inside, as they are symmetric for its log or logit.
    """

    names: tuple[str, ...]
    values: np.ndarray
    spread: np.ndarray
    within: Any = REAL

    @property
    def standard_errors(self) -> np.ndarray:
        """Square roots of the covariance's diagonal, shape (m,)."""
        return lengths(self.spread)

    @property
    def covariance(self) -> Labelled:
        """Covariance, with names."""
        return Labelled(self.names, self.spread @ self.spread.T)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of Wald intervals, each of shape (m,)."""
        half = scipy.special.ndtri(0.5 + check_level(level, "level") / 2.0)
        low, high = np.broadcast_to(self.within, (len(self.values), 2)).T
        # Hardly any information: an interval of what is positive is (0, inf). At 0 and 1 a logit has no slope.
        with np.errstate(all="ignore"):
            width = half * self.standard_errors * _slope(self.values, low, high)
            centre = _stretched(self.values, low, high)
            return _inside(centre - width, low, high), _inside(centre + width, low, high)

    def rows(self, level: float = 0.95) -> list[dict[str, Any]]:
        """One dictionary by number: name, estimate, standard error, lower, upper."""
        lower, upper = self.interval(level)
        columns = zip(self.names, self.values, self.standard_errors, lower, upper, strict=True)
        return [
            {"name": name, "estimate": float(v), "std_error": float(e), "lower": float(lo), "upper": float(up)}
            for name, v, e, lo, up in columns
        ]

    def to_frame(self, level: float = 0.95):
        """Return the rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows(level)).set_index("name")

    def __getitem__(self, name: str) -> "Estimates":
        """Return the one of a name; a KeyError with near names where there is none."""
        i = index_of(name, self.names)
        within = np.broadcast_to(self.within, (len(self.values), 2))[i : i + 1]
        return Estimates((name,), self.values[i : i + 1], self.spread[i : i + 1], within)

    def __str__(self):
        return lines(self.rows(), "95%")


def _stretched(values, low, high):
    """Map a range to the whole line: identity, log or logit."""
    return np.where(np.isinf(low), values, np.log(values - low)) - np.where(np.isinf(high), 0.0, np.log(high - values))


def _slope(values, low, high):
    """Differentiate :func:`_stretched`."""
    return np.where(np.isinf(low), 1.0, 1.0 / (values - low)) + np.where(np.isinf(high), 0.0, 1.0 / (high - values))


def _inside(stretched, low, high):
    """Return the inverse of :func:`_stretched`."""
    positive = np.where(np.isinf(high), np.exp(stretched), (high - low) * scipy.special.expit(stretched))
    return np.where(np.isinf(low), stretched, low + positive)


def index_of(name: str, names: Sequence[str]) -> int:
    """Place of a name; a KeyError with near ones where there is none."""
    if name not in names:
        raise KeyError(f"There is no {name!r}: {near(name, names, 'there are')}.")
    return list(names).index(name)


def lines(rows, percent: str) -> str:
    """Print rows of estimates."""
    width = max([4, *(len(row["name"]) for row in rows)])
    head = f"{'name':<{width}}  {'estimate':>12}  {'std. error':>12}  {percent + ' interval':>27}"
    body = (
        f"{row['name']:<{width}}  {row['estimate']:>12.6g}  {row['std_error']:>12.6g}  {row['lower']:>12.6g} .. "
        f"{row['upper']:>11.6g}"
        for row in rows
    )
    return "\n".join([head, "-" * len(head), *body])
