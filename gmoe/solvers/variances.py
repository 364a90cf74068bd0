"""The best variances within the bounds of the parameter space, for given squares of residuals."""

import numpy as np
import scipy

# Variance of an expert that fits its rows to the last digit, so that its logarithm is finite.
TINY = 1e-290


def best_variances(objective, mass, variance):
    """Log variances (k,) that maximise ``-sum mass (log v + variance / v) / 2`` within the bounds.

    In log v the sum is concave and the set convex.  With a bound on the ratio the best ones are the free ones cut to an
    interval [t, t / ratio]; the slope of the sum in log t falls, and its root is the best t (Fritz, Garcia-Escudero and
    Mayo-Iscar, 2013, cut at the same values).

    Parameters
    ----------
    objective : Objective
    mass : ndarray, shape (k,)
        Sums of responsibilities.
    variance : ndarray, shape (k,)
        Free maxima, scaled coordinates.
    """
    low, high, ratio = variance_bounds(objective)
    free = np.log(np.maximum(variance, TINY))
    cut = np.clip(free, low, high)
    if cut.max() - cut.min() <= -ratio:
        return cut
    mass = np.maximum(mass, 1e-12 * mass.sum())

    def slope(t):
        below, above = np.minimum(free - t, 0.0), np.maximum(free - (t - ratio), 0.0)
        return mass @ (np.expm1(below) + np.expm1(np.minimum(above, 300.0)))

    ends = cut.min(), cut.max() + ratio
    start, stop = min(ends), max(ends)
    if slope(start) <= 0.0:
        t = start
    elif slope(stop) >= 0.0:
        t = stop
    else:
        t = scipy.optimize.brentq(slope, start, stop, xtol=1e-14, rtol=1e-14)
    return np.clip(np.clip(free, t, t - ratio), low, high)


def variance_bounds(objective):
    """Least and largest log variance, and the log of the least ratio, scaled coordinates."""
    space, scaling = objective.space, objective.scaling
    unit = 0.0 if scaling is None else 2.0 * np.log(scaling.scale_y)
    with np.errstate(divide="ignore"):
        low = max(np.log(space.min_relative_variance), np.log(space.min_variance) - unit)
        return low, np.log(space.max_variance) - unit, np.log(space.variance_ratio)
