"""What a compiled climb is given: arrays of the problem, scratch of the passes, and where the climb is."""

from typing import NamedTuple

import numpy as np

# Entries of ``State.counts``: steps that are left, passes that a call may make, passes so far, and where in the history
# the current value is, -1 before the first pass.
LEFT, BUDGET, PASSES, AT = range(4)
# Entries of ``State.numbers``: radius of the trust region; smallest share of an expert over the least one, at the
# current point and at the last one tried; slope; part of a step of EM; length and predicted gain of a Newton step.
RADIUS, ROWS, ROWS_THERE, STEEP, PART, LENGTH, PREDICTED = range(7)
# Where a climb stands after a pass: going on, at a maximum, one that nobody wants, no step left or none that rises, no
# passes left in this call; or where it cannot go on: at a wall, where numbers break down.
GOING, MAXIMUM, BEATEN, DONE, PAUSE, WALL, BREAKDOWN = range(7)


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


class Scratch(NamedTuple):
    """Scratch of the passes.

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
    theta, gradient, hessian : ndarray
        The current point.
    point, next_gradient, next_hessian : ndarray
        The one that the next pass is for, and what it finds.
    unit, slope, step, curvature : ndarray
        Of a quadratic model, see :mod:`gmoe.kernels.climb.ascend`. EM keeps two ends of a step in the first two.
    history : ndarray
        Average log-likelihoods, up to the current one.
    counts : ndarray of int, shape (4,)
    numbers : ndarray, shape (7,)
    """

    theta: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    point: np.ndarray
    next_gradient: np.ndarray
    next_hessian: np.ndarray
    unit: np.ndarray
    slope: np.ndarray
    step: np.ndarray
    curvature: np.ndarray
    history: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray

    @classmethod
    def at(cls, theta, max_iter: int, budget: int, radius: float) -> "State":
        """Begin at a point."""
        p = len(theta)
        here, there, (unit, slope, step) = np.array(theta, dtype=float), np.array(theta, dtype=float), np.empty((3, p))
        gradients, hessians, curvature = np.empty((2, p)), np.empty((2, p, p)), np.empty((p, p))
        return cls(
            here, gradients[0], hessians[0], there, gradients[1], hessians[1], unit, slope, step, curvature,
            np.empty(max_iter + 1), np.array([max_iter, budget, 0, -1]), np.array([radius] + 6 * [0.0]),
        )  # fmt: skip
