"""Trust-region Newton ascent on the observed log-likelihood.

Over-specified models have nearly singular information and saddles between their maxima, so the step comes from the
full spectrum of the Hessian: regularised where it is flat, along the most negative curvature where the gradient has
vanished on a saddle.  The stop is on the gradient and the curvature, never on a change.
"""

import numpy as np

from gmoe.solvers.em import Ascent
from gmoe.solvers.objective import OBSERVED, Objective

# An average-information eigenvalue below minus this is a direction of ascent, not rounding.
CURVATURE = 1e-7


def newton(objective: Objective, theta, tol=1e-8, max_iter=500) -> Ascent:
    """Climb until the largest average-gradient entry is at most ``tol`` and no curvature points upwards.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (P,)
    tol : float
    max_iter : int
        Bound on the passes over the data.
    """
    basis = objective.identified
    current = objective.evaluate(theta, OBSERVED)
    history = [current.value]
    radius = 1.0
    spectrum = None
    converged = False
    for _ in range(max_iter):
        if spectrum is None:
            gradient = basis.T @ current.gradient
            values, vectors = np.linalg.eigh(-(basis.T @ current.hessian @ basis))
            spectrum = values, vectors, vectors.T @ gradient
        values, vectors, along = spectrum
        flat = np.abs(current.gradient).max() <= tol
        if flat and values[0] >= -CURVATURE:
            converged = True
            break
        step, predicted = _step(values, along, radius)
        length = np.linalg.norm(step)
        trial = objective.evaluate(current.theta + basis @ (vectors @ step), OBSERVED)
        gain = trial.value - current.value
        ratio = gain / predicted if np.isfinite(gain) and predicted > 0 else -1.0
        # Below rounding of the value only the gradient can tell progress.
        tiny = predicted < 1e-13 * max(1.0, abs(current.value))
        if tiny and np.abs(trial.gradient).max() < np.abs(current.gradient).max():
            ratio = 1.0
        if ratio < 0.25:
            radius = 0.25 * length
        elif ratio > 0.75 and length > 0.8 * radius:
            radius = min(2.5 * radius, 1e6)
        if ratio > 1e-4:
            current, spectrum = trial, None
            history.append(current.value)
        elif radius < 1e-11:
            break
    return Ascent(current, tuple(history), converged)


def _step(values, along, radius):
    """Maximiser of ``along . s - s' diag(values) s / 2`` over ``|s| <= radius``, and that maximum."""
    lowest = values[0]
    if lowest > 0:
        step = along / values
        if step @ step <= radius * radius:
            return step, 0.5 * (along @ step)
    # Secular equation |s(shift)| = radius with values + shift > 0, bracketed, then bisected in the logarithm.
    floor = max(0.0, -lowest)
    scale = max(abs(lowest), abs(values[-1]), 1e-300)
    low, high = floor + 1e-15 * scale, floor + np.linalg.norm(along) / radius + 1e-14 * scale
    if np.linalg.norm(along / (values + low)) < radius:
        # Hard case: the gradient has no component along the lowest curvature, which fills up the radius.
        step = along / (values + low)
        step[0] += np.copysign(np.sqrt(max(radius * radius - step @ step, 0.0)), along[0])
    else:
        shift = high
        for _ in range(60):
            step = along / (values + shift)
            length = np.linalg.norm(step)
            if abs(length - radius) < 1e-3 * radius:
                break
            if length > radius:
                low = shift
            else:
                high = shift
            # Newton on 1/|s| converges in a few steps; the bracket guards it.
            slope = -(step @ (step / (values + shift))) / length
            shift = shift - (length / radius) * (length - radius) / slope
            if not low < shift < high:
                shift = floor + np.sqrt((low - floor) * (high - floor))
        step = along / (values + shift)
    return step, along @ step - 0.5 * (values @ (step * step))
