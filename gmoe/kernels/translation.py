"""The infimum of the Voronoi loss over translations, for one pair of mixing measures.

With the translation t2 = shift, atom i is nearer to true atom j than to l where ``shift . (beta1*_l - beta1*_j)`` is
at least half the difference of the squared distances.  So the shifts with the same cells form a polyhedron, on which
the loss is convex in the shift and in the factor s = exp(t1), and the infimum is the least of finitely many convex
problems.  All assignments that no pair of atoms contradicts are enumerated; each is bounded below by its mass term and
the errors that no shift changes, and minimised by the ellipsoid method with deep cuts (Bland, Goldfarb and Todd,
Operations Research 1981), which takes kinks, cell boundaries and the largest sum alike, and proves its own accuracy.
"""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.voronoi import (
    N_ATOM,
    N_BLOCKS,
    assign,
    contributions,
    count,
    joined,
    largest,
    median_factor,
    raised,
    squares,
    value_and_slope,
)

#: A minimum counts as found where the method proves that less than this share of it can be gained.
TOLERANCE = 1e-13
#: Sets of shifts narrower than this share of the measures' extent are ties, not sets.
NARROW = 1e-13


@kernel
def infimum(delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, cell, shift, chosen, part):
    """Minimise over shift and factor; write cells, shift, active true atoms and contributions.

    Returns
    -------
    value, factor : float
    needed : int
        Size of a cell of unknown power that may be smaller; 0 if there is none.
    """
    k, n_true, d = delta.shape
    best, factor, needed = np.inf, 1.0, 0
    size, cell_mass, row = np.empty(n_true, np.int64), np.empty(n_true), np.empty(n_true)
    slope, trial, trial_cell = np.empty(d + 1), np.zeros(d), np.empty(k, np.int64)
    # Candidates: no shift, and the shifts that make one fitted slope equal to one true slope, where kinks lie.
    for pair in range(-1, k * n_true if free_shift else 0):
        if pair >= 0:
            trial[:] = delta[pair // n_true, pair % n_true]
        assign(delta, rest, trial, trial_cell)
        count(trial_cell, mass, size, cell_mass)
        s = median_factor(cell_mass, true_mass) if free_factor else 1.0
        value = value_and_slope(
            delta, rest, mass, true_mass, power, group, trial_cell, size, cell_mass, n_active, trial, s,
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
            delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, best, factor, cell, shift
        )  # fmt: skip
    count(cell, mass, size, cell_mass)
    contributions(delta, rest, mass, true_mass, power, group, cell, size, cell_mass, shift, factor, part)
    for j in range(n_true):
        row[j] = part[j].sum()
    return largest(row, n_active, chosen), factor, needed


@kernel
def infima(
    delta, rest, mass, true_mass, power, group, n_active, free, value, factor, needed, cell, shift, chosen, part
):
    """Solve one problem after the other; the first axis of every array but the tables counts them."""
    for n in range(len(delta)):
        value[n], factor[n], needed[n] = infimum(
            delta[n], rest[n], mass[n], true_mass, power, group, n_active, free[0], free[1],
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
def _thresholds(delta, rest, shift, half):
    """Write half the difference of the squared distances of atom i to j and to l, from ``shift``; return the extent."""
    k, n_true, d = delta.shape
    square = np.empty(n_true)
    extent = 0.0
    for i in range(k):
        for j in range(n_true):
            square[j] = 0.0
            for c in range(d):
                square[j] += (delta[i, j, c] - shift[c]) ** 2
            for b in range(N_ATOM):
                square[j] += rest[i, j, b]
            extent = max(extent, square[j])
        for j in range(n_true):
            for m in range(n_true):
                half[i, j, m] = 0.5 * (square[j] - square[m])
    return extent


@kernel
def _consistent(half, normal, movable, width, assignment, i):
    """Whether some shift may give atom i its assignment beside those of the atoms before it, pair by pair."""
    j = assignment[i]
    for m in range(half.shape[1]):
        # True atoms with one gate slope: no shift changes which of them is nearer, and ties go to the lower index.
        fixed = not movable or _norm(normal[j, m]) == 0.0
        if fixed and (half[i, j, m] > 0.0 or (half[i, j, m] == 0.0 and m < j)):
            return False
    for other in range(i):
        m = assignment[other]
        if m != j and half[other, j, m] - half[i, j, m] <= width and _norm(normal[j, m]) > 0.0 and movable:
            return False
    return True


@kernel
def _search(
    delta, rest, mass, true_mass, power, group, n_active, free_shift, free_factor, best, factor, cell, shift
):  # fmt: skip
    """Go through the assignments, depth first; improve ``best`` and what belongs to it."""
    k, n_true, d = delta.shape
    origin = shift.copy()
    half, normal = np.empty((k, n_true, n_true)), np.empty((n_true, n_true, d))
    width = NARROW * _thresholds(delta, rest, origin, half)
    for j in range(n_true):
        for m in range(n_true):
            normal[j, m] = delta[0, j] - delta[0, m]  # beta1*_m - beta1*_j
    # Relative to the best candidate, so that large common translations do not cancel.
    delta = delta - origin
    low, high = np.empty((n_true, n_true)), np.empty((n_true, n_true))
    size, cell_mass = np.empty(n_true, np.int64), np.empty(n_true)
    assignment, point, found = np.full(k, -1), np.empty(d + 1), np.empty(d + 1)
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
        count(assignment, mass, size, cell_mass)
        separate = free_factor and n_active == n_true
        s = median_factor(cell_mass, true_mass) if free_factor else 1.0
        joint_factor = free_factor and not separate
        bound = _bound(
            delta, rest, mass, true_mass, power, group, n_active, assignment, size, cell_mass, s, joint_factor
        )
        if bound >= best * (1.0 - TOLERANCE):
            continue
        _slabs(half, assignment, low, high)
        value = _descend(
            delta, rest, mass, true_mass, power, group, n_active, free_shift, joint_factor, assignment, size, cell_mass,
            normal, low, high, best, s, point, found,
        )  # fmt: skip
        if value < best and _unknown(size, power) > 0:
            if value < lowest_unknown:
                lowest_unknown, needed = value, _unknown(size, power)
        elif value < best:
            best, factor, cell[:] = value, found[d], assignment
            shift[:] = origin + found[:d]
    return best, factor, needed if lowest_unknown < best else 0


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


@kernel
def _start(delta, mass, true_mass, power, cell, size, cell_mass, best, free_shift, joint_factor, factor, x, scale):
    """Write centre and radii of an ellipsoid that holds every point with a loss below ``best``."""
    d = delta.shape[2]
    x[:] = 0.0
    scale[:] = 0.0
    x[d] = factor
    if free_shift:
        # No atom's own term can exceed the loss.
        radius = np.inf
        for i in range(len(cell)):
            p = power[size[cell[i]], 0]
            if p > 0.0 and mass[i] > 0.0 and (best / mass[i]) ** (1.0 / p) < radius:
                radius = (best / mass[i]) ** (1.0 / p)
                x[:d] = delta[i, cell[i]]
        if radius == np.inf:
            # All powers unknown: any place will do, what counts is whether the cells are possible.
            radius = 2.0 * np.abs(delta).max()
        scale[:d] = radius
    if joint_factor:
        low, high = -np.inf, np.inf
        for j in range(len(true_mass)):
            if true_mass[j] > 0.0:
                low = max(low, (cell_mass[j] - best) / true_mass[j])
                high = min(high, (cell_mass[j] + best) / true_mass[j])
        if low > high:
            return False
        x[d], scale[d] = 0.5 * (low + high), 0.5 * (high - low)
    if free_shift and joint_factor:
        scale *= np.sqrt(2.0)  # a ball times an interval, not a ball
    return True


@kernel
def _descend(
    delta, rest, mass, true_mass, power, group, n_active, free_shift, joint_factor, cell, size, cell_mass,
    normal, low, high, best, factor, x, found,
):  # fmt: skip
    """Return the least loss below ``best`` with these cells, or ``best`` if there is none; write where it is."""
    n_true, d = len(true_mass), delta.shape[2]
    n = (d if free_shift else 0) + (1 if joint_factor else 0)
    row, chosen = np.empty(n_true), np.empty(n_true, np.bool_)
    slope, scale, cut = np.empty(d + 1), np.empty(d + 1), np.empty(d + 1)
    step, image = np.empty(d + 1), np.empty(d + 1)
    inside = _start(
        delta, mass, true_mass, power, cell, size, cell_mass, best, free_shift, joint_factor, factor, x, scale
    )
    if not inside:
        return best
    # The ellipsoid x + root u, |u| <= 1; rows and columns of what is not free stay zero.
    root = np.diag(scale)
    for _ in range(400 + 200 * n * n):
        depth = -1.0
        if free_shift:
            for j in range(n_true):
                for m in range(j + 1, n_true):
                    y = 0.0
                    for c in range(d):
                        y += normal[j, m, c] * x[c]
                    violation = max(low[j, m] - y, y - high[j, m])
                    if violation > 0.0:
                        reach = _reach(normal[j, m], root, step)
                        if reach <= violation:
                            return best  # none of these shifts gives these cells
                        if violation / reach > depth:
                            depth = violation / reach
                            cut[:d] = normal[j, m] if y > high[j, m] else -normal[j, m]
                            cut[d] = 0.0
        if depth < 0.0:
            value = value_and_slope(
                delta, rest, mass, true_mass, power, group, cell, size, cell_mass, n_active, x[:d], x[d],
                row, chosen, slope,
            )  # fmt: skip
            if value < best:
                best = value
                found[:] = x
            reach = _reach(slope, root, step)
            if value - reach >= best * (1.0 - TOLERANCE) or reach == 0.0:
                return best
            depth = (value - best) / reach
            cut[:] = slope
        _cut(x, root, cut, depth, n, step, image)
    return best


@kernel
def _reach(direction, root, step):
    """Write direction @ root and return its norm: how far the ellipsoid reaches in that direction."""
    total = 0.0
    for c in range(len(root)):
        step[c] = 0.0
        for r in range(len(direction)):
            step[c] += direction[r] * root[r, c]
        total += step[c] * step[c]
    return np.sqrt(total)


@kernel
def _cut(x, root, cut, depth, n, step, image):
    """Replace the ellipsoid by the smallest one around its part beyond the cut."""
    reach = _reach(cut, root, step)
    along = n * (1.0 - depth) / (n + 1.0)
    across = n * np.sqrt((1.0 - depth * depth) / (n * n - 1.0)) if n > 1 else 0.0
    for r in range(len(x)):
        image[r] = 0.0
        for c in range(len(x)):
            image[r] += root[r, c] * step[c] / reach
        x[r] -= (1.0 + n * depth) / (n + 1.0) * image[r]
    for r in range(len(x)):
        for c in range(len(x)):
            root[r, c] = across * root[r, c] + (along - across) * image[r] * step[c] / reach


@kernel
def _norm(vector):
    total = 0.0
    for c in range(len(vector)):
        total += vector[c] * vector[c]
    return np.sqrt(total)
