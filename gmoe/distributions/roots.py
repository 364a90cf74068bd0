"""Roots of many increasing functions at once: Newton's method within brackets."""

from collections.abc import Callable

import numpy as np

# Bisection alone halves a bracket of 1e300 down to the last digit in some 2000 steps, and one of 1e12 in 95.
MOST = 3000
# Steps are at an end where they move the last digit.
LAST_DIGIT = np.finfo(float).eps

Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray | None]]


def solve(function: Function, low, high, tolerance: float = 0.0) -> np.ndarray:
    """Find where increasing functions are 0, one for each bracket.

    Each step is Newton's, or a secant's where there is no derivative; where it leaves the bracket, or does not halve
    the step before last, the bracket is halved (the safeguard of Brent's and of Dekker's methods).

    Parameters
    ----------
    function : callable
        Of points (a,) and their numbers among the brackets (a,) of int: values and derivatives, or None for these.
        Derivatives may be nan.
    low, high : ndarray, shape (n,)
        Brackets.
    tolerance : float, default 0
        Absolute value of a function that is 0.

    Returns
    -------
    ndarray, shape (n,)
        An end of the bracket where the function has no root in it.
    """
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    root = 0.5 * low + 0.5 * high
    open_, y = np.arange(len(root)), root.copy()
    lo, hi = low, high
    before, at_before = np.full(len(root), np.nan), np.full(len(root), np.nan)
    last = np.full(len(root), np.inf)
    last_but_one = last
    for _ in range(MOST):
        if not len(open_):
            break
        value, slope = function(y, open_)
        lo, hi = np.where(value < 0.0, y, lo), np.where(value > 0.0, y, hi)
        with np.errstate(all="ignore"):
            step = -value / ((value - at_before) / (y - before) if slope is None else slope)
            good = (y + step > lo) & (y + step < hi) & (2.0 * np.abs(step) < last_but_one) & (step != 0.0)
        following = np.where(good, y + step, 0.5 * lo + 0.5 * hi)
        moved = np.abs(following - y)
        small = LAST_DIGIT * np.maximum(np.abs(y), np.finfo(float).tiny)
        done = (np.abs(value) <= tolerance) | ((moved <= small) & good) | (hi - lo <= small)
        root[open_] = np.where(np.abs(value) <= tolerance, y, following)
        go = ~done
        before, at_before, last_but_one, last = y[go], value[go], last[go], moved[go]
        y, lo, hi, open_ = following[go], lo[go], hi[go], open_[go]
    return root
