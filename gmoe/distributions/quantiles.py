"""Quantiles of mixtures: the distribution function inverted, on that side on which its logarithm is accurate."""

import numpy as np

from gmoe.distributions.mixture import Mixture
from gmoe.distributions.roots import solve

# Of the logarithm of a probability: what rounding leaves of it.
ROUNDING = 1e-14
# Brackets grow by this factor until they hold the root; 1e300 ends them.
GROWTH, MOST = 4.0, 500


def quantile(mixture: Mixture, level, upper) -> np.ndarray:
    """Find y below which, or above which where ``upper``, there is the probability ``level``; all of shape (m,)."""
    level, upper = np.broadcast_to(level, mixture.n_rows), np.broadcast_to(upper, mixture.n_rows)
    # On the other side where that has the smaller probability, as far as 1 - level has digits.
    above = np.where(level <= 0.5, upper, ~upper)
    target = np.log(np.where(level <= 0.5, level, 1.0 - level))

    def excess(y, rows):
        """Increasing: log of the probability below y minus its target, or the same from above with the other sign."""
        part, high = mixture.take(rows), above[rows]
        value, slope = np.empty(len(y)), np.empty(len(y))
        for side, log_tail, sign in ((~high, Mixture.log_cdf, 1.0), (high, Mixture.log_survival, -1.0)):
            mine = np.flatnonzero(side)
            if len(mine):
                some = part.take(mine)
                found = log_tail(some, y[mine])
                value[mine] = sign * (found - target[rows[mine]])
                with np.errstate(invalid="ignore"):
                    slope[mine] = np.exp(np.minimum(some.log_density(y[mine]) - found, 700.0))
        # Where a probability is 0 there is no derivative, but a side.
        return value, np.where(np.isfinite(value), slope, np.nan)

    low, high = mixture.hull(1.0)
    rows = np.arange(mixture.n_rows)
    _widen(low, low - high, lambda at, who: excess(at, who)[0] > 0.0, rows)
    _widen(high, high - low, lambda at, who: excess(at, who)[0] < 0.0, rows)
    return solve(excess, low, high, ROUNDING)


def _widen(end, width, is_short, rows):
    """Move ends of brackets outwards, in place, by growing widths, until the root is inside."""
    width = width.copy()
    for _ in range(MOST):
        rows = rows[is_short(end[rows], rows)]
        if not len(rows):
            return
        end[rows] = np.clip(end[rows] + width[rows], -1e300, 1e300)
        width[rows] *= GROWTH
