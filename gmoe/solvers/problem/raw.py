"""Where scaled and raw parameters meet: maps of points, and of their derivatives to the table that users see."""

import numpy as np

from gmoe import table
from gmoe.parameters import Parameters
from gmoe.part import Size


def raw_arrays(objective, scaling, theta) -> dict[str, np.ndarray]:
    """Parameter arrays in the units of the data."""
    gate, experts = scaling.frames
    own, expert = objective.split(theta)
    arrays = objective.gate.to_raw(own, objective.shared(theta), gate)
    return arrays | objective.experts.to_raw(expert, objective.expert_shared(theta), experts)


def raw_parameters(objective, scaling, theta) -> Parameters:
    """Parameters in the units of the data."""
    return Parameters(**raw_arrays(objective, scaling, theta))


def scaled_parameters(objective, scaling, parameters: Parameters):
    """Parameter vector of parameters in the units of the data; the inverse on the data's span."""
    gate, experts = scaling.frames
    own, shared = objective.gate.from_raw(parameters.arrays, gate)
    expert, expert_shared = objective.experts.from_raw(parameters.arrays, experts)
    return objective.join(own, expert, shared, expert_shared)


def raw_sizes(scaling, n_experts) -> tuple[Size, Size]:
    """Numbers of experts, features and outputs in the units of the data, of gate and experts."""
    widths = len(scaling.gate.columns), len(scaling.expert.columns)
    return Size(n_experts, widths[0]), Size(n_experts, widths[1], len(scaling.centre_y))


def derivatives(objective, scaling, theta, model, counts):
    """Differentiate the table of canonical raw parameters in the scaled ones, (entries, P).

    Parameters
    ----------
    objective : Objective
    scaling : Scaling
    theta : ndarray, shape (P,)
    model : GMoE
        Canonical, with the experts in the order of ``theta``.
    counts : tuple of int
        Entries of one expert's gate and density.
    """
    k, (gate_frame, expert_frame) = objective.n_experts, scaling.frames
    own, expert = objective.split(theta)
    gate = objective.gate.table_derivatives(own, objective.shared(theta), gate_frame, model.parameters.arrays)
    experts = objective.experts.table_derivatives(expert, objective.expert_shared(theta), expert_frame)
    last = np.arange(objective.size - objective.s_expert, objective.size)
    expert_index = np.append(objective.at_expert[:, : objective.q_expert], last)
    parts = []
    for block, count, index in ((gate, counts[0], objective.gate_index), (experts, counts[1], expert_index)):
        rows = np.zeros((len(block), objective.size))
        rows[:, index] = block
        parts.append((rows, count))
    return table.joined(k, parts)
