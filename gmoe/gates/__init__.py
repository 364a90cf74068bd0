"""The family of gates: immutable values that know their logits, derivatives and invariances."""

from gmoe.gates._base import Gate
from gmoe.gates._named import SoftmaxGate, as_gate, list_gates

__all__ = ["Gate", "SoftmaxGate", "as_gate", "list_gates"]
