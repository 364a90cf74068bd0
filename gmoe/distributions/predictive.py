"""The predictive distribution: what a model says about responses at given features, for users."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from gmoe._validation import check_choice, check_level, check_levels
from gmoe.distributions.crps import crps
from gmoe.distributions.highest import highest_density
from gmoe.distributions.mixture import Mixture
from gmoe.distributions.pieces import modes
from gmoe.distributions.quantiles import quantile

# Numbers that are worked on at once: they stay in the cache.
AT_ONCE = 1 << 17
INTERVALS = ("central", "highest density")


class Intervals(NamedTuple):
    """Prediction intervals; ``lower, upper = intervals``.

    Attributes
    ----------
    lower, upper : ndarray
        Central ones have the shape of the responses, (n,) or (n, n_outputs). Sets of highest density have one axis
        more, the last: the intervals of a row from left to right, and nan behind them.
    """

    lower: np.ndarray
    upper: np.ndarray

    def contains(self, y) -> np.ndarray:
        """Whether each response lies in its interval, or in one of its intervals; shaped like y."""
        y = np.asarray(y, dtype=float)
        if y.ndim == self.lower.ndim:
            return (self.lower <= y) & (y <= self.upper)
        return ((self.lower <= y[..., None]) & (y[..., None] <= self.upper)).any(axis=-1)


@dataclass(frozen=True, eq=False)
class PredictiveDistribution:
    """Distribution of the response at each row of features; of several responses that of each by itself.

    Made by :meth:`gmoe.GMoE.predictive` and :meth:`gmoe.GaussianMoERegressor.predictive`. Responses y are a number for
    all, or have the ``shape`` of the distributions, or more axes before.

    Parameters
    ----------
    mixture : Mixture
        Of all rows and responses, one after the other.
    shape : tuple of int
        (n,), or (n, n_outputs) of several responses.
    """

    mixture: Mixture
    shape: tuple[int, ...]

    def log_density(self, y) -> np.ndarray:
        """Log-density at y."""
        return self._at(y, Mixture.log_density)

    def density(self, y) -> np.ndarray:
        """Density at y."""
        return np.exp(self.log_density(y))

    def cdf(self, y) -> np.ndarray:
        """Probability of a response up to y: the probability integral transform.

        Of responses that follow the model these are uniform between 0 and 1.
        """
        return np.exp(self._at(y, Mixture.log_cdf))

    def survival(self, y) -> np.ndarray:
        """Probability of a response above y, accurate also where it is tiny."""
        return np.exp(self._at(y, Mixture.log_survival))

    def quantile(self, levels, upper: bool = False) -> np.ndarray:
        """Responses below which there are given probabilities.

        Parameters
        ----------
        levels : float or array-like, shape (q,)
            Probabilities, each between 0 and 1.
        upper : bool, default False
            They are the probabilities above: the way to the far upper tail, where 1 - level has no digits left.

        Returns
        -------
        ndarray
            Of the shape of the distributions, with q levels one axis more, the last. They invert :meth:`cdf` to 1e-12
            of the smaller of level and 1 - level, or to the spacing of floating point numbers.

        Raises
        ------
        ValueError, TypeError
            For levels that are no numbers between 0 and 1.
        """
        levels = check_levels(levels, "levels")

        def invert(mixture, _):
            rows = np.repeat(np.arange(mixture.n_rows), levels.size)
            given = np.tile(levels.ravel(), mixture.n_rows)
            return quantile(mixture.take(rows), given, upper).reshape(mixture.n_rows, levels.size).T

        found = self._by_block(invert, levels.size)
        return self._shaped(found) if levels.ndim else self._shaped(found[0])

    def median(self) -> np.ndarray:
        """Quantile of level 1/2."""
        return self.quantile(0.5)

    def mode(self) -> np.ndarray:
        """Where the density is highest."""
        return self._shaped(self._by_block(lambda mixture, _: modes(mixture), 65 * len(self.mixture.log_weight)))

    def interval(self, level: float, kind: str = "central") -> Intervals:
        """Intervals that hold a response with a given probability.

        Parameters
        ----------
        level : float
            That probability, such as 0.9.
        kind : {"central", "highest density"}, default "central"
            "central": as much probability below as above. "highest density": the shortest set, a union of intervals
            where the density has several modes.

        Returns
        -------
        Intervals

        Raises
        ------
        ValueError, TypeError
            For a level that is no number between 0 and 1, or an unknown kind.
        """
        level = check_level(level, "level")
        if check_choice(kind, "kind", INTERVALS) == "central":
            return Intervals(*(self.quantile(0.5 * (1.0 - level), upper=upper) for upper in (False, True)))
        grid = 65 * len(self.mixture.log_weight)
        found = [highest_density(self.mixture.take(rows), level) for rows in self._blocks(grid)]
        most = max((len(lower) for lower, _ in found), default=1)
        ends = (np.concatenate([_padded(pair[i], most) for pair in found], axis=1) for i in (0, 1))
        return Intervals(*(self._shaped(end) for end in ends))

    def quantile_residuals(self, y) -> np.ndarray:
        """Take normal quantiles of :meth:`cdf` (Dunn and Smyth, 1996), accurate in both tails.

        Of responses that follow the model these are standard normal, whatever the experts.
        """

        def residual(mixture, y):
            below, above = mixture.log_cdf(y), mixture.log_survival(y)
            size = scipy.special.ndtri_exp(np.minimum(below, above))
            return np.where(below <= above, size, -size)

        return self._at(y, residual)

    def log_score(self, y) -> np.ndarray:
        """Negative log-density at y: a proper score, smaller is better."""
        return -self.log_density(y)

    def crps(self, y) -> np.ndarray:
        """Continuous ranked probability score at y, in the unit of y; smaller is better (Gneiting and Raftery, 2007).

        In closed form of Gaussian experts, otherwise by quadrature to about 1e-10. Infinite of t experts with 1/2
        degrees of freedom or less.
        """
        return self._at(y, crps, 240 * len(self.mixture.log_weight))

    def _at(self, y, function: Callable, width: int = 1):
        """Evaluate ``function(mixture, y)``, which works on m rows at once, at responses of any leading shape."""
        y = np.asarray(y, dtype=float)
        n = len(self.shape)
        if y.ndim and y.shape[max(y.ndim - n, 0) :] != self.shape:
            raise ValueError(
                f"y must be a number or have the shape {self.shape}, one for each row of X, got {y.shape}; more axes "
                "come before these."
            )
        front = y.shape[: y.ndim - n] if y.ndim else ()
        at = np.broadcast_to(y, front + self.shape).ravel()
        return self._by_block(function, width, at).reshape(front + self.shape)

    def _blocks(self, width: int, times: int = 1):
        """Yield numbers of rows, all of them some times, so many that ``width`` times as many are worked on at once."""
        n = self.mixture.n_rows
        length = max(AT_ONCE // (width * len(self.mixture.log_weight)), 1)
        # Of no rows there is one block.
        yield from (
            np.arange(lo, min(lo + length, n * times)) % max(n, 1) for lo in range(0, max(n * times, 1), length)
        )

    def _by_block(self, function: Callable, width: int, y=None):
        """Concatenate ``function(mixture, y)`` of blocks of rows, along its last axis."""
        lo, parts = 0, []
        for rows in self._blocks(width, 1 if y is None else len(y) // max(self.mixture.n_rows, 1)):
            parts.append(function(self.mixture.take(rows), None if y is None else y[lo : lo + len(rows)]))
            lo += len(rows)
        return np.concatenate(parts, axis=-1)

    def _shaped(self, values):
        """Values (..., rows) in the shape of the distributions, other axes after these."""
        values = values.reshape(*values.shape[:-1], *self.shape)
        return np.moveaxis(values, 0, -1) if values.ndim > len(self.shape) else values


def _padded(ends, count):
    return np.concatenate([ends, np.full((count - len(ends), ends.shape[1]), np.nan)])
