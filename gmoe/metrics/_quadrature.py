"""Adaptive Gauss-Legendre quadrature over y, for many x at once."""

from collections.abc import Callable

import numpy as np

#: Nodes per panel.  A panel is accepted where its halves agree with it.
ORDER = 15
#: Panels end at these multiples of each expert's standard deviation about its mean, so that no expert, however narrow,
#: lies inside of one; beyond the last a Gaussian density is below 1e-43 of its peak.
MARKS = np.array([0.0, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 14.0])
#: The same for densities with heavy tails: beyond the last, Student's t of 3 degrees of freedom has 1e-11.
FAR_MARKS = np.concatenate([MARKS, np.geomspace(20.0, 1e4, 13)])
#: Halvings of a panel; at 60 its ends are neighbouring floating-point numbers.
MAX_DEPTH = 60
#: Panels worked on at a time: the arrays of one batch stay within some megabytes.
BATCH = 4096

_NODE, _WEIGHT = np.polynomial.legendre.leggauss(ORDER)

Integrand = Callable[[np.ndarray, np.ndarray], np.ndarray]


def panels(means: np.ndarray, variance: np.ndarray, far=MARKS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, lower and upper end of the first panels; means (n, m) and variances (n, m) of all experts involved."""
    marks = np.concatenate([-far[:0:-1], far])
    ends = means[:, :, None] + np.sqrt(variance)[:, :, None] * marks
    ends = np.sort(ends.reshape(len(means), -1), axis=1)
    row = np.repeat(np.arange(len(means)), ends.shape[1] - 1)
    low, high = ends[:, :-1].ravel(), ends[:, 1:].ravel()
    wide = high > low
    return row[wide], low[wide], high[wide]


def integrate(integrand: Integrand, row, low, high, n_rows: int, tolerance) -> np.ndarray:
    """Integrate ``integrand(row, y)`` over the panels of each row.

    Parameters
    ----------
    integrand : callable
        Of rows (p,) and points (p, ORDER), returns values (p, ORDER).
    row, low, high : ndarray, shape (p,)
        First panels, sorted by row.
    n_rows : int
    tolerance : callable
        From the estimates so far (n_rows,) to the error allowed to a single panel of each row.

    Returns
    -------
    ndarray, shape (n_rows,)
    """
    whole = _panel(integrand, row, low, high)
    total = np.bincount(row, whole, n_rows)
    for _ in range(MAX_DEPTH):
        middle = 0.5 * (low + high)
        left, right = _panel(integrand, row, low, middle), _panel(integrand, row, middle, high)
        change = left + right - whole
        total += np.bincount(row, change, n_rows)
        again = (np.abs(change) > tolerance(total)[row]) & (middle > low) & (middle < high)
        if not again.any():
            break
        row = np.concatenate([row[again], row[again]])
        low, high = np.concatenate([low[again], middle[again]]), np.concatenate([middle[again], high[again]])
        whole = np.concatenate([left[again], right[again]])
    return total


def _panel(integrand, row, low, high):
    value = np.empty(len(row))
    for start in range(0, len(row), BATCH):
        part = slice(start, start + BATCH)
        half = 0.5 * (high[part] - low[part])
        y = low[part, None] + half[:, None] * (1.0 + _NODE)
        value[part] = half * (integrand(row[part], y) @ _WEIGHT)
    return value
