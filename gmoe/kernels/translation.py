"""The infimum of the Voronoi loss over translations, for one pair of mixing measures.

With the translation t2 = shift, atom i is nearer to true atom j than to l where ``shift . (beta1*_l - beta1*_j)`` is
at least half the difference of the squared distances.  So the shifts with the same cells form a polyhedron, on which
the loss is convex in the shift and in the factor s = exp(t1), and the infimum is the least of finitely many convex
problems.  All assignments that no pair of atoms contradicts are enumerated, and each is bounded below by its mass term
and the errors that no shift changes; those that may improve are minimised (gmoe/kernels/ellipsoid.py).
"""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.ellipsoid import TOLERANCE, descend, norm
from gmoe.kernels.voronoi import (
    N_ATOM,
    N_BLOCKS,
    assign,
    contributions,
    joined,
    largest,
    median_factor,
    raised,
    squares,
    value_and_slope,
    weigh,
)

#: Sets of shifts narrower than this share of the squared distances that bound them are ties, not sets.
NARROW = 1e-13


@kernel
def infimum(
    delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, by_cell, cell, shift, chosen, part
):
    """Minimise over shift and factor; write cells, shift, active true atoms and contributions.

    ``by_cell``: see :func:`gmoe.kernels.voronoi.weigh`.

    Returns
    -------
    value, factor : float
    needed : int
        Size of a cell of unknown power that may be smaller; 0 if there is none.  With one, ``value`` is a lower bound.
    """
    k, n_true, d = delta.shape
    best, factor, needed = np.inf, 1.0, 0
    size, cell_mass, row = np.empty(n_true, np.int64), np.empty(n_true), np.empty(n_true)
    slope, trial, trial_cell, weight = np.empty(d + 1), np.zeros(d), np.empty(k, np.int64), np.empty(k)
    # Candidates: no shift, and the shifts that make one fitted slope equal to one true slope, where kinks lie.
    for pair in range(-1, k * n_true if free_shift else 0):
        if pair >= 0:
            trial[:] = delta[pair // n_true, pair % n_true]
        assign(delta, rest, trial, trial_cell)
        weigh(trial_cell, mass, by_cell, size, cell_mass, weight)
        s = median_factor(cell_mass, true_mass) if free_factor else 1.0
        value = value_and_slope(
            delta, rest, weight, true_mass, power, group, trial_cell, size, cell_mass, n_active, trial, s,
            row, chosen, slope,
        )  # fmt: skip
        if _unknown(size, power) == 0 and value < best:
            best, factor = value, s
            cell[:], shift[:] = trial_cell, trial
        elif not free_shift:
            needed = _unknown(size, power)
            best, factor, cell[:] = value, s, trial_cell
    if best > 0.0 and (free_shift or (free_factor and n_active < n_true)):
        best, factor, needed = _search(
            delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, by_cell, best, factor,
            cell, shift,
        )  # fmt: skip
    weigh(cell, mass, by_cell, size, cell_mass, weight)
    contributions(delta, rest, weight, true_mass, power, group, cell, size, cell_mass, shift, factor, part)
    for j in range(n_true):
        row[j] = part[j].sum()
    value = largest(row, n_active, chosen)
    return best if needed > 0 else value, factor, needed


@kernel
def infima(
    delta, rest, mass, true_mass, power, group, n_active, free, value, factor, needed, cell, shift, chosen, part
):
    """Solve one problem after the other; the first axis of every array but the tables counts them."""
    for n in range(len(delta)):
        value[n], factor[n], needed[n] = infimum(
            delta[n], rest[n], mass[n], true_mass, power, group, n_active, free[0], free[1], free[2],
            cell[n], shift[n], chosen[n], part[n],
        )  # fmt: skip


@kernel
def _unknown(size, power):
    """Return the size of a cell whose power is unknown, or 0."""
    for j in range(len(size)):
        if size[j] > 0 and power[size[j], 0] == 0.0:
            return size[j]
    return 0


@kernel
def _thresholds(delta, rest, shift, half, width):
    """Write half the difference of the squared distances of atom i to j and to l, from ``shift``, and its rounding.

    Each atom has its own: one far away must not blur the cells of the others.
    """
    k, n_true, d = delta.shape
    square = np.empty(n_true)
    for i in range(k):
        for j in range(n_true):
            square[j] = 0.0
            for c in range(d):
                square[j] += (delta[i, j, c] - shift[c]) ** 2
            for b in range(N_ATOM):
                square[j] += rest[i, j, b]
        width[i] = NARROW * square.max()
        for j in range(n_true):
            for m in range(n_true):
                half[i, j, m] = 0.5 * (square[j] - square[m])


@kernel
def _consistent(half, normal, movable, width, assignment, i):
    """Whether some shift may give atom i its assignment beside those of the atoms before it, pair by pair."""
    j = assignment[i]
    for m in range(half.shape[1]):
        # True atoms with one gate slope: no shift changes which of them is nearer, and ties go to the lower index.
        fixed = not movable or norm(normal[j, m]) == 0.0
        if fixed and (half[i, j, m] > 0.0 or (half[i, j, m] == 0.0 and m < j)):
            return False
    for other in range(i):
        m = assignment[other]
        if m != j and movable and norm(normal[j, m]) > 0.0:
            if half[other, j, m] - half[i, j, m] <= max(width[i], width[other]):
                return False
    return True


@kernel
def _search(
    delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, by_cell, best, factor, cell, shift
):
    """Go through the assignments, depth first; improve ``best`` and what belongs to it."""
    k, n_true, d = delta.shape
    origin = shift.copy()
    half, width, normal = np.empty((k, n_true, n_true)), np.empty(k), np.empty((n_true, n_true, d))
    _thresholds(delta, rest, origin, half, width)
    for j in range(n_true):
        for m in range(n_true):
            normal[j, m] = delta[0, j] - delta[0, m]  # beta1*_m - beta1*_j
    # Relative to the best candidate, so that large common translations do not cancel.
    delta = delta - origin
    low, high = np.empty((n_true, n_true)), np.empty((n_true, n_true))
    size, cell_mass = np.empty(n_true, np.int64), np.empty(n_true)
    assignment, weight, point, found = np.full(k, -1), np.empty(k), np.empty(d + 1), np.empty(d + 1)
    lowest_unknown, needed = np.inf, 0
    i = 0
    while i >= 0:
        assignment[i] += 1
        if assignment[i] == n_true:
            assignment[i] = -1
            i -= 1
            continue
        if not _consistent(half, normal, free_shift, width, assignment, i):
            continue
        if i < k - 1:
            i += 1
            continue
        weigh(assignment, mass, by_cell, size, cell_mass, weight)
        separate = free_factor and n_active == n_true
        s = median_factor(cell_mass, true_mass) if free_factor else 1.0
        joint_factor = free_factor and not separate
        bound = _bound(
            delta, rest, weight, true_mass, power, group, n_active, assignment, size, cell_mass, s, joint_factor
        )
        if bound >= best * (1.0 - TOLERANCE):
            continue
        _slabs(half, assignment, low, high)
        value = descend(
            delta, rest, weight, true_mass, power, group, n_active, free_shift, joint_factor, assignment, size,
            cell_mass, normal, low, high, best, s, point, found,
        )  # fmt: skip
        if value < best and _unknown(size, power) > 0:
            if value < lowest_unknown:
                lowest_unknown, needed = value, _unknown(size, power)
        elif value < best:
            best, factor, cell[:] = value, found[d], assignment
            shift[:] = origin + found[:d]
    if lowest_unknown < best:
        return lowest_unknown, factor, needed
    return best, factor, 0


@kernel
def _slabs(half, assignment, low, high):
    """Write the interval of shift . (beta1*_m - beta1*_j), j < m, that an assignment asks for."""
    low[:] = -np.inf
    high[:] = np.inf
    n_true = len(low)
    for i in range(len(assignment)):
        a = assignment[i]
        for m in range(n_true):
            if m > a:
                low[a, m] = max(low[a, m], half[i, a, m])
            elif m < a:
                high[m, a] = min(high[m, a], half[i, m, a])


@kernel
def _bound(delta, rest, mass, true_mass, power, group, n_active, cell, size, cell_mass, factor, joint_factor):
    """Return a bound on the loss of an assignment from below: no error of the gate slopes."""
    row, square, chosen = np.empty(len(true_mass)), np.empty(N_BLOCKS), np.empty(len(true_mass), np.bool_)
    for j in range(len(true_mass)):
        row[j] = 0.0 if joint_factor else abs(cell_mass[j] - factor * true_mass[j])
    for i in range(len(cell)):
        m = size[cell[i]]
        squares(delta, rest, i, cell[i], delta[i, cell[i]], square)
        for b in range(N_BLOCKS):
            if group[m, b] == b:
                row[cell[i]] += mass[i] * raised(joined(square, group[m], b), power[m, b])
    return largest(row, n_active, chosen)
