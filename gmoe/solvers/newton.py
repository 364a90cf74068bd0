"""Trust-region Newton ascent on the observed log-likelihood.

Over-specified models have nearly singular information and saddles between their maxima, so the step comes from the
full spectrum of the Hessian: regularised where it is flat, along the most negative curvature where the gradient has
vanished on a saddle.  With many parameters Hessian-vector products and conjugate gradients take the spectrum's place.
The stop is on the gradient and the curvature, never on a change.
"""

import numpy as np

from gmoe.solvers.conjugate import Krylov
from gmoe.solvers.em import Ascent
from gmoe.solvers.objective import COMPLETE, OBSERVED, Objective
from gmoe.solvers.space import Space, slope

# An average-information eigenvalue below minus this is a direction of ascent, not rounding.
CURVATURE = 1e-7
# Parameters up to which a pass with the exact Hessian is cheaper than some ten products with it.
EXACT_LIMIT = 120
MAX_RADIUS = 1e6


class Spectrum:
    """Quadratic model of the log-likelihood from the exact Hessian, in the local coordinates of a space."""

    def __init__(self, evaluation, space: Space):
        self.theta, self.space = evaluation.theta, space
        self.basis = space.basis(evaluation.theta)
        gradient, hessian = space.local(evaluation)
        self.values, self.vectors = np.linalg.eigh(-(self.basis.T @ hessian @ self.basis))
        self.along = self.vectors.T @ (self.basis.T @ gradient)
        self.is_maximum = bool(self.values[0] >= -CURVATURE)

    def step(self, radius):
        """Best step within the radius: (point (P,) at its end, predicted gain, length)."""
        step, predicted = trust_region_step(self.values, self.along, radius)
        point = self.space.move(self.theta, self.basis @ (self.vectors @ step))
        return point, predicted, float(np.linalg.norm(step))


def newton(objective: Objective, theta, tol=1e-8, max_iter=500, space=None) -> Ascent:
    """Climb until the largest average-gradient entry is at most ``tol`` and no curvature points upwards.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (P,)
    tol : float
    max_iter : int
        Bound on the trial steps.
    space : Space, optional
        Directions to climb along, in which the gradient counts; by default all identified ones.
    """
    space = Space(objective) if space is None else space
    exact = objective.n_parameters <= EXACT_LIMIT
    order = OBSERVED if exact else COMPLETE
    current = objective.evaluate(theta, order)
    history = [current.value]
    model: Spectrum | Krylov | None = None
    radius, converged = 1.0, False
    for trials in range(max_iter + 1 if np.isfinite(current.value) else 0):
        if model is None:
            basis = space.basis(current.theta)
            model = Spectrum(current, space) if exact else Krylov(objective, current, basis)
        size = slope(current, basis)
        if size <= tol:
            if not isinstance(model, Spectrum):
                # Conjugate gradients see curvature only where they go; a maximum is a claim about all of it.
                current = objective.evaluate(current.theta, OBSERVED)
                model = Spectrum(current, space)
            if model.is_maximum:
                converged = True
                break
        if trials == max_iter:
            break
        point, predicted, length = model.step(radius)
        trial = objective.evaluate(point, order)
        gain = trial.value - current.value
        ratio = gain / predicted if np.isfinite(gain) and predicted > 0 else -1.0
        # Below rounding of the value only the gradient can tell progress.
        tiny = predicted < 1e-13 * max(1.0, abs(current.value))
        if tiny and slope(trial, basis) < size:
            ratio = 1.0
        if ratio < 0.25:
            radius = 0.25 * length
        elif ratio > 0.75 and length > 0.8 * radius:
            radius = min(2.5 * radius, MAX_RADIUS)
        if ratio > 1e-4:
            current, model = trial, None
            history.append(current.value)
        elif radius < 1e-11:
            break
    return Ascent(current, tuple(history), converged)


def trust_region_step(values, along, radius):
    """Maximiser of ``along . s - s' diag(values) s / 2`` over ``|s| <= radius``, and that maximum.

    Parameters
    ----------
    values : ndarray, shape (p,), ascending
    along : ndarray, shape (p,)
    radius : float

    Returns
    -------
    step : ndarray, shape (p,); gain : float
    """
    lowest = values[0]
    if lowest > 0:
        step = along / values
        if step @ step <= radius * radius:
            return step, 0.5 * float(along @ step)
    floor = max(0.0, -lowest)
    scale = max(abs(lowest), abs(values[-1]), 1e-300)
    low = floor + 1e-15 * scale
    step = along / (values + low)
    if np.linalg.norm(step) < radius:
        # Hard case: the gradient has no component along the lowest curvature, which fills up the radius.
        step[0] += np.copysign(np.sqrt(radius * radius - step @ step), along[0])
    else:
        high = floor + np.linalg.norm(along) / radius + 1e-14 * scale
        step = along / (values + _shift(values, along, radius, floor, low, high))
    return step, float(along @ step - 0.5 * (values @ (step * step)))


def _shift(values, along, radius, floor, low, high):
    """Root of |along / (values + shift)| = radius to a thousandth: Newton on 1 / |s|, guarded by a bracket."""
    shift = high
    for _ in range(60):
        step = along / (values + shift)
        length = float(np.linalg.norm(step))
        if abs(length - radius) < 1e-3 * radius:
            break
        if length > radius:
            low = shift
        else:
            high = shift
        slope = -(step @ (step / (values + shift))) / length
        shift -= (length / radius) * (length - radius) / slope
        if not low < shift < high:
            shift = floor + np.sqrt((low - floor) * (high - floor))
    return shift
