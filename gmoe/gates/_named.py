"""The named gates, and their look-up by name."""

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any

from gmoe.gates._gate import ESTIMATE, Gate
from gmoe.gates.activations import Activation, as_activation
from gmoe.gates.base import BaseGate
from gmoe.gates.keys import Key


def SoftmaxGate() -> Gate:
    """Dense softmax gate, ``pi(x) = softmax(gate_intercept + gate_coef . x)`` (Nguyen, Nguyen and Ho, NeurIPS 2023)."""
    return Gate()


def TopKGate(n_active: int = 1, select_on: str | Key = "score") -> Gate:
    """Sparse softmax gate: softmax over the ``n_active`` experts of largest key (Nguyen et al., ICLR 2024)."""
    return Gate(n_active=n_active, select_on=select_on)


def ThresholdGate(threshold: float = 0.1) -> Gate:
    """Sparse softmax gate: softmax over the experts whose dense probability is at least ``threshold``.

    As many experts as an observation wants, and always the likeliest: see :class:`gmoe.gates.Threshold`.
    """
    return Gate(threshold=threshold)


def DenseToSparseGate(temperature: float | str = ESTIMATE) -> Gate:
    """Softmax of affine functions over a temperature (Nguyen, Akbarian and Ho, ICML 2024).

    An estimated temperature is not identified: only gate parameters over temperature are.
    """
    return Gate(temperature=temperature)


def ActivationGate(
    activation: str | Activation = "sigmoid", temperature: float | str = ESTIMATE, intercept: str = "outside"
) -> Gate:
    """Dense gate whose score goes through an activation: with one that bends, the temperature is identified."""
    return Gate(activation=as_activation(activation), intercept=intercept, temperature=temperature)


NAMED: dict[str, Callable[..., Gate]] = {
    "softmax": SoftmaxGate,
    "topk": TopKGate,
    "threshold": ThresholdGate,
    "dense_to_sparse": DenseToSparseGate,
    "activation": ActivationGate,
}


def list_gates() -> list[str]:
    """Names that the estimator's ``gate`` argument accepts."""
    return sorted(NAMED)


def as_gate(gate: Any) -> Any:
    """Return the gate of that name, or the gate itself.

    A name may carry settings, any of :class:`Gate`'s: ``"topk:n_active=2,select_on=logit"``,
    ``"activation:activation=tanh,temperature=1"``,
    ``"threshold:threshold=0.05"``, ``"topk:n_active=2,activation=gelu,temperature=estimate"``.

    Raises
    ------
    ValueError
        For an unknown name or setting; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a gate, and for settings of the wrong type.
    """
    if isinstance(gate, BaseGate):
        return gate
    if not isinstance(gate, str):
        raise TypeError(f"gate must be a name or a Gate, got {type(gate).__name__}; names: {', '.join(list_gates())}.")
    name, _, text = gate.partition(":")
    if name not in NAMED:
        raise ValueError(
            f"Unknown gate {name!r}; known gates: {', '.join(list_gates())}. An activation or a number of active "
            "experts is a setting: 'activation:activation=tanh', 'topk:n_active=2'."
        )
    settings = dict(_setting(item.strip(), name) for item in text.split(",") if item.strip())
    own = {key: settings.pop(key) for key in NAMED[name].__annotations__ if key in settings}
    return replace(NAMED[name](**own), **settings)


def _setting(item, name):
    key, equals, value = item.partition("=")
    known = list(signature(Gate).parameters)
    if not equals or key not in known:
        raise ValueError(
            f"Setting {item!r} of gate {name!r} must be name=value with one of the names {', '.join(known)}; "
            f"for instance '{name}:n_active=2'."
        )
    for number in (int, float):
        try:
            return key, number(value)
        except ValueError:
            continue
    return key, value
