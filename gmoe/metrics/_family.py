"""What the losses need to know of a gate; the one place that reads a gate's fields."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates import Activation, Gate, Selection
from gmoe.gates.selections import DENSE
from gmoe.metrics._stack import Given, ParameterStack


@dataclass(frozen=True)
class Family:
    """The traits of a gate that decide which loss is defined for it.

    Attributes
    ----------
    activation : Activation
    intercept : str
        "outside" or "inside" of the activation.
    selection : Selection
        Dense where every expert is active.
    """

    activation: Activation
    intercept: str
    selection: Selection

    @property
    def n_active(self) -> int | None:
        """Number of active experts, None where all are."""
        return self.selection.n_active

    @property
    def affine(self) -> bool:
        """Whether a vector common to all gate slopes leaves the density unchanged."""
        return bool(self.activation.affine)

    @property
    def degree(self) -> float | None:
        """Degree of homogeneity of the activation: with it, gate and temperature have a common free scale."""
        return self.activation.degree


def family_of(gate: Gate, n_experts: int) -> Family:
    """Read the traits of a gate over ``n_experts`` experts."""
    return Family(gate.activation, gate.intercept, gate.selection if gate.is_sparse(n_experts) else DENSE)


def check_selection(family: Family):
    """Raise a ValueError where ranks depend on more than differences of keys: no loss or rate is known for that."""
    rule = family.selection
    if rule.selects and rule.n_active is None:
        raise ValueError(
            f"Losses and rates are known for a fixed number of active experts, and {rule!r} has none; compare "
            "densities with hellinger."
        )
    if not (rule.translation_invariant and rule.scale_invariant):
        raise ValueError(
            f"Losses and rates leave out translations and scales of the gate, and {rule!r} does not say that they "
            "leave its ranks; declare translation_invariant and scale_invariant where they hold, or compare densities "
            "with hellinger."
        )


def comparable_family(fitted: Given, true: Given) -> Family:
    """Return the true gate's family, or raise where the loss between the two gates is undefined."""
    assert fitted.gate is not None and true.gate is not None
    for gate, stack in ((fitted.gate, fitted.stack), (true.gate, true.stack)):
        gate.check(stack.n_experts, stack.gate_coef.shape[2])
    left, right = (family_of(given.gate, given.stack.n_experts) for given in (fitted, true) if given.gate is not None)
    for name in ("activation", "intercept"):
        if getattr(left, name) != getattr(right, name):
            raise ValueError(
                f"The loss between gates with {name} {getattr(left, name)!r} (fitted) and {getattr(right, name)!r} "
                "(true) is undefined; pass models of one gate family, or compare densities with hellinger."
            )
    if right.intercept == "inside":
        raise ValueError(
            "The Voronoi losses weigh atoms by exp(gate_intercept), which is undefined for a gate intercept inside the "
            "activation; compare densities with hellinger, or pass a gate with intercept='outside'."
        )
    if 1 in (fitted.stack.n_experts, true.stack.n_experts):
        # One expert is active everywhere, whatever its gate says.
        return right
    for family in (left, right):
        check_selection(family)
    # A top-K fit may have all of its experts active (K-bar = k in the over-specified theory).
    sparse_fit = left.n_active is not None or (right.n_active is not None and fitted.gate.n_active is not None)
    if sparse_fit != (right.n_active is not None):
        raise ValueError(
            f"The loss between a dense and a sparse gate is undefined: n_active is {left.n_active} of "
            f"{fitted.stack.n_experts} in fitted and {right.n_active} of {true.stack.n_experts} in true; pass models "
            "that are both dense or both sparse, or compare densities with hellinger."
        )
    if left.selection.selects and not left.selection.like(right.selection):
        raise ValueError(
            f"fitted has the selection {left.selection!r}, true {right.selection!r}; pass models with one."
        )
    return right


def log_weight(stack: ParameterStack) -> np.ndarray:
    """Return the logs of the atoms' weights exp(gate_intercept / temperature), shape (n_fits, k)."""
    return stack.gate_intercept / np.asarray(stack.temperature)[:, None]
