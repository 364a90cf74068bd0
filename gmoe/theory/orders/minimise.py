"""The smallest Hellinger distance on a box at a given value of one coordinate."""

from dataclasses import dataclass

import numpy as np
import scipy

#: Steps of one descent, and how little the distance must fall in several of them for it to have ended.
MAX_STEPS, WINDOW, STILL = 100, 5, 1e-3
#: Distances below are rounding.
ROUNDING = 1e-12
#: Damping at the start, and the factors by which it falls and rises, so often in one step.
DAMPING, EASE, BRAKE, MAX_TRIALS = 1e-3, 0.2, 5.0, 12


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a descent ended.

    Attributes
    ----------
    z : ndarray
    distance : float
    stationarity : float
        Cosine of the largest angle between the residuals and what a free coordinate changes: 0 at a stationary point.
    """

    z: np.ndarray
    distance: float
    stationarity: float


def descend(residuals, z, free, box, max_steps=MAX_STEPS) -> Minimum:
    """Minimise the norm of the residuals over the ``free`` coordinates by Levenberg and Marquardt's method.

    Near a singular truth the derivatives in different coordinates differ by orders of magnitude; damping in units of
    the columns' largest norms so far makes the steps independent of units. A step is cut at the box coordinate by
    coordinate; coordinates at an end that pull outward are left out of the next one.
    """
    low, high = box
    z = np.clip(z, low, high)
    r, damping, scale = residuals(z), DAMPING, np.zeros(len(free))
    value, history = float(r @ r), []
    if not np.isfinite(value):
        return Minimum(z, np.inf, np.inf)
    for _ in range(max_steps):
        if value < ROUNDING**2:
            break
        jacobian = residuals.jacobian(z)[:, free]
        gradient = jacobian.T @ r
        norm = np.linalg.norm(jacobian, axis=0)
        scale = np.maximum(scale * 0.5, norm)
        at = z[free]
        inside = ~(((at <= low[free]) & (gradient > 0)) | ((at >= high[free]) & (gradient < 0))) & (scale > 0.0)
        inner, unit = free[inside], scale[inside]
        if not len(inner):
            break
        u, s, vt = scipy.linalg.svd(jacobian[:, inside] / unit, full_matrices=False, check_finite=False)
        pull = u.T @ r
        for _ in range(MAX_TRIALS):
            step = -(vt.T @ (s / (s * s + damping * damping) * pull)) / unit
            trial = z.copy()
            trial[inner] = np.clip(z[inner] + step, low[inner], high[inner])
            new = residuals(trial)
            new_value = float(new @ new)
            if new_value < value:
                break
            damping *= BRAKE
        else:
            break
        z, r, value = trial, new, new_value
        damping = max(damping * EASE, 1e-16)
        history.append(value)
        if len(history) > WINDOW and value > history[-1 - WINDOW] * (1.0 - STILL) ** 2:
            break
    return Minimum(z, np.sqrt(value), _stationarity(residuals, z, r, free, low, high))


def _stationarity(residuals, z, r, free, low, high):
    jacobian = residuals.jacobian(z)[:, free]
    gradient, at = jacobian.T @ r, z[free]
    size = np.linalg.norm(jacobian, axis=0) * np.linalg.norm(r)
    inside = ~(((at <= low[free]) & (gradient > 0)) | ((at >= high[free]) & (gradient < 0))) & (size > 0.0)
    return float(np.max(np.abs(gradient[inside]) / size[inside], initial=0.0))
