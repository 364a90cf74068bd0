"""Constraints as one system of equations: which of them contradict each other, and what they say exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmoe import table
from gmoe.constraints.base import Constraint
from gmoe.constraints.equation import Equation
from gmoe.constraints.places import Places
from gmoe.model import GMoE
from gmoe.parameters import Parameters

# Relative size of what is left of a row, or of a right side, that is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Holds:
    """What a fit holds, and what it is penalised for.

    Attributes
    ----------
    equations : tuple of Equation
        Independent ones.
    penalties : tuple of Shrinkage
    shares : tuple of float
        Given ones; empty where none are.
    absolutes : tuple of str
        Parameters of which the absolute value is penalised, in the order of the fit's.
    """

    equations: tuple[Equation, ...] = ()
    penalties: tuple[Any, ...] = ()
    shares: tuple[float, ...] = ()
    absolutes: tuple[str, ...] = ()


NOTHING = Holds()


def resolved(constraints: Sequence[Constraint], places: Places) -> tuple[Equation, ...]:
    """List the equations that constraints stand for, each once.

    Raises
    ------
    ValueError
        For names that there are not, parameters that cannot be constrained, and equations that contradict others.
    """
    found = [equation for constraint in constraints for equation in constraint.equations(places)]
    kept: list[Equation] = []
    for equation in dict.fromkeys(found):
        _check_affine(equation, places)
        if is_implied(equation, kept, places):
            continue
        kept.append(equation)
    return tuple(kept)


def is_implied(equation: Equation, others: Sequence[Equation], places: Places) -> bool:
    """Whether an equation follows from others, which are independent of each other.

    Raises
    ------
    ValueError
        Where it contradicts them.
    """
    # What nothing moves is 0, and in no equation.
    row, level, said = np.where(places.still, 0.0, equation.row(places)), equation.level, 0.0
    size, weights = float(np.linalg.norm(row)), np.empty(0)
    if others:
        rows = np.where(places.still, 0.0, np.array([other.row(places) for other in others]))
        weights = np.linalg.lstsq(rows.T, row, rcond=None)[0]
        row, said = row - weights @ rows, float(weights @ np.array([other.level for other in others]))
    if float(np.linalg.norm(row)) > ROUNDING * max(size, 1e-300):
        return False
    if abs(said - level) > ROUNDING * (1.0 + abs(level)):
        against = [str(other) for other, w in zip(others, weights, strict=True) if abs(w) > ROUNDING]
        raise ValueError(
            f"The constraint {equation} contradicts {'; '.join(against) or 'what the gate leaves open'}; leave one out."
        )
    return True


def _check_affine(equation, places):
    for name, _ in equation.terms:
        if not places.affine[places.index[name]]:
            raise ValueError(
                f"{name} cannot be constrained: it is no affine function of the coordinates in which this gate and "
                "these experts are fitted (an estimated temperature, a covariance). Fix the temperature, or use the "
                "settings of gate and experts."
            )


def exact(equations: Sequence[Equation]) -> dict[str, float]:
    """Parameters that are held at a value, directly or by a tie: they are these numbers, to the last bit."""
    values = {name: e.value for e in equations if (name := e.holds) is not None}
    pairs = [tied for e in equations if (tied := e.ties) is not None]
    for _ in pairs:
        for one, other in (*pairs, *((b, a) for a, b in pairs)):
            if one in values and other not in values:
                values[other] = values[one]
    return values


def holding(model: GMoE, names: Sequence[str], equations: Sequence[Equation]) -> GMoE:
    """Return a model that satisfies what is held and tied to the last bit, from one that does so to rounding."""
    if not equations:
        return model
    index, values, held = {name: i for i, name in enumerate(names)}, table.parameter_values(model), exact(equations)
    for first, other in (tied for e in equations if (tied := e.ties) is not None):
        values[index[other]] = values[index[first]]
    for name, value in held.items():
        values[index[name]] = value
    return _with_values(model, values)


def satisfies(model: GMoE, names: Sequence[str], equations: Sequence[Equation]) -> bool:
    """Whether equations hold for a model, to rounding."""
    values = dict(zip(names, table.parameter_values(model).tolist(), strict=True))
    for equation in equations:
        terms = [f * (np.log(values[name]) if equation.positive else values[name]) for name, f in equation.terms]
        if abs(sum(terms) - equation.level) > ROUNDING * (1.0 + sum(map(abs, terms))):
            return False
    return True


def _with_values(model, values):
    """Return the model whose table has these entries."""
    declared, k, arrays = table.declared(model), model.n_experts, model.parameters.arrays
    own, shared = table.by_expert(declared), table.common(declared)
    width = sum(arrays[array.name].size for array in own)
    rows, rest, moved = values[:width].reshape(k, -1), values[width:], {}
    for array in own:
        count = arrays[array.name].size // k
        moved[array.name], rows = rows[:, :count].reshape(arrays[array.name].shape), rows[:, count:]
    for array in shared:
        count = arrays[array.name].size
        moved[array.name], rest = rest[:count].reshape(arrays[array.name].shape), rest[count:]
    return replace(model, parameters=Parameters(**{**arrays, **moved}))
