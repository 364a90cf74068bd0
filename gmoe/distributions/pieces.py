"""Where the densities of mixtures rise and fall: intervals on which each is monotone, and modes."""

from dataclasses import dataclass

import numpy as np

from gmoe.distributions.mixture import Mixture
from gmoe.distributions.roots import solve

# The slope's sign is looked at so often, in spreads of each expert about its centre: two modes of Gaussian experts that
# lie closer are parted by a dip of less than 1e-3 of their height.
GRID = np.linspace(-8.0, 8.0, 65)
# Modes lie between the centres of experts that have one mode each, give or take rounding.
AROUND = 8.0


@dataclass(frozen=True, eq=False)
class Pieces:
    """Intervals from left to right on which densities are monotone, (c, m); nan behind those that a row has.

    Attributes
    ----------
    left, right : ndarray, shape (c, m)
    log_left, log_right : ndarray, shape (c, m)
        Log-densities at the ends, from within.
    """

    left: np.ndarray
    right: np.ndarray
    log_left: np.ndarray
    log_right: np.ndarray

    @property
    def rising(self) -> np.ndarray:
        """Whether the density is higher on the right."""
        return self.log_right > self.log_left

    @property
    def top(self) -> np.ndarray:
        """The end at which the density is higher."""
        return np.where(self.rising, self.right, self.left)

    @property
    def log_top(self) -> np.ndarray:
        """The higher of the log-densities at the ends, -inf where there is no interval."""
        return np.fmax(np.fmax(self.log_left, self.log_right), -np.inf)


def pieces(mixture: Mixture, left, right) -> Pieces:
    """Cut the lines from ``left`` to ``right``, (m,) each, where the slope of the density changes its sign or it jumps.

    Sources of error: modes that are parted by next to nothing (see ``GRID``) are taken for one.
    """
    breaks = mixture.breaks
    at = [mixture.centre + mixture.spread * z for z in GRID]
    grid = np.sort(np.clip(np.concatenate([left[None], *at, breaks, right[None]]), left, right), axis=0)
    rises = mixture.slope(grid) > 0.0
    cell, row = np.nonzero((rises[1:] != rises[:-1]) & (grid[1:] > grid[:-1]))
    sign, part = np.where(rises[cell, row], -1.0, 1.0), mixture.take(row)

    def falling(y, some):
        return sign[some] * part.take(some).slope(y), None

    turns = np.full((len(grid) - 1, mixture.n_rows), np.nan)
    turns[cell, row] = solve(falling, grid[cell, row], grid[cell + 1, row])
    inner = np.where((breaks > left) & (breaks < right), breaks, np.nan)
    ends = np.sort(np.concatenate([left[None], turns, inner, right[None]]), axis=0)  # nan comes last
    ends = ends[: max(np.count_nonzero(np.isfinite(ends).any(axis=1)), 2)]
    left, right = ends[:-1], ends[1:]
    within = mixture.log_density(np.nextafter(left, np.inf)), mixture.log_density(np.nextafter(right, -np.inf))
    return Pieces(left, right, *within)


def modes(mixture: Mixture) -> np.ndarray:
    """Find where the densities are highest, (m,); the first such place where there are several."""
    found = pieces(mixture, *mixture.hull(AROUND))
    best = found.log_top.argmax(axis=0)
    return found.top[best, np.arange(mixture.n_rows)]
