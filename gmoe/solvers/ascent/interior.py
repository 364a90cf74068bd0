"""The part of a climb inside of the parameter space, by compiled code where an objective has it."""

from dataclasses import dataclass

import numpy as np

from gmoe.kernels.climb.arrays import MAXIMUM, PAUSE, RADIUS, State
from gmoe.kernels.mixture import COMPLETE, OBSERVED
from gmoe.solvers.problem.objective import Evaluation

# Passes of one call: an interrupt must arrive.
BUDGET = 100


@dataclass(frozen=True, eq=False)
class Trail:
    """How far a compiled climb went.

    Attributes
    ----------
    theta : ndarray, shape (P,)
    history : tuple of float
        Values on the way, without that of ``theta``.
    n_steps : int
        Accepted and refused ones.
    radius : float
        Of Newton's trust region.
    end : Evaluation or None
        Of a maximum.
    """

    theta: np.ndarray
    history: tuple[float, ...] = ()
    n_steps: int = 0
    radius: float = 0.0
    end: Evaluation | None = None

    @property
    def is_maximum(self) -> bool:
        """Whether it came to the end."""
        return self.end is not None


def settled(objective, theta, tol, max_iter) -> Trail:
    """Go by EM as far as it is compiled: to the end, a wall, or nowhere."""
    return _followed(objective, theta, COMPLETE, tol, max_iter)


def ascended(objective, theta, tol, max_iter, radius, beaten) -> Trail:
    """Do the same by Newton's method, from a radius of its trust region; see :mod:`gmoe.solvers.ascent.newton`."""
    return _followed(objective, theta, OBSERVED, tol, max_iter, radius, beaten)


def _followed(objective, theta, order, tol, max_iter, radius=0.0, beaten=-np.inf):
    compiled = objective.compiled
    if compiled is None or max_iter <= 0:
        return Trail(theta, radius=radius)
    state, scratch, status = State.at(theta, max_iter, BUDGET, radius), compiled.take(), PAUSE
    while status == PAUSE:
        status = compiled.climb(compiled.problem, scratch, state, order, tol, beaten)
    left, _, n_passes, at = state.counts.tolist()
    objective.count(order, n_passes)
    history, end = state.history[: max(at, 0)].tolist(), None
    if status == MAXIMUM:
        # A trial that is not taken tells no maximum, so that the sums of the last pass are those of the end.
        value = float(state.history[at])
        end = compiled.evaluation(state.theta, value, state.gradient, state.hessian, scratch)
    compiled.give(scratch)
    return Trail(state.theta, tuple(history), max_iter - left, float(state.numbers[RADIUS]), end)
