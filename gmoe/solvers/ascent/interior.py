"""The part of a climb inside of the parameter space, by compiled code where an objective has it."""

from dataclasses import dataclass

import numpy as np

from gmoe.kernels.climb.arrays import MAXIMUM, PAUSE, RADIUS, State
from gmoe.kernels.mixture import COMPLETE, OBSERVED

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
    is_maximum : bool
    radius : float
        Of Newton's trust region.
    """

    theta: np.ndarray
    history: tuple[float, ...] = ()
    n_steps: int = 0
    is_maximum: bool = False
    radius: float = 0.0


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
    compiled.give(scratch)
    left, _, n_passes, at = state.counts.tolist()
    objective.count(order, n_passes)
    history, radius = tuple(state.history[:at].tolist()), float(state.numbers[RADIUS])
    return Trail(state.theta, history, max_iter - left, status == MAXIMUM, radius)
