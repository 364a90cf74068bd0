"""One representative of all parameters with the same gate probabilities, for any gate that states its symmetry."""

from functools import lru_cache

import numpy as np

from gmoe.gates.symmetry import Exchange, Symmetry


def representative(symmetry: Symmetry, rows, shared, reference: int = 0):
    """Parameters (rows, shared) that are the same for all that give these probabilities, in one order of the experts.

    Of mirror images the canonical one; what is translated is zero for the reference expert, or the first parameter of
    its set; what has no effect is zero; a free scale has those rows that it scales least of norm 1.
    """
    theta = np.append(rows, shared)
    which = mirrored(symmetry, rows, shared)
    theta = pin(symmetry, theta if which is None else symmetry.mirrors[which].of(theta), reference)
    n, shape = np.size(rows), np.shape(rows)
    if (scale := symmetry.free_scale) is not None:
        powers = np.array(scale.columns)
        least = powers[powers > 0.0].min()
        size = np.linalg.norm(theta[:n].reshape(shape)[:, powers == least])
        if size > 0.0:
            theta += scale.change(theta[:n].reshape(shape), theta[n:], size ** (-1.0 / least))
    return theta[:n].reshape(shape), theta[n:]


def pin(symmetry: Symmetry, theta, reference: int = 0):
    """Translate parameters (n_parameters, ...) so that those of the reference, and those without effect, are zero."""
    result, first = np.array(theta, dtype=float), range(symmetry.n_experts)[reference] * symmetry.n_columns
    for members in map(list, symmetry.translations):
        own = [i for i in members if first <= i < first + symmetry.n_columns]
        result[members] -= result[(own or members)[0]]
    result[list(symmetry.void)] = 0.0
    return result


@lru_cache(maxsize=16)
def pinning(symmetry: Symmetry, reference: int = 0) -> np.ndarray:
    """Matrix of :func:`pin`, not to be written to."""
    result = pin(symmetry, np.eye(symmetry.size), reference)
    result.setflags(write=False)
    return result


def pinned(symmetry: Symmetry, reference: int = 0) -> np.ndarray:
    """Which entries of the experts' rows are always zero in a representative, (n_experts, n_columns) of bool."""
    moved = pinning(symmetry, reference)[: symmetry.void_rows.size].any(axis=1)
    return np.logical_not(moved).reshape(symmetry.void_rows.shape)


def mirrored(symmetry: Symmetry, rows, shared) -> int | None:
    """Which of ``symmetry.mirrors`` takes parameters to the canonical one of their images, None where they are it.

    Of these, sums of the slopes over the experts begin with a positive entry; without one, of the intercepts.
    """

    def sums(theta):
        return tuple(np.roll(np.where(symmetry.translated, 0.0, theta[:n].reshape(shape).sum(axis=0)), -1))

    theta, n, shape = np.append(rows, shared), np.size(rows), np.shape(rows)
    return next((i for i, image in enumerate(symmetry.mirrors) if sums(image.of(theta)) > sums(theta)), None)


def ordered(symmetry: Symmetry, places) -> np.ndarray:
    """Order of the experts nearest to a wanted one that can be had by relabelling: see :func:`relabelling`."""
    order = np.arange(symmetry.n_experts)
    for exchange in relabelling(symmetry, places):
        order = order[list(exchange.experts)]
    return order


def relabelling(symmetry: Symmetry, places) -> list[Exchange]:
    """Exchanges, one after the other, that bring experts nearest to where they should be: while they improve.

    Parameters
    ----------
    symmetry : Symmetry
    places : array-like of int, shape (n_experts,)
        Where each expert should be.

    """
    places, order, found = np.asarray(places), np.arange(symmetry.n_experts), []
    better = True
    while better:
        better = False
        for exchange in symmetry.exchanges:
            move = list(exchange.experts)
            if tuple(places[order[move]]) < tuple(places[order]):
                order, better = order[move], True
                found.append(exchange)
    return found
