"""The end of a climb in its canonical form: experts in the order of the report, of mirror images the canonical one.

Both are signed permutations of the parameters, under which value and derivatives move along.
"""

from copy import copy
from dataclasses import replace

import numpy as np

from gmoe.frames import Frame
from gmoe.gates import mirrored, relabelling
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.problem.exchanges import placement
from gmoe.solvers.problem.objective import SCORE, Evaluation, Objective
from gmoe.solvers.problem.raw import raw_arrays

# Relative difference of two values that is rounding.
ROUNDING = 1e-12


def canonical(objective: Objective, scaling, evaluation: Evaluation, directions):
    """Return an evaluation of OBSERVED in canonical form, and directions, several (P, w), likewise."""
    wanted = np.argsort(_expert_order(objective, scaling, evaluation))
    moved = evaluation, directions
    for exchange in relabelling(objective.symmetry, wanted):
        moved = _exchanged(objective, exchange, *moved)
    if _selects_alike(objective, evaluation, moved[0]):
        evaluation, directions = moved
    which = _mirror(objective, scaling, evaluation.theta)
    return (evaluation, directions) if which is None else _exchanged(objective, which, evaluation, directions)


def model_at(objective: Objective, scaling, theta) -> GMoE:
    """Model of canonical parameters in the units of the data, its gate in canonical form."""
    columns = tuple(scaling.gate.columns), tuple(scaling.expert.columns)
    arrays = raw_arrays(objective, scaling, theta)
    arrays |= objective.gate.canonical_arrays(arrays, len(columns[0]))
    return GMoE(Parameters(**arrays), objective.gate, *columns, objective.experts.scaled(None))


def _expert_order(objective, scaling, evaluation):
    """Order experts by falling share; equal shares by their mean at the centre of the data.

    Shares do not depend on units, on the order of rows or columns, or on labels, so neither does the order.
    """
    own, shared = objective.split(evaluation.theta)[1], objective.expert_shared(evaluation.theta)
    # The centre of scaled features is 0.
    means = objective.experts.mean(own, shared, np.zeros((len(scaling.expert.transform), 1)))[:, :, 0]
    return np.lexsort((*means.T[::-1], -np.round(objective.shares(evaluation), 6)))


def _exchanged(objective, exchange, evaluation, directions):
    """Apply an exchange of the gate's parameters, and the same of the experts."""
    experts = list(exchange.experts)
    order, sign = placement(objective, exchange)
    sums = copy(evaluation.sums)
    # Its last row is no sum by expert.
    sums.totals = np.vstack([sums.totals[:2, experts], sums.totals[2:]])
    sums.bend_expert = sums.bend_expert[experts]
    assert evaluation.hessian is not None
    return replace(
        evaluation,
        theta=sign * evaluation.theta[order],
        gradient=sign * evaluation.gradient[order],
        hessian=sign[:, None] * evaluation.hessian[np.ix_(order, order)] * sign,
        sums=sums,
    ), [sign[:, None] * columns[order] for columns in directions]


def _selects_alike(objective, before, after):
    """Whether the value is the same with the experts in another order.

    Ties of the keys go to the lower index, and features that are zero (dummies, counts) tie all scores.
    """
    if not objective.gate.is_sparse(objective.n_experts) or after is before:
        return True
    value = objective.evaluate(after.theta, SCORE).value
    return abs(value - before.value) <= ROUNDING * (1.0 + abs(before.value))


def _mirror(objective, scaling, theta):
    """Exchange that leads to the canonical one of mirror images, by the signs of raw slopes; or None."""
    if not objective.symmetry.mirrors:
        return None
    arrays = raw_arrays(objective, scaling, theta)
    own, shared = objective.gate.from_raw(arrays, Frame.identity(len(scaling.gate.columns)))
    which = mirrored(objective.gate.symmetry_of(objective.gate_size._replace(n_features=own.shape[1] - 1)), own, shared)
    return None if which is None else objective.symmetry.mirrors[which]
