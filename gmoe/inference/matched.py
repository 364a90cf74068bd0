"""A refit with its experts in the order of the fit that it is compared with."""

import numpy as np

from gmoe.gates import relabelling
from gmoe.inference.chart import Chart
from gmoe.metrics import match_experts
from gmoe.model import GMoE


def matched(model: GMoE, reference: GMoE, X, y) -> GMoE:
    """Return the same density with its experts in the order of the reference, in canonical form.

    Parameters
    ----------
    model, reference : GMoE
        Of the same gate, experts and columns.
    X, y : ndarray
        Observations, by whose posterior probabilities experts are matched.
    """
    chart = Chart(model)
    gate, shared, experts, expert_shared = chart.split(chart.point)
    symmetry = model.gate.symmetry_of(model.sizes[0]).keeping(model.experts.n_given)
    theta = np.append(gate, shared)
    order = np.arange(model.n_experts)
    # By what they explain: parameters that the reference's experts have nearly in common would tell nothing but noise.
    wanted = match_experts(model, reference, X, y, by="responsibilities").order
    for exchange in relabelling(symmetry, np.argsort(wanted)):
        theta, order = exchange.of(theta), order[list(exchange.experts)]
    return chart.model_at(np.concatenate([theta, experts[order].ravel(), expert_shared])).canonical()
