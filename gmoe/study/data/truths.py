"""Truths of a study: models that are given or named, and how they move with n."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT, Parameters

# Two experts that cross at x = 0.5, with a gate that switches at 0.32.
_CROSSING: dict[str, Any] = {
    "gate_intercept": [-8.0, 0.0],
    "gate_coef": [[25.0], [0.0]],
    "intercept": [15.0, -5.0],
    "coef": [[-20.0], [20.0]],
}
#: Truths of the papers' experiments, with the law of x of their code.
TRUTHS: dict[str, dict[str, Any]] = {
    "softmax_paper": {
        "truth": {"gate": "softmax", **_CROSSING, "variance": [0.09, 0.16]},
        "x": {"law": "grid", "low": 0.0, "high": 1.0},
    },
    "topk_paper": {
        "truth": {"gate": "topk:n_active=1,select_on=logit", **_CROSSING, "variance": [0.3, 0.4]},
        "x": {"law": "normal", "mean": 0.0, "sd": 1.0},
    },
}
#: Parameters of a truth; each may move with n.
PARAMETERS = (*PER_EXPERT, "temperature")


@dataclass(frozen=True)
class Drift:
    """A parameter that moves with the size of the data: ``value + direction * n**power``.

    Attributes
    ----------
    parameter : str
        One of ``PARAMETERS``.
    direction : float or nested list of float
        Of the parameter's shape.
    power : float
        Negative where the value is the limit.
    """

    parameter: str
    direction: Any
    power: float


def truth_from(values: Mapping[str, Any]) -> GMoE:
    """Model of the keys ``gate`` (a name as for :func:`gmoe.as_gate`) and those of :class:`gmoe.Parameters`.

    ``gate_features`` and ``expert_features`` are the columns of x that gate and means see; by default all, the first
    ones where x has more columns than coefficients.
    """
    parameters = {name: values[name] for name in PARAMETERS if name in values}
    columns = values.get("gate_features"), values.get("expert_features")
    return GMoE(Parameters(**parameters), values.get("gate", "softmax"), *columns)


def truth_at(truth: GMoE, drifts: Sequence[Drift], n: int) -> GMoE:
    """Truth of the data sets of size ``n``; the truth itself where nothing moves."""
    if not drifts:
        return truth
    old = truth.parameters
    new = {d.parameter: getattr(old, d.parameter) + float(n) ** d.power * np.asarray(d.direction) for d in drifts}
    return replace(truth, parameters=replace(old, **new))


def truth_to_dict(truth: GMoE, drifts: Sequence[Drift], gate: str) -> dict[str, Any]:
    """Return the keys of a truth in a study; those of features only where they say something."""
    p = truth.parameters
    values: dict[str, Any] = {"gate": gate, "temperature": p.temperature}
    values |= {name: getattr(p, name).tolist() for name in PER_EXPERT}
    for drift in drifts:
        moving = {"value": values[drift.parameter], "direction": drift.direction, "power": drift.power}
        values[drift.parameter] = moving
    features = {"gate_features": truth.gate_columns, "expert_features": truth.expert_columns}
    every = tuple(range(truth.n_features))
    if any(columns != every for columns in features.values()):
        values |= {name: list(columns or ()) for name, columns in features.items()}
    return values
