"""Sets of highest density: the shortest sets that have a given probability, unions of intervals."""

from dataclasses import dataclass

import numpy as np

from gmoe.distributions.mixture import Mixture
from gmoe.distributions.pieces import Pieces, pieces
from gmoe.distributions.quantiles import quantile
from gmoe.distributions.roots import solve

# Part of the probability outside of a set, at each end of the line, that is not looked at.
UNSEEN = 1e-10
# Of the probability of a set.
ROUNDING = 1e-14
# Of the log of the threshold: sets for one more and one less hold the set between them.
NEAR = 1e-9


def highest_density(mixture: Mixture, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends, (r, m), of intervals from left to right, nan behind those that a row has.

    The set is where the density exceeds a threshold. Where the density is constant at that threshold, as a uniform one
    is, any part of there would do; it is filled from the side where the density was higher.
    """
    spare = UNSEEN * (1.0 - level)
    sets = _LevelSets(mixture, pieces(mixture, *(quantile(mixture, spare, upper) for upper in (False, True))))
    rows = np.arange(mixture.n_rows)
    log_top, lowest = sets.pieces.log_top, np.fmin(sets.pieces.log_left, sets.pieces.log_right)
    floor = np.nanmin(np.where(np.isneginf(lowest), np.nan, lowest), axis=0) - 1.0

    def excess(log_threshold, some):
        part = sets.take(some)
        start, end, lengthening = part.at(log_threshold)
        return level - part.mass(start, end), lengthening

    log_threshold = solve(excess, floor, log_top.max(axis=0), ROUNDING)
    small, large = (sets.at(log_threshold + sign * NEAR)[:2] for sign in (1.0, -1.0))

    def between(share, some):
        return [a[:, some] + share * (b[:, some] - a[:, some]) for a, b in zip(small, large, strict=True)]

    def missing(share, some):
        return sets.take(some).mass(*between(share, some)) - level, None

    share = solve(missing, np.zeros(len(rows)), np.ones(len(rows)), ROUNDING)
    return _joined(*between(share, rows))


@dataclass(frozen=True, eq=False)
class _LevelSets:
    """Where densities exceed thresholds, by piece."""

    mixture: Mixture
    pieces: Pieces

    def take(self, rows):
        taken = {name: values[:, rows] for name, values in vars(self.pieces).items()}
        return _LevelSets(self.mixture.take(rows), Pieces(**taken))

    def at(self, log_threshold):
        """Start and end in each piece, (c, m), and by how much probability all shrink for each unit of the logs, (m,).

        A piece that is below the threshold has an interval without length at its higher end.
        """
        given = self.pieces
        cut = (log_threshold < given.log_top) & (log_threshold > np.fmin(given.log_left, given.log_right))
        piece, row = np.nonzero(cut)
        part, sign = self.mixture.take(row), np.where(given.rising[cut], 1.0, -1.0)

        def above(y, some):
            mine = part.take(some)
            return sign[some] * (mine.log_density(y) - log_threshold[row[some]]), sign[some] * mine.slope(y)

        crossing = np.where(log_threshold < given.log_top, np.where(given.rising, given.left, given.right), given.top)
        crossing[cut] = solve(above, given.left[cut], given.right[cut], ROUNDING)
        with np.errstate(divide="ignore"):
            shrinking = np.exp(log_threshold[row]) / np.abs(part.slope(crossing[cut]))
        total = np.bincount(row, shrinking, self.mixture.n_rows)
        bounds = np.where(given.rising, crossing, given.left), np.where(given.rising, given.right, crossing)
        return *bounds, total

    def mass(self, start, end):
        """Probability of all pieces together, (m,)."""
        below = np.exp(self.mixture.log_cdf(end)) - np.exp(self.mixture.log_cdf(start))
        return np.nansum(below, axis=0)


def _joined(start, end):
    """Intervals that touch, as one; those without length left out."""
    full = end > start  # and not nan
    start, end = np.where(full, start, np.inf), np.where(full, end, -np.inf)
    n = start.shape[1]
    reached = np.concatenate([np.full((1, n), -np.inf), np.maximum.accumulate(end)[:-1]])
    following = np.concatenate([np.minimum.accumulate(start[::-1])[::-1][1:], np.full((1, n), np.inf)])
    lower = np.sort(np.where(full & (start > reached), start, np.nan), axis=0)
    upper = np.sort(np.where(full & (end < following), end, np.nan), axis=0)
    count = int(np.isfinite(lower).sum(axis=0).max(initial=1))
    return lower[:count], upper[:count]
