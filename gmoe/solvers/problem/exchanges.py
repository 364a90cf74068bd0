"""Exchanges of the gate's parameters as moves of all parameters, and those that leave equations as they are."""

from dataclasses import replace
from itertools import combinations

import numpy as np

from gmoe.gates.symmetry import Exchange, Symmetry
from gmoe.solvers.problem.terms import Terms


def placement(layout, exchange: Exchange) -> tuple[np.ndarray, np.ndarray]:
    """Order and sign (P,) of all parameters after an exchange: parameter i is ``sign[i] * theta[order[i]]``."""
    index, experts = layout.gate_index, list(exchange.experts)
    order, sign = np.arange(layout.size), np.ones(layout.size)
    order[index], sign[index] = index[list(exchange.order)], exchange.sign
    own = layout.at_expert[:, : layout.q_expert]
    order[own] = own[experts]
    return order, sign


def keeping(layout, terms: Terms) -> Symmetry:
    """Return the symmetry of a layout with those exchanges alone that leave constraints and penalties as they are.

    Neighbours that may not change places may stand between others that may: pairs are exchanged beside neighbours.
    """
    symmetry = layout.symmetry
    exchanges = (*symmetry.exchanges, *pairs(symmetry))
    return replace(symmetry, exchanges=tuple(e for e in exchanges if _are_kept(layout, terms, e)))


def moving(layout, terms: Terms) -> list[Exchange]:
    """Exchanges of two experts that do not."""
    return [e for e in pairs(layout.symmetry) if not _are_kept(layout, terms, e)]


def pairs(symmetry: Symmetry) -> list[Exchange]:
    """Exchanges of any two experts, where neighbours can be exchanged."""
    swaps = {}
    for exchange in symmetry.exchanges:
        moved = [j for j, other in enumerate(exchange.experts) if j != other]
        if len(moved) == 2:
            swaps[tuple(moved)] = exchange
    found = []
    for i, j in combinations(range(symmetry.n_experts), 2):
        way = [(a, a + 1) for a in range(i, j)]
        if all(step in swaps for step in way):
            steps = [swaps[step] for step in (*way, *reversed(way[:-1]))]
            whole = steps[0]
            for step in steps[1:]:
                whole = after(step, whole)
            found.append(whole)
    return found


def after(second: Exchange, first: Exchange) -> Exchange:
    """Return one exchange after another."""
    order, sign = np.array(first.order), np.array(first.sign)
    then = list(second.order)
    return Exchange(
        tuple(np.array(first.experts)[list(second.experts)].tolist()),
        tuple(order[then].tolist()),
        tuple((np.array(second.sign) * sign[then]).tolist()),
    )


def _are_kept(layout, terms, exchange):
    return terms.are_kept(exchange, *placement(layout, exchange))
