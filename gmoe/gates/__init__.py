"""The family of gates: immutable values that know their logits, derivatives and invariances."""

from gmoe.gates._gate import LOG_TEMPERATURE_RANGE, Gate, GateRows
from gmoe.gates._identification import mirror
from gmoe.gates._named import (
    ActivationGate,
    DenseToSparseGate,
    SoftmaxGate,
    ThresholdGate,
    TopKGate,
    as_gate,
    list_gates,
)
from gmoe.gates.activations import Activation, as_activation, list_activations, register
from gmoe.gates.keys import BY_LOGIT, BY_SCORE, Key, as_key, list_keys, register_key
from gmoe.gates.selections import Selection, Threshold, TopK, as_selection, list_selections, register_selection

__all__ = [
    "LOG_TEMPERATURE_RANGE",
    "BY_LOGIT",
    "BY_SCORE",
    "Activation",
    "ActivationGate",
    "DenseToSparseGate",
    "Gate",
    "GateRows",
    "Key",
    "Selection",
    "SoftmaxGate",
    "Threshold",
    "ThresholdGate",
    "TopK",
    "TopKGate",
    "as_activation",
    "as_gate",
    "as_key",
    "as_selection",
    "list_activations",
    "list_gates",
    "list_keys",
    "list_selections",
    "mirror",
    "register",
    "register_key",
    "register_selection",
]
