"""Where a point stands in the parameter space, and the way into it."""

import numpy as np
import scipy

from gmoe.solvers.ascent.face import NEAR, ROUNDING
from gmoe.solvers.problem.objective import SCORE, Evaluation, Objective

# Relative distance from the least rows at which an expert counts as having just these.
AT_LEAST = 1e-6
# An expert that fits a smaller share of the rows exactly fits ties of rounded data; one with more is what the data say.
EXACT_SHARE = 0.05
# Part of its least rows, by responsibilities, that an expert with just these must explain to be more than a spike.
EXPLAINED = 2.0 / 3.0
# Rounds of getting behind walls: one where they are flat.
TRIES = 40
# Rest of a least-distance problem of which the square root of the inverse is the distance: there is no such point.
NOWHERE = 1e-14


def price(objective: Objective, evaluation: Evaluation) -> float:
    """Average log-likelihood that a maximum must have more than a regular one, to be the estimate in its place.

    An expert with the least number of rows has picked them among all: it pays log(n) for each of its parameters, twice
    the price of Schwarz, which chance does not reach.  An expert that fits a handful of rows exactly, or explains much
    fewer than its least rows, gains without limit, and pays so: it is the estimate where there is nothing else.  So is
    one with too few rows.  A space that does not put interior maxima first charges nothing.
    """
    if objective.outside(evaluation):
        return np.inf
    if not objective.space.interior_first:
        return 0.0
    exact = variance_held(objective, evaluation.theta)
    explained = objective.explained(evaluation)
    few = rows_held(objective, evaluation)
    if np.any(exact & (explained <= max(EXACT_SHARE, objective.least_share))):
        return np.inf
    if np.any(few & (explained < EXPLAINED * objective.least_share)):
        return np.inf
    n = objective.blocks.n_rows
    return float(np.sum(few) * objective.width * np.log(n) / n)


def is_regular(objective: Objective, evaluation: Evaluation) -> bool:
    """Whether a point is free of experts that a bound props up."""
    return price(objective, evaluation) == 0.0


def variance_held(objective: Objective, theta):
    """Which experts have a variance at a lower bound, boolean (k,)."""
    held = np.zeros(objective.n_experts, bool)
    for wall in objective.fixed_walls:
        for index in np.flatnonzero(wall.values(theta) <= 10.0 * NEAR):
            bound = wall.bound(index)
            if bound.degenerate:
                held[list(bound.experts)] = True
    return held


def rows_held(objective: Objective, evaluation: Evaluation):
    """Which experts have no more than the least number of rows, boolean (k,)."""
    held = objective.shares(evaluation) <= objective.least_shares * (1.0 + AT_LEAST)
    held[~objective.needs_rows] = False
    return held


def enter(objective: Objective, theta, at: Evaluation | None = None):
    """Move inside of the fixed walls, and where the gate allows it, to where every expert has its rows.

    ``at`` is what is known there, if it is.
    """
    inside = on_flat_walls(objective, theta)
    theta, at = inside, at if inside is theta else None
    if objective.gate.is_sparse(objective.n_experts) or objective.least_share == 0.0:
        return theta
    for _ in range(20):
        at = objective.evaluate(theta, SCORE) if at is None else at
        lack, at = objective.least_shares / np.maximum(objective.shares(at), 1e-100), None
        if lack.max() <= 1.0:
            return theta
        if not objective.gate.adds_intercept:
            # Nearer to the gate that is the same for all.
            theta = objective.on_equations(_levelled(objective, theta, 0.5))
            continue
        theta = theta.copy()
        # Odds that are raised by what is lacking, and a little more.
        objective.split(theta)[0][:, 0] += np.where(lack > 1.0, np.log(1.2 * np.maximum(lack, 1.0)), 0.0)
        theta = objective.on_equations(theta)
    # Where equations hold the gate, an expert may have fewer.
    return objective.on_equations(_levelled(objective, theta, 0.0))


def on_flat_walls(objective, theta):
    """Find the nearest parameters inside of the walls that bound parameters.

    They satisfy the equations. A least-distance problem, by non-negative least squares (Lawson and Hanson, 1974,
    chapter 23); solved again where walls are curved.
    """
    walls = objective.fixed_walls
    for _ in range(TRIES):
        theta = objective.on_equations(theta)
        short = -np.concatenate([wall.values(theta) for wall in walls])
        if short.max(initial=0.0) <= ROUNDING:
            break
        normals = np.hstack([wall.normals(theta, np.arange(len(wall.values(theta)))) for wall in walls])
        normals = objective.along_equations(normals)
        dual = np.vstack([normals, short])
        target = np.append(np.zeros(len(theta)), 1.0)
        rest = dual @ scipy.optimize.nnls(dual, target)[0] - target
        if objective.terms.are_there and not -rest[-1] > NOWHERE:
            raise ValueError(
                "No parameters satisfy the constraints and the bounds of the parameter space; give a wider "
                "parameter_space, or other constraints."
            )
        theta = theta - rest[:-1] / rest[-1]
    return theta


def _levelled(objective, theta, factor):
    """Parameters whose logits differ by so much less."""
    theta = theta.copy()
    gate, _ = objective.split(theta)
    mean = gate.mean(axis=0)
    gate[:] = mean + factor * (gate - mean)
    if not objective.q_gate:
        objective.shared(theta)[:] *= factor
    return theta
