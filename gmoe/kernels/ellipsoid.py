"""The least Voronoi loss with given cells, by the ellipsoid method with deep cuts.

Bland, Goldfarb and Todd, Operations Research 1981.  The method keeps an ellipsoid that holds the minimum.  A centre
with other cells is cut off by the violated boundary, any other centre by a subgradient, as deep as the best value so
far allows.  So kinks, cell boundaries and the largest sum over subsets are all one to it, an impossible set of cells is
recognised, and the ellipsoid itself proves how much is left to be gained.
"""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.voronoi import value_and_slope

#: A minimum counts as found where less than this share of it can be gained.
TOLERANCE = 1e-13


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
def descend(
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
def norm(vector):
    """Return the Euclidean norm."""
    total = 0.0
    for c in range(len(vector)):
        total += vector[c] * vector[c]
    return np.sqrt(total)
