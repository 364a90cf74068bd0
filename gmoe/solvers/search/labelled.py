"""From an end without equations to a point that satisfies them: which expert is which, and the nearest such point.

Starts know no names: constraints do.  Of all exchanges of two experts those are made that raise the likelihood of the
nearest point on the equations, near by the complete-data information: where a slope is held the intercept follows.
"""

import numpy as np

from gmoe.solvers.ascent.conjugate import complete_information
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.problem.exchanges import moving, placement
from gmoe.solvers.problem.objective import COMPLETE, SCORE, Objective


def labelled(objective: Objective, early: Ascent) -> Ascent:
    """Return an ascent that goes on on the equations of an objective from the end of one without.

    Parameters
    ----------
    objective : Objective
        With equations.
    early : Ascent
        On the objective without; its evaluation is of at least COMPLETE.
    """
    theta, information = early.evaluation.theta, complete_information(objective, early.evaluation)
    exchanges = [placement(objective, exchange) for exchange in moving(objective.layout, objective.terms)]
    best = _value(objective, theta, information)
    better = True
    while better:
        better = False
        for order, sign in exchanges:
            moved = sign * theta[order], sign[:, None] * information[np.ix_(order, order)] * sign
            value = _value(objective, *moved)
            if value > best:
                (theta, information), best, better = moved, value, True
    at = objective.evaluate(nearest(objective, theta, information), COMPLETE)
    return Ascent(at, (*early.history[:-1], at.value), False)


def nearest(objective: Objective, theta, information):
    """Point on the equations of the largest quadratic model about a point, (P,)."""
    equations = objective.equations
    if equations is not None:
        moves = np.linalg.solve(information, equations.rows.T)
        theta = theta - moves @ np.linalg.solve(equations.rows @ moves, equations.values(theta))
    return objective.on_equations(theta)


def _value(objective, theta, information):
    value = objective.evaluate(nearest(objective, theta, information), SCORE).value
    return value if np.isfinite(value) else -np.inf
