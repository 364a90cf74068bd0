"""The step of Newton's method in a trust region, without a spectrum (More and Sorensen, 1983).

It is that of :func:`gmoe.solvers.ascent.newton.trust_region_step`.  Near a maximum a Cholesky factorisation is all that
it needs; elsewhere the matrix is made tridiagonal once, and each shift costs next to nothing.
"""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb import tridiagonal
from gmoe.kernels.climb.dense import copy, dot, factor, solve

# Curvature, relative to the largest, that tells a lowest eigenvalue from zero: bisection finds it to 1e-15.
FLAT = 1e-12
SHIFTS, NEAR_RADIUS = 60, 1e-3


@kernel
def trust_region(curvature, slope, radius, step):
    """Write the maximiser of ``slope . s - s' curvature s / 2`` over ``|s| <= radius`` to ``step``.

    Returns
    -------
    lowest : float
        The lowest eigenvalue of the curvature where it is not positive definite, else 0.
    rise : float
        The maximum without the bound on the step; infinite where there is none.
    """
    n = slope.shape[0]
    lower = np.empty((n, n))
    copy(curvature.ravel(), lower.ravel())
    copy(slope, step)
    rise = np.inf
    if factor(lower):
        solve(lower, step)
        rise = 0.5 * dot(slope, step)
        if dot(step, step) <= radius * radius:
            return 0.0, rise
    turned, b = np.empty((n, n)), np.empty(n)
    copy(curvature.ravel(), turned.ravel())
    copy(slope, b)
    diagonal, beside, factors = np.empty(n), np.empty(n - 1), np.empty(n - 1)
    tridiagonal.reduce(turned, diagonal, beside, factors)
    tridiagonal.turn(turned, factors, b, False)
    lowest = _bounded(diagonal, beside, b, radius, rise < np.inf, step)
    tridiagonal.turn(turned, factors, step, True)
    return lowest, rise


@kernel
def _bounded(diagonal, beside, b, radius, definite, step):
    """Do the same for a tridiagonal matrix; the step is as long as the radius, or the matrix singular."""
    scale = tridiagonal.size(diagonal, beside)
    lowest = 0.0 if definite else tridiagonal.lowest(diagonal, beside, scale)
    floor = max(0.0, -lowest)
    low = floor + FLAT * scale
    if not definite and tridiagonal.solve_shifted(diagonal, beside, low, b, step):
        length = math.sqrt(dot(step, step))
        if length < radius:
            # What has neither slope nor curvature is not moved.
            if lowest < -FLAT * scale:
                _fill(diagonal, beside, low, b, radius, step)
            return lowest
    high = floor + math.sqrt(dot(b, b)) / radius + 2.0 * FLAT * scale
    _shift(diagonal, beside, b, radius, floor, low, high, step)
    return lowest


@kernel
def _fill(diagonal, beside, low, b, radius, step):
    """Hard case: the slope has no part along the lowest curvature, which fills up the radius."""
    n = diagonal.shape[0]
    vector, image = np.empty(n), np.empty(n)
    for i in range(n):
        vector[i] = 1.0 + 0.1 * math.sin(3.0 * i)
    # Inverse iteration: each step brings the lowest one nearer by its distance from the others over FLAT.
    for _ in range(4):
        tridiagonal.solve_shifted(diagonal, beside, low, vector, image)
        length = math.sqrt(dot(image, image))
        for i in range(n):
            vector[i] = image[i] / length
    across = dot(step, vector)
    for i in range(n):
        step[i] -= across * vector[i]
    rest = math.sqrt(max(radius * radius - dot(step, step), 0.0))
    rest = rest if dot(b, vector) >= 0.0 else -rest
    for i in range(n):
        step[i] += rest * vector[i]


@kernel
def _shift(diagonal, beside, b, radius, floor, low, high, step):
    """Step of that length to a thousandth, by its shift: Newton on 1 / |s|, guarded by a bracket."""
    shift, image = high, np.empty(b.shape[0])
    for _ in range(SHIFTS):
        if not tridiagonal.solve_shifted(diagonal, beside, shift, b, step):
            low = shift
            shift = floor + math.sqrt((low - floor) * (high - floor))
            continue
        length = math.sqrt(dot(step, step))
        if abs(length - radius) < NEAR_RADIUS * radius:
            break
        if length > radius:
            low = shift
        else:
            high = shift
        tridiagonal.solve_shifted(diagonal, beside, shift, step, image)
        slope = -dot(step, image) / length
        shift -= (length / radius) * (length - radius) / slope
        if not low < shift < high:
            shift = floor + math.sqrt((low - floor) * (high - floor))
