"""Where an ascent is on its way to temperature zero: follow it there.

As the temperature of a bending gate falls, slopes may shrink along with it (the softmax gate is the limit), or
intercepts stay and slopes grow with its logarithm (the limit is a gate with the activation's exponential tail, or one
with steps).  Different experts do different things at once, so that no coordinates make the way straight, and Newton's
method takes thousands of steps for it.  At temperatures held one after the other a climb takes some ten.

Measured on 63 fits of four studies of sigmoid, tanh and gelu gates that 500 steps did not end: 59 get to the lowest
temperature, in 0.1 s or so, with log-likelihoods up to 5 higher, one to a maximum nearby. Of six, 5000 steps end two.
"""

from itertools import product

import numpy as np

from gmoe.gates import LOG_TEMPERATURE_RANGE
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.ascent.orthants import newton
from gmoe.solvers.problem.coordinates import Coordinates
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.search.climb import best_of
from gmoe.solvers.search.standing import price

# Log of the factor from one temperature to the next, at first and at least, and trial steps at each.
FALL, LEAST_FALL, STEPS = 1.0, 0.1, 60
# Log temperature below which a climb without an end may be on its way to zero; it starts at 0. Measured: -4.8 and less.
COLD = -3.0
# Average gain that is none.
ROUNDING = 1e-8


class Natural(Coordinates):
    """The gate's natural coordinates, in which far from the softmax limit the way is straighter."""

    def jacobian(self, theta):
        return np.diag(self.units(theta))

    def units(self, theta):
        return self.measures(theta)

    def local(self, theta, gradient, hessian):
        units = self.units(theta)
        return units * gradient, units[:, None] * hessian * units

    def move(self, theta, step):
        return self.objective.inside(theta + self.units(theta) * step)


class HeldTemperature(Natural):
    """Directions that hold the temperature."""

    def basis(self):
        basis = self.objective.identified.copy()
        basis[self.objective.n_rows] = 0.0
        left, sizes, _ = np.linalg.svd(basis, full_matrices=False)
        return left[:, sizes > 0.5]


def goes_cold(objective: Objective, ascent: Ascent) -> bool:
    """Whether a dense gate's temperature has an effect, is low, and is in no equation."""
    effective = objective.gate.has_temperature and objective.n_experts > 1 and objective.q_gate > 1
    if not effective or objective.gate.is_sparse(objective.n_experts):
        return False
    temperature = np.eye(objective.n_parameters)[objective.n_rows]
    if np.abs(objective.along_equations(temperature) - temperature).max() > ROUNDING:
        return False
    return bool(objective.shared(ascent.evaluation.theta)[0] < COLD)


def follow_to_cold(objective: Objective, ascent: Ascent) -> Ascent:
    """Return an ascent to the lowest temperature, if the likelihood does not fall on the way.

    If it does, a maximum is near: the ascent to that in natural coordinates, or where these do not help the given one.
    """
    lowest, fall = max(LOG_TEMPERATURE_RANGE[0], np.log(objective.space.min_temperature)), FALL
    # At its own temperature first: what a climb that was cut short still lacks would hide a fall.
    current = _climb(objective, ascent, HeldTemperature(objective))
    while (log_temperature := objective.shared(current.evaluation.theta)[0]) > lowest:
        following = _step(objective, current, max(log_temperature - fall, lowest))
        floor = max(current.evaluation.value, ascent.evaluation.value)
        if following.evaluation.value >= floor - ROUNDING:
            current, fall = following, min(2.0 * fall, FALL)
        elif (fall := 0.5 * fall) < LEAST_FALL:
            current = _climb(objective, ascent, Natural(objective))
            return current if current.converged else ascent
    worse = price(objective, current.evaluation) > price(objective, ascent.evaluation)
    return ascent if worse else current


def _climb(objective, ascent, coordinates):
    """Go on with an ascent in some coordinates."""
    end = newton(objective, ascent.evaluation.theta, max_iter=STEPS, coordinates=coordinates)
    return Ascent(end.evaluation, ascent.history + end.history[1:], end.converged)


def _step(objective, current, log_temperature):
    """Climb at a lower temperature, from all predictions; the best end."""
    coordinates = HeldTemperature(objective)
    starts = colder(objective, current.evaluation.theta, log_temperature)
    best = best_of(objective, [newton(objective, start, max_iter=STEPS, coordinates=coordinates) for start in starts])
    return Ascent(best.evaluation, (*current.history, best.evaluation.value), best.converged)


def colder(objective: Objective, theta, log_temperature):
    """Yield parameters at a lower temperature: intercepts and slopes as they are, or smaller as it is, in all ways."""
    change = np.exp(log_temperature - objective.shared(theta)[0])
    first = objective.gate.first_bent
    for raw_intercepts, shrunk in product((False, True)[: first + 1], (False, True)):
        start = theta.copy()
        gate, _ = objective.split(start)
        objective.shared(start)[:] = log_temperature
        if raw_intercepts:
            gate[:, 0] /= change  # natural intercepts are intercept / temperature
        if shrunk:
            bent = gate[:, first:]
            bent[:] = bent.mean(axis=0) + change * (bent - bent.mean(axis=0))
        yield objective.on_equations(start)
