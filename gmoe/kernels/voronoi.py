"""The Voronoi loss of one pair of mixing measures at one translation: cells, contributions, value and slope.

Arrays, for k fitted and l true atoms: ``delta`` (k, l, d) holds the differences beta1_i - beta1*_j of those d columns
of the gate that a translation may move, ``rest`` (k, l, 5) the squared errors by block, of the gate's other columns
first, ``mass`` (k,) and ``true_mass`` (l,) the weights.  ``power`` and ``group`` (k + 1, 5) give, by size of the cell,
the exponent of each block's error and the block whose norm it joins; a power of 0 stands for an unknown exponent, and
its errors count as nothing.
"""

import numpy as np

from gmoe._jit import kernel

#: Blocks of an atom, in the order of ``power``, ``group`` and the columns of the contributions; the mass comes last.
BLOCKS = ("gate_coef", "coef", "intercept", "variance", "temperature")
N_BLOCKS = len(BLOCKS)
#: Of ``rest``, what belongs to the atom: the temperature is shared, so it tells no true atom from another.
N_ATOM = 4


@kernel
def assign(delta, rest, shift, cell):
    """Write the nearest true atom of each fitted one after the translation ``shift``; ties to the lower index."""
    k, n_true, d = delta.shape
    for i in range(k):
        least = np.inf
        cell[i] = 0
        for j in range(n_true):
            distance = 0.0
            for c in range(d):
                distance += (delta[i, j, c] - shift[c]) ** 2
            for b in range(N_ATOM):
                distance += rest[i, j, b]
            if distance < least:
                least = distance
                cell[i] = j


@kernel
def weigh(cell, mass, by_cell, size, cell_mass, weight):
    """Write the number of atoms and the mass of each cell, and each atom's weight.

    ``by_cell``: the atoms of a cell share a mass of 1, whatever the others have.
    """
    size[:] = 0
    cell_mass[:] = 0.0
    for i in range(len(cell)):
        size[cell[i]] += 1
        cell_mass[cell[i]] += mass[i]
    weight[:] = mass
    if by_cell:
        for i in range(len(cell)):
            j = cell[i]
            # Masses that have all underflowed tell nothing.
            weight[i] = mass[i] / cell_mass[j] if cell_mass[j] > 0.0 else 1.0 / size[j]
        for j in range(len(size)):
            cell_mass[j] = 1.0 if size[j] > 0 else 0.0


@kernel
def median_factor(cell_mass, true_mass):
    """Return the s >= 0 that minimises sum_j |cell_mass_j - s true_mass_j|: a weighted median of their ratios."""
    best, least = 1.0, np.inf
    for j in range(len(true_mass)):
        if true_mass[j] > 0.0:
            factor = cell_mass[j] / true_mass[j]
            value = 0.0
            for m in range(len(true_mass)):
                value += abs(cell_mass[m] - factor * true_mass[m])
            if value < least:
                best, least = factor, value
    return best


@kernel
def squares(delta, rest, i, j, shift, square):
    """Write the squared errors of atom i against true atom j, by block."""
    square[:] = rest[i, j]
    for c in range(delta.shape[2]):
        square[0] += (delta[i, j, c] - shift[c]) ** 2


@kernel
def joined(square, group, g):
    """Return the squared norm of the blocks of one group."""
    total = 0.0
    for b in range(N_BLOCKS):
        if group[b] == g:
            total += square[b]
    return total


@kernel
def raised(square, power):
    """Return norm**power from the squared norm; nothing for an unknown power."""
    if power == 0.0 or square == 0.0:
        return 0.0
    return np.sqrt(square) if power == 1.0 else square ** (0.5 * power)


@kernel
def contributions(delta, rest, mass, true_mass, power, group, cell, size, cell_mass, shift, factor, part):
    """Write what each true atom's cell adds, by block, shape (l, 6); a joint norm is split as the squares are."""
    square = np.empty(N_BLOCKS)
    part[:] = 0.0
    for i in range(len(cell)):
        j = cell[i]
        squares(delta, rest, i, j, shift, square)
        p, g = power[size[j]], group[size[j]]
        for b in range(N_BLOCKS):
            total = joined(square, g, g[b])
            if total > 0.0:
                part[j, b] += mass[i] * raised(total, p[b]) * (square[b] / total)
    for j in range(len(true_mass)):
        part[j, N_BLOCKS] = abs(cell_mass[j] - factor * true_mass[j])


@kernel
def largest(row, n_active, chosen):
    """Mark the ``n_active`` largest entries (ties: lower index) and return their sum."""
    total = 0.0
    chosen[:] = False
    for _ in range(n_active):
        best = -1
        for j in range(len(row)):
            if not chosen[j] and (best < 0 or row[j] > row[best]):
                best = j
        chosen[best] = True
        total += row[best]
    return total


@kernel
def value_and_slope(
    delta, rest, mass, true_mass, power, group, cell, size, cell_mass, n_active, shift, factor, row, chosen, slope
):
    """Return the loss with the cells held fixed and write a subgradient in (shift, factor), shape (d + 1,).

    The largest sum over ``n_active`` true atoms is that of the largest contributions, since none is negative.
    """
    square = np.empty(N_BLOCKS)
    for j in range(len(true_mass)):
        row[j] = abs(cell_mass[j] - factor * true_mass[j])
    for i in range(len(cell)):
        m = size[cell[i]]
        squares(delta, rest, i, cell[i], shift, square)
        for b in range(N_BLOCKS):
            if group[m, b] == b:
                row[cell[i]] += mass[i] * raised(joined(square, group[m], b), power[m, b])
    value = largest(row, n_active, chosen)
    d = delta.shape[2]
    slope[:] = 0.0
    for i in range(len(cell)):
        j = cell[i]
        m = size[j]
        if chosen[j] and power[m, 0] > 0.0:
            squares(delta, rest, i, j, shift, square)
            total = joined(square, group[m], group[m, 0])
            if total > 0.0:
                scale = mass[i] * power[m, 0] * raised(total, power[m, 0]) / total
                for c in range(d):
                    slope[c] += scale * (shift[c] - delta[i, j, c])
    for j in range(len(true_mass)):
        if chosen[j]:
            slope[d] -= true_mass[j] * np.sign(cell_mass[j] - factor * true_mass[j])
    return value
