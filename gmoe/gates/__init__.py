"""The family of gates: immutable values that know their logits, derivatives and invariances."""

from gmoe.gates._gate import LOG_TEMPERATURE_RANGE, Gate
from gmoe.gates._gate_rows import GateRows
from gmoe.gates._identification import mirror
from gmoe.gates._named import (
    ActivationGate,
    DenseToSparseGate,
    SoftmaxGate,
    TopKGate,
    as_gate,
    list_gates,
)
from gmoe.gates.activations import Activation, as_activation, list_activations, register
from gmoe.gates.selection import Selection, as_selection, list_selections, register_selection

__all__ = [
    "LOG_TEMPERATURE_RANGE",
    "Activation",
    "ActivationGate",
    "DenseToSparseGate",
    "Gate",
    "GateRows",
    "Selection",
    "SoftmaxGate",
    "TopKGate",
    "as_activation",
    "as_gate",
    "as_selection",
    "list_activations",
    "list_gates",
    "list_selections",
    "mirror",
    "register",
    "register_selection",
]
