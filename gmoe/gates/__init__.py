"""The family of gates: immutable values that know their logits, derivatives and invariances."""

from gmoe.gates._gate import LOG_TEMPERATURE_RANGE, Gate
from gmoe.gates._gate_rows import GateRows
from gmoe.gates._named import (
    ActivationGate,
    DenseToSparseGate,
    EntropyGate,
    ExpertChoiceGate,
    NormalisedSigmoidGate,
    SoftmaxGate,
    ThresholdGate,
    TopKGate,
    TopPGate,
    as_gate,
    by_scores,
    gate_text,
    list_gates,
    register_gate,
)
from gmoe.gates._representative import mirrored, ordered, pinned, relabelling, representative
from gmoe.gates.activations import Activation, as_activation, list_activations, register
from gmoe.gates.base import BaseGate
from gmoe.gates.cosine import CosineGate
from gmoe.gates.entmax import EntmaxGate
from gmoe.gates.groups import GroupGate
from gmoe.gates.keys import BY_LOGIT, BY_SCORE, Key, as_key, list_keys, register_key
from gmoe.gates.laplace import LaplaceGate
from gmoe.gates.probit import ProbitGate
from gmoe.gates.quadratic import QuadraticGate
from gmoe.gates.selections import (
    EntropyRule,
    ExpertChoice,
    Selection,
    Threshold,
    TopK,
    TopP,
    as_selection,
    list_selections,
    register_selection,
)
from gmoe.gates.smooth_tree import SmoothTreeGate
from gmoe.gates.symmetry import Exchange, Scale, Symmetry
from gmoe.gates.tree import TreeGate

__all__ = [
    "LOG_TEMPERATURE_RANGE",
    "BY_LOGIT",
    "BY_SCORE",
    "Activation",
    "ActivationGate",
    "BaseGate",
    "CosineGate",
    "DenseToSparseGate",
    "EntmaxGate",
    "EntropyGate",
    "EntropyRule",
    "Exchange",
    "ExpertChoice",
    "ExpertChoiceGate",
    "Gate",
    "GateRows",
    "GroupGate",
    "Key",
    "LaplaceGate",
    "NormalisedSigmoidGate",
    "ProbitGate",
    "QuadraticGate",
    "Scale",
    "Selection",
    "SmoothTreeGate",
    "SoftmaxGate",
    "Symmetry",
    "Threshold",
    "ThresholdGate",
    "TopK",
    "TopKGate",
    "TopP",
    "TopPGate",
    "TreeGate",
    "as_activation",
    "as_gate",
    "as_key",
    "as_selection",
    "by_scores",
    "gate_text",
    "list_activations",
    "list_gates",
    "list_keys",
    "list_selections",
    "mirrored",
    "ordered",
    "pinned",
    "register",
    "register_gate",
    "register_key",
    "register_selection",
    "relabelling",
    "representative",
]
