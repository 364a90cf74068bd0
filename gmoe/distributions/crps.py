"""The continuous ranked probability score of mixtures."""

import numpy as np
import scipy

from gmoe.distributions.mixture import Mixture

# Panels end at so many spreads from each expert's centre: close where the distribution function bends, then in a fixed
# ratio to where tails are powers.
PANELS = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0, *10.0 * 4.0 ** np.arange(9)])
# Gauss-Legendre nodes of each. With poles of a Cauchy distribution at +-i, and a power at 0, Bernstein's ellipses have
# the sums of axes 4 and 3: errors of 4**-16 and 3**-16 of a panel, and of that power's own part in the tails.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)


def crps(mixture: Mixture, y) -> np.ndarray:
    """Integral of the squared difference of the distribution function and that of the observation y, (m,).

    Of Gaussian experts in closed form (Grimit, Gneiting, Berrocal and Johnson, 2006), of others by quadrature.
    """
    return _gaussian(mixture, y) if mixture.gaussian else _by_panels(mixture, y)


def _gaussian(mixture, y):
    weight, centre, variance = np.exp(mixture.log_weight), mixture.centre, np.square(mixture.spread)
    to_y = _absolute(y - centre, variance)
    pairs = _absolute(centre[:, None] - centre, variance[:, None] + variance)
    return (weight * to_y).sum(axis=0) - 0.5 * np.einsum("im,jm,ijm->m", weight, weight, pairs)


def _absolute(mean, variance):
    """Return the expected absolute value of a Gaussian number."""
    sd = np.sqrt(variance)
    z = mean / sd
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return sd * (2.0 * density + z * scipy.special.erf(z / np.sqrt(2.0)))


def _by_panels(mixture, y):
    at = [mixture.centre + sign * mixture.spread * z for z in PANELS for sign in (-1.0, 1.0)]
    ends = np.sort(np.concatenate([*at, mixture.breaks, y[None]]), axis=0)
    middle, half = 0.5 * (ends[1:] + ends[:-1]), 0.5 * (ends[1:] - ends[:-1])
    t = middle[:, None] + half[:, None] * NODES[:, None]
    total = np.zeros(t.shape)
    for side, log_tail in ((t < y, Mixture.log_cdf), (t >= y, Mixture.log_survival)):
        row = np.nonzero(side)[2]
        total[side] = np.exp(2.0 * log_tail(mixture.take(row), t[side]))
    inside = np.einsum("pgm,pm,g->m", total, half, WEIGHTS)
    return inside + _rest(mixture, ends[0], Mixture.log_cdf) + _rest(mixture, ends[-1], Mixture.log_survival)


def _rest(mixture, end, log_tail):
    """Integral of a squared tail beyond the panels, where it is a power: infinite from a power of -1 on."""
    tail, distance = log_tail(mixture, end), np.abs(end - np.median(mixture.centre, axis=0))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        power = distance * np.exp(mixture.log_density(end) - tail)
        beyond = np.where(power > 0.5, distance * np.exp(2.0 * tail) / (2.0 * power - 1.0), np.inf)
    return np.where(np.isneginf(tail), 0.0, beyond)
