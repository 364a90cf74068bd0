"""Truths of a study: models that are given or named, and how they move with n."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmoe.experts import GAUSSIAN
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.study.data.arrays import declared

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
#: Keys of a truth that are no parameters.
SETTINGS = ("gate", "experts", "gate_features", "expert_features")


@dataclass(frozen=True)
class Drift:
    """A parameter that moves with the size of the data: ``value + direction * n**power``.

    Attributes
    ----------
    parameter : str
        Name of an array that gate or experts declare, or "temperature".
    direction : float or nested list of float
        Of the parameter's shape.
    power : float
        Negative where the value is the limit.
    """

    parameter: str
    direction: Any
    power: float


def truth_from(values: Mapping[str, Any]) -> GMoE:
    """Model of the keys ``gate`` and ``experts``, names as for :func:`gmoe.as_gate`, and the arrays that these declare.

    ``gate_features`` and ``expert_features`` are the columns of x that gate and means see; by default all, the first
    ones where x has more columns than coefficients.
    """
    parameters = Parameters(**{name: value for name, value in values.items() if name not in SETTINGS})
    columns = values.get("gate_features"), values.get("expert_features")
    return GMoE(parameters, values.get("gate", "softmax"), *columns, values.get("experts", GAUSSIAN))


def truth_at(truth: GMoE, drifts: Sequence[Drift], n: int) -> GMoE:
    """Truth of the data sets of size ``n``; the truth itself where nothing moves."""
    if not drifts:
        return truth
    old = truth.parameters.arrays
    new = {d.parameter: old[d.parameter] + float(n) ** d.power * np.asarray(d.direction) for d in drifts}
    return replace(truth, parameters=Parameters(**{**old, **new}))


def truth_to_dict(truth: GMoE, drifts: Sequence[Drift], gate: str, experts: str) -> dict[str, Any]:
    """Return the keys of a truth in a study; those of experts and features only where they say something."""
    parts, arrays = (truth.gate, truth.experts), truth.parameters.arrays
    values: dict[str, Any] = {"gate": gate}
    # What is as it was before there were others is not said: seeds depend on what is.
    values |= {} if truth.experts == GAUSSIAN else {"experts": experts}
    values |= {"temperature": truth.parameters.temperature} if truth.gate.can_anneal else {}
    values |= {array.name: arrays[array.name].tolist() for array in declared(parts, truth.sizes)}
    for drift in drifts:
        moving = {"value": values[drift.parameter], "direction": drift.direction, "power": drift.power}
        values[drift.parameter] = moving
    features = {"gate_features": truth.gate_columns, "expert_features": truth.expert_columns}
    every = tuple(range(truth.n_features))
    if any(columns != every for columns in features.values()):
        values |= {name: list(columns or ()) for name, columns in features.items()}
    return values
