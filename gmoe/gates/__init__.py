"""The family of gates: immutable values that know their logits, derivatives and invariances."""

from gmoe.gates._gate import LOG_TEMPERATURE_RANGE, Gate
from gmoe.gates._gate_rows import GateRows
from gmoe.gates._named import (
    ActivationGate,
    DenseToSparseGate,
    SoftmaxGate,
    TopKGate,
    as_gate,
    list_gates,
)
from gmoe.gates._representative import mirrored, ordered, pinned, representative
from gmoe.gates.activations import Activation, as_activation, list_activations, register
from gmoe.gates.selection import Selection, as_selection, list_selections, register_selection
from gmoe.gates.symmetry import Exchange, Scale, Symmetry

__all__ = [
    "LOG_TEMPERATURE_RANGE",
    "Activation",
    "ActivationGate",
    "DenseToSparseGate",
    "Exchange",
    "Gate",
    "GateRows",
    "Scale",
    "Selection",
    "SoftmaxGate",
    "Symmetry",
    "TopKGate",
    "as_activation",
    "as_gate",
    "as_selection",
    "list_activations",
    "list_gates",
    "list_selections",
    "mirrored",
    "ordered",
    "pinned",
    "register",
    "register_selection",
    "representative",
]
