"""Where the search of a fit starts."""

from typing import Any

import numpy as np

from gmoe._validation import check_choice
from gmoe.design import cells
from gmoe.design.gaps import missing
from gmoe.estimator.training import Training
from gmoe.experts import BaseExperts
from gmoe.gates import BaseGate
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.starts.kinds import DATA_STARTS


def start(estimator: Any, data: Training, gate: BaseGate, experts: BaseExperts) -> Any:
    """Return the setting ``init`` of an estimator, or its last fit, checked against the data: names, parameters, array.

    Raises
    ------
    ValueError
        For unknown names, and for parameters or responsibilities of another shape.
    """
    if estimator.warm_start and hasattr(estimator, "model_"):
        last = estimator.model_.parameters
        return _fitting("the last fit (warm_start=True)", last, estimator.n_experts, data, gate, experts)
    if isinstance(estimator.init, str):
        return check_choice(estimator.init, "init", ("auto", *DATA_STARTS))
    if isinstance(estimator.init, Parameters):
        return _fitting("init", estimator.init, estimator.n_experts, data, gate, experts)
    if np.ndim(estimator.init) == 1:
        return _of_labels(estimator.init, data, estimator.n_experts)
    init, shape = np.asarray(estimator.init, dtype=float), (data.n_given, estimator.n_experts)
    if init.shape != shape:
        raise ValueError(
            f"init must be a name, Parameters, {shape[0]} labels, or responsibilities of shape {shape}; got the shape "
            f"{init.shape}."
        )
    if not np.all(np.isfinite(init)) or np.any(init < 0) or not np.allclose(init.sum(axis=1), 1.0):
        raise ValueError("init as responsibilities must be non-negative with rows that sum to 1.")
    return init[data.rows]


def _of_labels(labels, data, n_experts):
    """Responsibilities 0 and 1 of the rows that are used; groups in the order of their labels."""
    labels = cells(labels)
    if len(labels) != data.n_given:
        raise ValueError(f"init has {len(labels)} labels for {data.n_given} rows; give one for each row.")
    labels = labels[data.rows]
    if missing(labels).any():
        raise ValueError("init has rows without a label; give one for each row, or responsibilities, as 1/k each.")
    groups, codes = np.unique(labels, return_inverse=True)
    if len(groups) != n_experts:
        raise ValueError(
            f"init has {len(groups)} different labels in the rows that are used, and n_experts={n_experts}; give a "
            "label to each expert."
        )
    return np.eye(n_experts)[codes]


def _fitting(what, parameters, n_experts, data, gate, experts):
    # Parameters without a temperature take the gate's.
    model = GMoE(parameters, gate, experts=experts)
    given = (model.n_experts, *(size.n_features for size in model.sizes), model.n_outputs)
    expected = (n_experts, len(data.design.gate), len(data.design.experts), data.n_outputs)
    if given != expected:
        raise ValueError(
            f"{what} has (experts, gate features, expert features, responses) {given}, this fit needs {expected}; "
            "give parameters of that shape, or set warm_start=False and init='auto'."
        )
    return model.parameters
