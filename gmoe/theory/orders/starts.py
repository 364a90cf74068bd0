"""Where descents begin: spread over a box at first, and from the minima at the error before."""

from itertools import product

import numpy as np
import scipy

from gmoe.theory.orders.cells import Cells

#: Powers of one small number by which coordinates shrink together: an intercept as the number, a variance as its
#: square; slopes of gate and experts as either.
POWERS = tuple(product((1.0, 2.0), (1.0, 2.0)))


def spread(cells: Cells, fixed: int, error: float, n: int, skip: int = 0) -> list[np.ndarray]:
    """``n`` points of a Halton sequence: atoms of larger cells normally distributed on the scale of the error."""
    points = scipy.stats.qmc.Halton(cells.size, scramble=False).random(skip + n + 1)[skip + 1 :]
    normal = scipy.stats.norm.ppf(points)
    small = np.zeros(cells.size)
    shared = np.asarray(cells.pattern)[cells.cell] > 1
    at, size = cells.slices, error ** (1.0 / _power(cells, fixed, 1.0, 1.0))
    small[at["gate"][shared]] = small[at["expert"][shared][:, :-1]] = size
    small[at["expert"][shared][:, -1]] = size * size
    small[at["share"]] = 1.0
    return [point * small for point in normal]


def known(cells: Cells, fixed: int, error: float) -> list[np.ndarray]:
    """Three families that algebra knows: opposite errors, a common factor, and the nodes of Gauss and Hermite.

    Opposite errors of two atoms in one cell leave its mean as it is. A common factor has the same changes of the gate
    in all cells.  Normal densities of variance 1 - s about the m nodes for a normal law of variance s have the first
    2 m - 1 moments of the one of variance 1: see :mod:`gmoe.theory.orders.polynomial_system`.
    """
    at, (opposite, factor, hermite) = cells.slices, np.zeros((3, cells.size))
    for cell, m in enumerate(cells.pattern):
        own = np.flatnonzero(cells.cell == cell)
        if m == 1:
            continue
        moved = next((atom for atom in own if fixed in at["gate"][atom]), own[-1])
        factor[at["gate"][moved]] = error
        for kind in ("gate", "expert"):
            inside = at[kind][own] == fixed
            if inside.any():
                atom, column = np.argwhere(inside)[0]
                opposite[at[kind][own[atom - 1], column]] = -error
        node, weight = np.polynomial.hermite_e.hermegauss(m)
        scale = np.sqrt(abs(error)) if fixed in at["expert"][:, -1] else abs(error) / node[-1]
        hermite[at["expert"][own, 0]] = scale * node[::-1] * (np.sign(error) if fixed in at["expert"][:, 0] else 1.0)
        hermite[at["expert"][own, -1]] = -scale * scale
        hermite[at["share"][own]] = np.log(weight[::-1] / weight[-1])
    return [opposite, factor, hermite]


def shrunk(cells: Cells, fixed: int, z, ratio: float) -> list[np.ndarray]:
    """Scale the point z so that its fixed coordinate shrinks by the ratio, in each of the ways of POWERS."""
    points = []
    for gate, coef in POWERS:
        at, t = cells.slices, ratio ** (1.0 / _power(cells, fixed, gate, coef))
        point = z.copy()
        point[at["mass"]] *= t**2
        point[at["shared"]] *= t**gate
        point[at["gate"]] *= t**gate
        point[at["expert"][:, 0]] *= t
        point[at["expert"][:, 1:-1]] *= t**coef
        point[at["expert"][:, -1]] *= t**2
        points.append(point)
    return points


def _power(cells, fixed, gate, coef):
    at = cells.slices
    powers = ((at["mass"], 2.0), (at["shared"], gate), (at["gate"], gate), (at["expert"][:, 1:-1], coef))
    found = next((power for index, power in powers if fixed in index), None)
    return found or (2.0 if fixed in at["expert"][:, -1] else 1.0)
