"""Between which gates a loss is defined, and what it needs to know of one."""

import numpy as np

from gmoe.gates import Gate, Symmetry
from gmoe.metrics._stack import Given, ParameterStack
from gmoe.part import Size


def symmetry_of(given: Given) -> Symmetry:
    """Return what the gate of the measures leaves open; see :func:`stated`."""
    assert given.gate is not None
    return stated(given.gate, given.stack.n_experts, 1 + given.stack.gate_coef.shape[2])


def unselected(gate: Gate | None) -> Symmetry:
    """Return what two experts and a feature leave open without a selection: if slopes translate, logits are linear."""
    assert gate is not None
    return stated(gate.dense(), 2, 2)


def stated(gate: Gate, n_experts: int, n_columns: int) -> Symmetry:
    """Return a gate's symmetry, or raise a ValueError where it states none."""
    if not gate.has_slopes:
        raise ValueError(
            f"Losses and rates are known for gates by scores with intercepts and slopes, not for {gate!r}; compare "
            "densities with hellinger."
        )
    symmetry = gate.symmetry_of(Size(n_experts, n_columns - 1))
    if not symmetry.stated:
        raise ValueError(
            f"Gate {gate!r} states no symmetry, so that equal densities may have any loss and any rate; let its method "
            "symmetry return what leaves all probabilities unchanged, or compare densities with hellinger."
        )
    return symmetry


def n_selected(given: Given) -> int | None:
    """Return the number of active experts, None where all are."""
    assert given.gate is not None
    return given.gate.n_active if given.gate.is_sparse(given.stack.n_experts) else None


def check_selection(gate: Gate, n_experts: int):
    """Raise a ValueError where ranks depend on more than differences of keys: no loss or rate is known for that."""
    rule = gate.selection
    if not gate.is_sparse(n_experts):
        return
    if rule.n_active is None:
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


def check_comparable(fitted: Given, true: Given):
    """Raise a ValueError where the loss between the two gates is undefined."""
    left, right = fitted.gate, true.gate
    assert left is not None and right is not None
    for gate, stack in ((left, fitted.stack), (right, true.stack)):
        gate.check(stack.n_experts, stack.gate_coef.shape[2])
    for name in ("activation", "intercept"):
        if getattr(left, name) != getattr(right, name):
            raise ValueError(
                f"The loss between gates with {name} {getattr(left, name)!r} (fitted) and {getattr(right, name)!r} "
                "(true) is undefined; pass models of one gate family, or compare densities with hellinger."
            )
    if not unselected(right).translated[0]:
        raise ValueError(
            "The Voronoi losses weigh atoms by exp(gate_intercept), which is undefined for a gate intercept inside the "
            "activation; compare densities with hellinger, or pass a gate with intercept='outside'."
        )
    if 1 in (fitted.stack.n_experts, true.stack.n_experts):
        # One expert is active everywhere, whatever its gate says.
        return
    for gate, stack in ((left, fitted.stack), (right, true.stack)):
        check_selection(gate, stack.n_experts)
    of_fitted, of_true = n_selected(fitted), n_selected(true)
    # A top-K fit may have all of its experts active (K-bar = k in the over-specified theory).
    sparse_fit = of_fitted is not None or (of_true is not None and left.n_active is not None)
    if sparse_fit != (of_true is not None):
        raise ValueError(
            f"The loss between a dense and a sparse gate is undefined: n_active is {of_fitted} of "
            f"{fitted.stack.n_experts} in fitted and {of_true} of {true.stack.n_experts} in true; pass models "
            "that are both dense or both sparse, or compare densities with hellinger."
        )
    if of_fitted is not None and not left.selection.like(right.selection):
        raise ValueError(
            f"fitted has the selection {left.selection!r}, true {right.selection!r}; pass models with one."
        )


def log_weight(stack: ParameterStack) -> np.ndarray:
    """Return the logs of the atoms' weights exp(gate_intercept / temperature), shape (n_fits, k)."""
    return stack.gate_intercept / np.asarray(stack.temperature)[:, None]
