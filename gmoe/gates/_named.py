"""The named gates and their look-up by name."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates._base import Gate
from gmoe.kernels.affine import affine_rows


@dataclass(frozen=True)
class SoftmaxGate(Gate):
    """Dense softmax gate: ``pi_j(x) = softmax_j(gate_intercept_j + gate_coef_j . x)``.

    The probabilities do not change when one vector is added to the parameters of all experts (the translations t1, t2
    of Nguyen, Nguyen and Ho, NeurIPS 2023); the canonical form pins one expert's parameters to zero.
    """

    affine = True
    allows_centring = True

    def fill(self, coef, x, m, logit, slope, curve, affine=affine_rows):
        affine(x, m, coef, logit)

    def invariances(self, n_experts, n_columns):
        return np.kron(np.full((n_experts, 1), n_experts**-0.5), np.eye(n_columns))

    def canonical(self, coef, reference=0):
        return coef - coef[reference]


_NAMED: dict[str, type[Gate]] = {"softmax": SoftmaxGate}


def list_gates() -> list[str]:
    """Names that the estimator's ``gate`` argument accepts."""
    return sorted(_NAMED)


def as_gate(gate: str | Gate) -> Gate:
    """Return the gate of that name, or the gate itself.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a gate.
    """
    if isinstance(gate, Gate):
        return gate
    if not isinstance(gate, str):
        raise TypeError(f"gate must be a name or a Gate, got {type(gate).__name__}; names: {', '.join(list_gates())}.")
    if gate not in _NAMED:
        raise ValueError(f"Unknown gate {gate!r}; known gates: {', '.join(list_gates())}.")
    return _NAMED[gate]()
