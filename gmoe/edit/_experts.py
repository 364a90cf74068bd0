"""Models of some of the experts of a model, or of more of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gmoe._validation import check_integer
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.table import by_expert, declared


def pick(model: GMoE, experts: Sequence[int]) -> GMoE:
    """Return the model of these experts, in this order; one may come more than once.

    Raises
    ------
    ValueError
        Where the gate gives experts a place among the others, no expert is left, or one with a given density is left
        out.
    """
    check_given(model, experts)
    order, arrays = list(experts), model.parameters.arrays
    own = {array.name for array in by_expert(declared(model))}
    gate = model.gate.resized(len(order))
    moved = {name: value[order] if name in own else value for name, value in arrays.items()}
    return replace(model, parameters=Parameters(**moved), gate=gate)


def check_given(model: GMoE, experts: Sequence[int]) -> None:
    """Raise a ValueError where no expert of a fitted density is left, or one of a given density is left out."""
    k, n = model.n_experts, model.experts.n_given
    if len(experts) <= n or list(experts[len(experts) - n :]) != list(range(k - n, k)):
        left = f"expert {k - 1} has a given density and stays; fit without it" if n else "one expert at least must stay"
        raise ValueError(f"Keeping the experts {list(experts)} of {k} is not possible: {left}.")


def others(model: GMoE, expert: int) -> list[int]:
    """All experts but one, which is checked."""
    expert = check_expert(model, expert)
    return [j for j in range(model.n_experts) if j != expert]


def check_expert(model: GMoE, expert: Any) -> int:
    """Return the number of an expert; a ValueError where there is none such."""
    expert = check_integer(expert, "expert", 0)
    if expert >= model.n_experts:
        raise ValueError(f"There is no expert {expert}: the model has {model.n_experts}, counted from 0.")
    return expert


def log_parts(model: GMoE, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return logs of gate probabilities and densities of the experts, (n, k)."""
    return model.log_gate_proba(X), model.expert_log_density(X, y)


def log_sum(values: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials of each row; minus infinity where there are none."""
    if values.shape[1] == 0:
        return np.full(len(values), -np.inf)
    top = values.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return top + np.log(np.exp(values - top[:, None]).sum(axis=1))
