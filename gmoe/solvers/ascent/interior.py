"""The part of a climb inside of the parameter space, by compiled code where an objective has it."""

from dataclasses import dataclass

import numpy as np

from gmoe.kernels.climb.arrays import MAXIMUM, PAUSE, State
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
    """

    theta: np.ndarray
    history: tuple[float, ...] = ()
    n_steps: int = 0
    is_maximum: bool = False


def settled(objective, theta, tol, max_iter) -> Trail:
    """Go by EM as far as it is compiled: to the end, a wall, or nowhere."""
    return _followed(objective, theta, max_iter, COMPLETE, "settle", tol)


def ascended(objective, theta, tol, max_iter, first_radius, beaten) -> Trail:
    """Do the same by Newton's method."""
    return _followed(objective, theta, max_iter, OBSERVED, "ascend", tol, beaten, radius=first_radius)


def _followed(objective, theta, max_iter, order, name, *settings, radius=0.0):
    compiled = objective.compiled
    if compiled is None or max_iter <= 0:
        return Trail(theta)
    counts = np.array([max_iter, BUDGET, 0, 0])
    state = State(np.array(theta, dtype=float), np.empty(max_iter + 1), counts, np.array([radius]))
    kernel, scratch, status = getattr(compiled.kernels, name), compiled.take(), PAUSE
    while status == PAUSE:
        status = kernel(compiled.problem, scratch, state, *settings)
    compiled.give(scratch)
    left, _, n_passes, at = counts.tolist()
    objective.count(order, n_passes)
    return Trail(state.theta, tuple(state.history[:at].tolist()), max_iter - left, status == MAXIMUM)
