"""What the data do not determine: coefficients of an expert on which the rows that it explains say nothing.

A dummy that is constant where an expert speaks, or fewer rows than coefficients, leave a flat in the likelihood, and a
climb stops anywhere on it.  Of all those maxima the fit takes the one whose means are nearest to the regression on all
data, in mean square over the data: in scaled coordinates the one of least norm.
"""

import numpy as np

from gmoe.solvers.ascent.em import expert_moments
from gmoe.solvers.problem.objective import COMPLETE, Objective

# Sum of squares, of features of unit variance and weighted by responsibilities, below which a direction is a candidate;
# the likelihood decides.
WEAK = 1e-3, 1e-6, 1e-9, 1e-12
# Log-likelihood that may be lost: the tenth part of what tells two maxima apart.
LOSS = 1e-7


def determined(objective: Objective, evaluation):
    """Return the same maximum with what is open at its choice: (evaluation, directions (P, w) without effect).

    Parameters
    ----------
    objective : Objective
    evaluation : Evaluation
        With the sums of at least COMPLETE.
    """
    at = evaluation
    allowed = LOSS / max(objective.blocks.n_rows, 1.0) + 1e-14 * abs(at.value)
    found = []
    columns = objective.mean_columns
    fitted = expert_moments(objective, at)[: objective.n_fitted]
    for j, (values, vectors) in enumerate(zip(*np.linalg.eigh(fitted / objective.blocks.weight_scale), strict=True)):
        for weak in WEAK:
            flat = _open(objective, j, columns, vectors[:, values < weak])
            if not flat.size:
                break
            theta = at.theta.copy()
            expert = objective.split(theta)[1]
            expert[j, columns] -= flat @ (flat.T @ expert[j, columns])
            moved = objective.evaluate(theta, COMPLETE)
            if abs(moved.value - evaluation.value) <= allowed:
                at = moved
                found += [_embedded(objective, j, columns, direction) for direction in flat.T]
                break
    if not found:
        return evaluation, np.empty((objective.n_parameters, 0))
    return objective.evaluate(at.theta), np.column_stack(found)


def _open(objective, j, columns, flat):
    """Directions of the mean of an expert that keep the equations."""
    place = objective.at_expert[j, columns]
    wide = np.zeros((objective.n_parameters, flat.shape[1]))
    wide[place] = flat
    return objective.within_equations(wide)[place]


def _embedded(objective, j, columns, direction):
    result = np.zeros(objective.n_parameters)
    objective.split(result)[1][j, columns] = direction
    return result
