"""The distinct local maxima in which the climbs of a search ended."""

from dataclasses import dataclass

import numpy as np

from gmoe.model import GMoE
from gmoe.solvers.evidence.canonical import canonical, model_at
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.scaling import Scaling
from gmoe.solvers.search.climb import SAME
from gmoe.solvers.search.dense import Found


@dataclass(frozen=True, eq=False)
class LocalMaximum:
    """An end of climbs.

    Attributes
    ----------
    log_likelihood : float
        In the units of the data.
    n_starts : int
        Climbs that ended there.
    model : GMoE
        In canonical form, experts by falling share.
    """

    log_likelihood: float
    n_starts: int
    model: GMoE


def other_maxima(found: Found, scaling: Scaling, weight_unit: float) -> tuple[LocalMaximum, ...]:
    """List the distinct ends below the best one, the highest first; climbs that were left on the way are none."""
    objective = found.objective
    total, last = objective.blocks.total_weight * weight_unit, found.best.evaluation.value
    maxima = []
    for ascent in sorted(found.ascents, key=lambda a: -a.evaluation.value):
        value = ascent.evaluation.value
        if not ascent.converged or not value < last - SAME:
            continue
        last = value
        n_starts = int(np.sum(np.abs(np.array(found.ends) - value) <= SAME))
        model = _model(objective, scaling, ascent.evaluation)
        plain = value + objective.terms.value(ascent.evaluation.theta)
        maxima.append(LocalMaximum(float(total * (plain - scaling.log_unit)), n_starts, model))
    return tuple(maxima)


def _model(objective: Objective, scaling, evaluation):
    if evaluation.hessian is None:
        evaluation = objective.evaluate(evaluation.theta)
    return model_at(objective, scaling, canonical(objective, scaling, evaluation, ())[0].theta)
