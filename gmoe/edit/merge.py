"""Joining two experts into one."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from gmoe.edit._edited import Edited, Rows, edited
from gmoe.edit._experts import check_expert, log_parts, log_sum, others, pick
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.solvers.problem.scaling import scale
from gmoe.table import by_expert

# Weight of an observation that an expert has no part in: enough to keep least squares from a division by 0.
LEAST = 1e-12


def merge(
    model: GMoE, X: Any, y: Any, experts: tuple[int, int] | None = None, *, weight: Any = None, refit: bool = False,
    space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Join two experts into one; the others keep their parameters.

    The joint expert is the one that the rows of both ask for, by the responsibilities of both together; its log-weight
    is the nearest to that of both together, in least squares under their weight.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
    experts : pair of int, optional
        By default the pair of the least loss.
    weight : array-like, shape (n,), optional
    refit, space
        As of :func:`gmoe.edit.prune`.

    Returns
    -------
    Edited
        The joint expert has the place of the first one.

    Raises
    ------
    ValueError
        For a gate that gives experts a place among the others, one of a given density, and a model without two others.
    """
    rows = Rows.of(X, y, weight)
    free = range(model.n_experts - model.experts.n_given)
    if len(free) < 2:
        raise ValueError(f"The model has {len(free)} expert of a fitted density; two are needed to merge.")
    if experts is None:
        pairs = {pair: merged(model, rows, *pair) for pair in combinations(free, 2)}
        experts = max(pairs, key=lambda pair: rows.log_likelihood(pairs[pair]))
    first, second = sorted(check_expert(model, expert) for expert in experts)
    if first == second or second not in free:
        raise ValueError(f"experts must be two of {list(free)}, which have fitted densities; got {tuple(experts)}.")
    what = f"experts {first} and {second} joined"
    return edited(what, merged(model, rows, first, second), model, rows, refit, space)


def merged(model: GMoE, rows: Rows, first: int, second: int) -> GMoE:
    """Return the model in which the first expert is both, and the second left out."""
    small = pick(model, others(model, second))
    gate_columns, expert_columns = (np.array(c, dtype=np.intp) for c in (model.gate_columns, model.expert_columns))
    follows = model.gate.follows(model.n_experts), model.experts.follows
    # In scaled coordinates, so that nothing depends on the units of the data.
    frames = scale(rows.X, rows.y, rows.weight, gate_columns, expert_columns, *follows).frames
    arrays = dict(small.parameters.arrays)
    joint = _gate_row(model, rows, frames[0], first, second) | _row(model, rows, frames[1], first, second)
    for name, row in joint.items():
        arrays[name] = np.array(arrays[name])
        arrays[name][first] = row
    return replace(small, parameters=Parameters(**arrays))


def _gate_row(model, rows, frame, first, second):
    """Parameter arrays of the joint expert, of the gate."""
    gate = model.gate.dense()
    x = frame.transform @ (rows.X[:, list(model.gate_columns)].T - frame.centre[:, None])
    own, shared = gate.from_raw(model.parameters.arrays, frame)
    value = gate.value(own, shared, x)
    both = [first, second]
    target = log_sum(value[both].T)
    share = np.exp(target - log_sum(value.T)) * rows.weight
    root = np.sqrt(share / share.sum())
    shares = (np.exp(value[both] - log_sum(value.T)) * rows.weight).sum(axis=1)

    def at(row):
        trial = own.copy()
        trial[first] = row
        return trial

    found = scipy.optimize.least_squares(
        lambda row: root * (gate.value(at(row), shared, x)[first] - target),
        shares @ own[both] / shares.sum(),
        lambda row: (root * gate.jacobian(at(row), shared, x)[first, : own.shape[1]]).T,
        method="trf",
    )
    return _of_expert(gate, model.sizes[0], gate.to_raw(at(found.x), shared, frame), first)


def _row(model, rows, frame, first, second):
    """Those of the density."""
    log_gate, log_density = log_parts(model, rows.X, rows.y)
    joint = log_gate + log_density
    r = np.exp(joint - log_sum(joint)[:, None])
    r[:, first] += r[:, second]
    r = np.maximum(np.delete(r, second, axis=1), LEAST) * rows.weight[:, None]
    features = frame.features
    x = features.transform @ (rows.X[:, list(model.expert_columns)].T - features.centre[:, None])
    y = frame.whiten @ (rows.y.reshape(len(rows.y), -1).T - frame.centre_y[:, None] - frame.slope @ x)
    experts = model.experts.scaled(frame)
    raw = experts.to_raw(*experts.start(r, x, y), frame)
    return _of_expert(experts, model.sizes[1], raw, first)


def _of_expert(part, size, arrays, expert):
    return {array.name: arrays[array.name][expert] for array in by_expert(part.arrays(size))}
