"""A symmetric matrix as a tridiagonal one: the same spectrum, and each shifted system costs a few operations a row.

A reduction costs a fifth of all eigenvectors, and a trust region asks for no more: the lowest eigenvalue, and solutions
under several shifts.
"""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.dense import dot

BISECTIONS = 60


@kernel
def reduce(a, diagonal, beside, factors):
    """Reduce a symmetric matrix by Householder reflections, which take its place: row i holds a vector from i + 1 on.

    Writes the diagonal (n,), the entries beside it (n - 1,), and the factors of the reflections (n - 1,).
    """
    n = a.shape[0]
    image = np.empty(n)
    for i in range(n - 1):
        v = a[i, i + 1 :]
        m = v.shape[0]
        diagonal[i], factors[i], beside[i] = a[i, i], 0.0, v[0]
        tail = dot(v[1:], v[1:])
        if tail == 0.0:
            continue
        length = math.sqrt(v[0] * v[0] + tail)
        beside[i] = -length if v[0] > 0.0 else length
        v[0] -= beside[i]
        factors[i] = factor = 2.0 / (v[0] * v[0] + tail)
        along = 0.0
        for r in range(m):
            image[r] = factor * dot(a[i + 1 + r, i + 1 :], v)
            along += image[r] * v[r]
        for r in range(m):
            image[r] -= 0.5 * factor * along * v[r]
        for r in range(m):
            row, mine, other = a[i + 1 + r, i + 1 :], v[r], image[r]
            for t in range(m):
                row[t] -= mine * image[t] + other * v[t]
    diagonal[n - 1] = a[n - 1, n - 1]


@kernel
def turn(a, factors, b, back):
    """Take a vector to the basis in which the matrix is tridiagonal, or back, in place."""
    n = factors.shape[0]
    for step in range(n):
        i = n - 1 - step if back else step
        v, rest = a[i, i + 1 :], b[i + 1 :]
        size = factors[i] * dot(v, rest)
        for t in range(v.shape[0]):
            rest[t] -= size * v[t]


@kernel
def solve_shifted(diagonal, beside, shift, b, out):
    """Solve (T + shift) out = b; False where the matrix is not positive definite."""
    n = diagonal.shape[0]
    pivots = np.empty(n)
    for i in range(n):
        pivots[i], out[i] = diagonal[i] + shift, b[i]
        if i > 0:
            ratio = beside[i - 1] / pivots[i - 1]
            pivots[i] -= ratio * beside[i - 1]
            out[i] -= ratio * out[i - 1]
        if not pivots[i] > 0.0:
            return False
    out[n - 1] /= pivots[n - 1]
    for i in range(n - 2, -1, -1):
        out[i] = (out[i] - beside[i] * out[i + 1]) / pivots[i]
    return True


@kernel
def size(diagonal, beside):
    """Bound on the absolute eigenvalues (Gershgorin)."""
    n, result = diagonal.shape[0], 0.0
    for i in range(n):
        left = abs(beside[i - 1]) if i > 0 else 0.0
        right = abs(beside[i]) if i < n - 1 else 0.0
        result = max(result, abs(diagonal[i]) + left + right)
    return result


@kernel
def lowest(diagonal, beside, bound):
    """Lowest eigenvalue, by bisection on the sign of pivots (Sturm)."""
    low, high = -bound, bound
    for _ in range(BISECTIONS):
        middle, pivot, below = 0.5 * (low + high), 1.0, False
        for i in range(diagonal.shape[0]):
            square = beside[i - 1] * beside[i - 1] if i > 0 else 0.0
            pivot = diagonal[i] - middle - square / pivot
            if not pivot > 0.0:
                below = True
                break
        if below:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
