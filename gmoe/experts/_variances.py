"""The best variances within the bounds of the parameter space, for given squares of residuals."""

import numpy as np
import scipy

# Variance of an expert that fits its rows to the last digit, so that its logarithm is finite.
TINY = 1e-290


def best_variances(bounds, mass, variance):
    """Log variances (k,) that maximise ``-sum mass (log v + variance / v) / 2`` within the bounds.

    In log v the sum is concave and the set convex.  With a bound on the ratio the best ones are the free ones cut to an
    interval [t, t / ratio]; the slope of the sum in log t falls, and its root is the best t (Fritz, Garcia-Escudero and
    Mayo-Iscar, 2013, cut at the same values).

    Parameters
    ----------
    bounds : VarianceBounds
    mass : ndarray, shape (k,)
        Sums of responsibilities.
    variance : ndarray, shape (k,)
        Free maxima, scaled coordinates.
    """
    low, high, ratio = bounds
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
