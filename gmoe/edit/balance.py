"""Prices by which every expert is active for its share of the rows."""

from dataclasses import replace
from typing import Any

from gmoe.edit._edited import Edited, Rows, edited
from gmoe.gates import Gate
from gmoe.gates.prices import prices
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters


def balance(
    model: GMoE, X: Any, y: Any, shares: Any = None, *, weight: Any = None, refit: bool = False,
    space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Add prices to the logits of a gate by logit, so that each expert is active for its share of the rows.

    The prices become a part of the intercepts, and stay for new rows: there is no batch in the model.

    Parameters
    ----------
    model : GMoE
        With the n_active largest logits active: a gate such as ``TopKGate(1, "logit")``, at temperature 1.
    X, y : array-like
    shares : array-like, shape (n_experts,), optional
        Of all activity, adding up to 1; equal by default.
    weight : array-like, shape (n,), optional
        Of the log-likelihoods; loads count rows.
    refit, space
        As of :func:`gmoe.edit.prune`. A climb on the likelihood leaves the balance again.

    Returns
    -------
    Edited

    Raises
    ------
    ValueError
        For another gate, and for shares that are not positive or do not add up to 1.
    """
    gate = model.gate
    suits = isinstance(gate, Gate) and gate.n_active is not None and gate.selection.sees_logit
    if not suits or gate.intercept != "outside" or gate.estimated or gate.temperature != 1.0:
        raise ValueError(
            f"Prices are added to the intercepts of a gate with a number of active experts by logit, such as "
            f"TopKGate(1, 'logit'); {gate!r} is none. For a gate by score give it a constant column as a feature: its "
            "slope is the price."
        )
    rows, arrays = Rows.of(X, y, weight), dict(model.parameters.arrays)
    key = replace(model, gate=gate.dense()).log_gate_proba(rows.X).T
    arrays["gate_intercept"] = arrays["gate_intercept"] + prices(key, shares, gate.n_active)
    balanced = replace(model, parameters=Parameters(**arrays))
    return edited("loads balanced by prices", balanced, model, rows, refit, space)
