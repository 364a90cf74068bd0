"""What a compiled climb is given: arrays of the problem, scratch of one climb, and where the climb is."""

from typing import NamedTuple

import numpy as np

# Entries of ``State.counts``: steps that are left, passes that a call may make, passes so far, and where in the history
# the current value is.
LEFT, BUDGET, PASSES, AT = range(4)
# How a call ended: a maximum, a climb that nobody wants, no step left or none that rises, no passes left in this call;
# or what is not done here: a wall, numbers that break down.
MAXIMUM, BEATEN, DONE, PAUSE, WALL, BREAKDOWN = range(6)


class Problem(NamedTuple):
    """What all climbs on one objective have in common.

    Attributes
    ----------
    gate, expert : ndarray, shape (n_blocks, 1 + n_features, length)
        Designs; the same array where they are the same.
    y, weight : ndarray, shapes (n_blocks, n_outputs, length) and (n_blocks, length)
    counts : ndarray of int, shape (n_blocks,)
        Observations in use.
    total : float
        Sum of the weights.
    gate_segments, expert_segments : ndarray of int
        See :mod:`gmoe.kernels.rows`.
    n_own : tuple of int
        Own parameters of a gate and of an expert.
    at_gate, at_expert, at_both, gate_index : ndarray of int
        Places of parameters, see :class:`gmoe.solvers.problem.layout.Layout`.
    flat : ndarray, shape (P, P)
        Projector on the directions along which the likelihood has no slope.
    rows, offsets : ndarray, shapes (m, P) and (m,)
        Fixed walls: ``rows @ theta >= offsets``.
    least_shares : ndarray, shape (k,)
    orders : tuple of int
        COMPLETE and OBSERVED.
    """

    gate: np.ndarray
    expert: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    counts: np.ndarray
    total: float
    gate_segments: np.ndarray
    expert_segments: np.ndarray
    n_own: tuple
    at_gate: np.ndarray
    at_expert: np.ndarray
    at_both: np.ndarray
    gate_index: np.ndarray
    flat: np.ndarray
    rows: np.ndarray
    offsets: np.ndarray
    least_shares: np.ndarray
    orders: tuple


class Scratch(NamedTuple):
    """Scratch of one climb.

    Attributes
    ----------
    gate, own : ndarray, shapes (k, q_gate) and (k, q_expert)
        Own parameters.
    logit : ndarray, shape (k, length)
    density, factors, work : ndarray
        See :func:`gmoe.kernels.gaussian.gaussian_mixture`.
    no_factors, no_bend : ndarray
        Of a gate that is affine.
    flat : ndarray
        What the sums are views of.
    sums : tuple of ndarray
        What the mixture kernel writes.
    bend : ndarray, shape (k, q_expert, q_expert)
    """

    gate: np.ndarray
    own: np.ndarray
    logit: np.ndarray
    density: np.ndarray
    factors: np.ndarray
    work: np.ndarray
    no_factors: np.ndarray
    no_bend: np.ndarray
    flat: np.ndarray
    sums: tuple
    bend: np.ndarray


class State(NamedTuple):
    """Where a climb is; a call goes on where the one before ended.

    Attributes
    ----------
    theta : ndarray, shape (P,)
    history : ndarray
        Average log-likelihoods, up to the current one.
    counts : ndarray of int, shape (4,)
    radius : ndarray, shape (1,)
    """

    theta: np.ndarray
    history: np.ndarray
    counts: np.ndarray
    radius: np.ndarray
