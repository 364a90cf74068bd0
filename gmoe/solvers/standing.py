"""Where a point stands in the parameter space, and the way into it."""

import numpy as np
import scipy

from gmoe.solvers.face import NEAR
from gmoe.solvers.objective import SCORE, Evaluation, Objective

# Relative distance from the least rows at which an expert counts as having just these.
AT_LEAST = 1e-6
OUTSIDE, AT_BOUND, REGULAR = 0, 1, 2


def standing(objective: Objective, evaluation: Evaluation) -> int:
    """How good a claim a point has to be the estimate, before likelihoods are compared.

    ``REGULAR``: every expert has its rows, and a variance above its lower bounds. ``AT_BOUND``: not so, but inside of
    the parameter space. ``OUTSIDE``: some expert has too few rows. A space that does not put interior maxima first
    tells only the last from the others.
    """
    if objective.outside(evaluation):
        return OUTSIDE
    degenerate = variance_held(objective, evaluation.theta).any() or rows_held(objective, evaluation).any()
    return AT_BOUND if degenerate and objective.space.interior_first else REGULAR


def variance_held(objective: Objective, theta):
    """Which experts have a variance at a lower bound, boolean (k,)."""
    held = np.zeros(objective.n_experts, bool)
    wall = objective.flat_wall
    for index in np.flatnonzero(wall.values(theta) <= 10.0 * NEAR):
        bound = wall.bound(index)
        if bound.degenerate:
            held[list(bound.experts)] = True
    return held


def rows_held(objective: Objective, evaluation: Evaluation):
    """Which experts have no more than the least number of rows, boolean (k,)."""
    return objective.shares(evaluation) <= objective.least_share * (1.0 + AT_LEAST)


def enter(objective: Objective, theta):
    """The nearest parameters on the flat walls, and where the gate allows it, one that leaves every expert its rows."""
    theta = on_flat_walls(objective, theta)
    if objective.gate.is_sparse(objective.n_experts):
        return theta
    for _ in range(20):
        lack = objective.least_share / np.maximum(objective.shares(objective.evaluate(theta, SCORE)), 1e-100)
        if lack.max() <= 1.0:
            return theta
        theta = theta.copy()
        # Odds that are raised by what is lacking, and a little more.
        objective.split(theta)[0][:, 0] += np.where(lack > 1.0, np.log(1.2 * lack), 0.0)
    return _levelled(objective, theta, 0.0)


def on_flat_walls(objective, theta):
    """The nearest parameters on the flat walls.

    A least-distance problem, by non-negative least squares (Lawson and Hanson, 1974, chapter 23).
    """
    wall = objective.flat_wall
    short = -wall.values(theta)
    if short.max(initial=0.0) <= 0.0:
        return theta
    # A hair inside.
    dual = np.vstack([wall.rows.T, short + 1e-12 * (1.0 + np.abs(wall.offsets))])
    target = np.append(np.zeros(len(theta)), 1.0)
    rest = dual @ scipy.optimize.nnls(dual, target)[0] - target
    return theta - rest[:-1] / rest[-1]


def _levelled(objective, theta, factor):
    """Parameters whose logits differ by so much less."""
    theta = theta.copy()
    gate, _, _ = objective.split(theta)
    mean = gate.mean(axis=0)
    gate[:] = mean + factor * (gate - mean)
    return theta
