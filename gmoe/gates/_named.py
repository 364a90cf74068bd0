"""The named gates, and their look-up by name."""

from collections.abc import Callable
from dataclasses import replace
from inspect import signature
from typing import Any, cast

from gmoe._names import enter, with_settings
from gmoe.gates._gate import ESTIMATE, Gate
from gmoe.gates.activations import Activation, as_activation
from gmoe.gates.base import BaseGate
from gmoe.gates.cosine import CosineGate
from gmoe.gates.entmax import EntmaxGate
from gmoe.gates.groups import GroupGate
from gmoe.gates.keys import Key
from gmoe.gates.laplace import LaplaceGate
from gmoe.gates.probit import ProbitGate
from gmoe.gates.quadratic import QuadraticGate
from gmoe.gates.selections import UNORDERED, EntropyRule, ExpertChoice, TopP
from gmoe.gates.smooth_tree import SmoothTreeGate
from gmoe.gates.tree import TreeGate


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


def TopPGate(p: float = 0.8) -> Gate:
    """Sparse softmax gate: over the likeliest experts that have ``p`` together, see :class:`gmoe.gates.TopP`."""
    return Gate(selection=TopP(p))


def EntropyGate(limit: float = 0.5, p: float = 0.8, index: float = 1.0) -> Gate:
    """Sparse softmax gate: over all experts where it is uncertain, else as :func:`TopPGate`.

    See :class:`gmoe.gates.EntropyRule`.
    """
    return Gate(selection=EntropyRule(limit, p, index))


def ExpertChoiceGate() -> Gate:
    """Sparse softmax gate: over the experts that take an observation: see :class:`gmoe.gates.ExpertChoice`."""
    return Gate(selection=ExpertChoice())


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


def NormalisedSigmoidGate() -> Gate:
    """Weights ``sigmoid(score_j) / sum_l sigmoid(score_l)`` of affine scores (arXiv:2505.10860, of DeepSeekMoE).

    No common number is free: a score says whether an expert is any good at x, not only whether it is better.
    """
    return Gate(as_activation("log_sigmoid"), intercept="inside")


NAMED: dict[str, Callable[..., BaseGate]] = {
    "softmax": SoftmaxGate,
    "topk": TopKGate,
    "threshold": ThresholdGate,
    "top_p": TopPGate,
    "entropy": EntropyGate,
    "expert_choice": ExpertChoiceGate,
    "dense_to_sparse": DenseToSparseGate,
    "activation": ActivationGate,
    "normalised_sigmoid": NormalisedSigmoidGate,
    "laplace": LaplaceGate,
    "cosine": CosineGate,
    "quadratic": QuadraticGate,
    "tree": TreeGate,
    "smooth_tree": SmoothTreeGate,
    "groups": GroupGate,
    "entmax": EntmaxGate,
    "probit": ProbitGate,
}


def register_gate(name: str, gate: type[BaseGate]) -> type[BaseGate]:
    """Make a class of gates available by name, to the estimator, the model, the command line and study files.

    Its settings are the arguments of the class.

    Raises
    ------
    ValueError
        For a name that cannot stand before settings, or that another gate has.
    TypeError
        For anything but a subclass of :class:`BaseGate`.
    """
    if not (isinstance(gate, type) and issubclass(gate, BaseGate)):
        raise TypeError(f"Only a subclass of BaseGate can be registered as a gate, got {gate!r}.")
    return enter(NAMED, name, gate, "a gate")


def list_gates() -> list[str]:
    """Names that the estimator's ``gate`` argument accepts."""
    return sorted(NAMED)


def as_gate(gate: Any) -> Any:
    """Return the gate of that name, or the gate itself.

    A name may carry settings. Those of gates by scores are any of :class:`Gate`'s:
    ``"topk:n_active=2,select_on=logit"``, ``"activation:activation=tanh,temperature=1"``,
    ``"threshold:threshold=0.05"``, ``"topk:n_active=2,activation=gelu,temperature=estimate"``. The others have their
    own: ``"laplace:scale=1.0"``, ``"cosine:tau=0.1"``, ``"tree:tree=(0+1)+2"``, ``"groups:sizes=2+3"``.

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
    if name in UNORDERED:
        raise ValueError(UNORDERED[name])
    if name not in NAMED:
        raise ValueError(
            f"Unknown gate {name!r}; known gates: {', '.join(list_gates())}. An activation or a number of active "
            "experts is a setting: 'activation:activation=tanh', 'topk:n_active=2'."
        )
    make = NAMED[name]
    own = list(signature(make).parameters)
    # A function makes a gate by scores, which takes all settings of these.
    known = own if isinstance(make, type) else list(dict.fromkeys([*signature(Gate).parameters, *own]))
    settings = dict(_setting(item.strip(), name, known) for item in text.split(",") if item.strip())
    made = make(**{key: settings.pop(key) for key in own if key in settings})
    return replace(cast(Gate, made), **settings) if settings else made


def by_scores(gate: str | BaseGate) -> Gate:
    """Return the gate of that name or the gate itself, as :func:`as_gate`, if it is one by scores.

    Raises
    ------
    ValueError
        For another: losses and rates of the theory are those of gates by scores.
    """
    if isinstance(found := as_gate(gate), Gate):
        return found
    raise ValueError(
        f"Voronoi losses and rates are known for gates by scores, gmoe.Gate, and not for {found!r}; compare densities "
        "with hellinger."
    )


def gate_text(gate: BaseGate) -> str:
    """Text from which :func:`as_gate` makes the same gate, where its class and its parts have names."""
    name = next((name for name, make in NAMED.items() if make is type(gate)), "")
    return with_settings("softmax" if isinstance(gate, Gate) else name, gate.settings())


def _setting(item, name, known):
    key, equals, value = item.partition("=")
    if not known:
        raise ValueError(f"Gate {name!r} has no settings, got {item!r}; leave it out.")
    if not equals or key not in known:
        raise ValueError(
            f"Setting {item!r} of gate {name!r} must be name=value with one of the names {', '.join(known)}; "
            f"for instance '{name}:{'n_active=2' if 'n_active' in known else known[0] + '=...'}'."
        )
    for number in (int, float):
        try:
            return key, number(value)
        except ValueError:
            continue
    return key, {"true": True, "false": False}.get(value.lower(), value)
