"""Trust-region Newton ascent on the observed log-likelihood, inside of the parameter space.

Over-specified models have nearly singular information and saddles between their maxima, so the step comes from the
full spectrum of the Hessian: regularised where it is flat, along the most negative curvature where the gradient has
vanished on a saddle.  With many parameters Hessian-vector products and conjugate gradients take the spectrum's place.
A step that meets a wall of the space ends there, and the climb goes on along the wall for as long as the gradient
points into it.  The stop is on the gradient and the curvature, never on a change.
"""

from dataclasses import replace

import numpy as np

from gmoe.solvers.ascent.conjugate import Krylov
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.ascent.face import NEAR, NOWHERE, keep_inside
from gmoe.solvers.ascent.interior import Trail, ascended
from gmoe.solvers.ascent.local import Local
from gmoe.solvers.problem.coordinates import Coordinates
from gmoe.solvers.problem.objective import OBSERVED, PRODUCTS, Objective

# An average-information eigenvalue below minus this is a direction of ascent, not rounding.
CURVATURE = 1e-7
# Parameters up to which a pass with the exact Hessian is cheaper than some ten products with it.
EXACT_LIMIT = 120
FIRST_RADIUS, MAX_RADIUS = 1.0, 1e6
# Average gain of a Newton step from which on it tells where the climb ends, to a factor of so many.
NEAR_END, CAUTION = 1e-2, 4.0
# Curvature, relative to the largest, and average slope that are rounding.
FLAT, NO_SLOPE = 1e-14, 1e-13


class Spectrum(Local):
    """Quadratic model of the log-likelihood from the exact Hessian, along the face, in local coordinates."""

    def __init__(self, evaluation, coordinates: Coordinates, walls, also=NOWHERE):
        super().__init__(evaluation, coordinates, walls, also)
        hessian = evaluation.hessian + self.face.bend(self.theta)
        gradient, hessian = coordinates.local(self.theta, self.gradient, hessian)
        self.values, self.vectors = np.linalg.eigh(-(self.basis.T @ hessian @ self.basis))
        self.along = self.vectors.T @ (self.basis.T @ gradient)
        self.is_maximum = bool(self.values.min(initial=0.0) >= -CURVATURE)

    def step(self, radius):
        """Best step within the radius, local coordinates (P,)."""
        return self.basis @ (self.vectors @ trust_region_step(self.values, self.along, radius)[0])

    def end(self, value):
        """Where the climb would end, at most, if it is near; at a saddle or far from everything no bound is known."""
        if not self.is_maximum:
            return np.inf
        free = 0.5 * float(self.along @ (self.along / np.maximum(self.values, CURVATURE)))
        return value + CAUTION * free if free < NEAR_END else np.inf

    def gain(self, step):
        """Predicted gain of a step."""
        s = self.vectors.T @ (self.basis.T @ step)
        return float(self.along @ s - 0.5 * (self.values @ (s * s)))


def newton(
    objective: Objective,
    theta,
    tol=1e-8,
    max_iter=500,
    coordinates=None,
    walls=NOWHERE,
    patience=None,
    beaten=-np.inf,
    radius=FIRST_RADIUS,
) -> Ascent:
    """Climb until the largest average-gradient entry is at most ``tol`` and no curvature points upwards.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (P,)
        Inside of the parameter space.
    tol : float
    max_iter : int
        Bound on the trial steps.
    coordinates : Coordinates, optional
        In which to climb, and the gradient counts.
    walls : tuple of Wall
        Beside those of the objective.
    patience : int, optional
        After so many steps in a row along a bound at which a maximum is one of the bound and not of the data, the climb
        is left there.
    beaten : float
        Where the quadratic model has its maximum near, and that is lower by far, the climb is left.
    radius : float
        First one of the trust region.
    """
    exact = objective.n_parameters <= EXACT_LIMIT
    plain = exact and coordinates is None and not walls
    trail = ascended(objective, theta, tol, max_iter, radius, beaten) if plain else Trail(theta, radius=radius)
    if trail.end is not None:
        return Ascent(trail.end, (*trail.history, trail.end.value), True)
    order = OBSERVED if exact else PRODUCTS
    current = objective.evaluate(trail.theta, order)
    history, max_iter, radius = [*trail.history, current.value], max_iter - trail.n_steps, trail.radius
    coordinates = Coordinates(objective) if coordinates is None else coordinates
    model: Spectrum | Krylov | None = None
    blocked: list[tuple[int, int]] = []
    converged, along, held = False, 0, False
    for trials in range(max_iter + 1 if is_finite(current) else 0):
        if model is None:
            around = (*walls, *objective.walls(current))
            model = _model(objective, current, coordinates, around, blocked, exact)
            held = held or bool(model.face.holds)
            if plain and held and not model.face.holds and _is_inside(around, current.theta):
                # Inside again, where compiled code goes on.
                left = max_iter - trials
                late = newton(objective, current.theta, tol, left, patience=patience, beaten=beaten, radius=radius)
                return replace(late, history=(*history[:-1], *late.history))
            along = along + 1 if any(bound.degenerate for bound in model.face.bounds) else 0
            if patience is not None and along > patience:
                break
        if model.slope <= tol:
            if not isinstance(model, Spectrum):
                # Conjugate gradients see curvature only where they go; a maximum is a claim about all of it.
                current = objective.evaluate(current.theta, OBSERVED)
                model = Spectrum(current, coordinates, around, blocked)
            if model.is_maximum:
                converged = True
                break
        if trials == max_iter:
            break
        step = model.step(radius)
        point, part, hit = keep_inside(model.face, current.theta, coordinates.along(current.theta, step))
        if part == 0.0:
            if hit is None or hit in blocked:
                break
            blocked, model = [*blocked, hit], None
            continue
        step = part * step
        if isinstance(model, Spectrum) and model.end(current.value) < beaten:
            break
        length, predicted = float(np.linalg.norm(step)), model.gain(step)
        trial = objective.evaluate(point, order)
        gain = trial.value - current.value
        ratio = gain / predicted if is_finite(trial) and predicted > 0 else -1.0
        if objective.outside(trial):
            # Too far to have seen the wall that it went through.
            ratio = -1.0
        # Below rounding of the value only the gradient can tell progress.
        elif predicted < 1e-13 * max(1.0, abs(current.value)):
            if Local(trial, coordinates, around).slope < model.slope:
                ratio = 1.0
        if ratio < 0.25:
            radius = 0.25 * length
        elif ratio > 0.75 and length > 0.8 * radius:
            radius = min(2.5 * radius, MAX_RADIUS)
        if ratio > 1e-4:
            current, model, blocked = trial, None, []
            history.append(current.value)
        elif radius < 1e-11:
            break
    return Ascent(current, tuple(history), converged)


def _is_inside(walls, theta):
    return all(wall.values(theta).min(initial=np.inf) > NEAR for wall in walls)


def is_finite(evaluation) -> bool:
    """Whether value and derivatives are numbers: a gate that grows like an exponential overflows."""
    parts = evaluation.value, evaluation.gradient.sum(), 0.0 if evaluation.hessian is None else evaluation.hessian.sum()
    return bool(np.isfinite(parts).all())


def _model(objective, current, coordinates, walls, blocked, exact):
    if exact:
        return Spectrum(current, coordinates, walls, blocked)
    return Krylov(objective, current, Local(current, coordinates, walls, blocked))


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
    if not values.size:
        return np.zeros_like(along), 0.0
    scale = max(abs(values[0]), abs(values[-1]), 1e-300)
    # What has neither slope nor curvature is not moved: a step of any length along it would gain as little.
    flat = (np.abs(values) <= FLAT * scale) & (np.abs(along) <= NO_SLOPE)
    if flat.any():
        step = np.zeros_like(along)
        gain = 0.0
        if not flat.all():
            step[~flat], gain = trust_region_step(values[~flat], along[~flat], radius)
        return step, gain
    lowest = values[0]
    if lowest > 0:
        step = along / values
        if step @ step <= radius * radius:
            return step, 0.5 * float(along @ step)
    floor = max(0.0, -lowest)
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
