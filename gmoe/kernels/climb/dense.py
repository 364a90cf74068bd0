"""Linear algebra of small symmetric matrices, without LAPACK: its calls cost more than a matrix of 10 x 10.

Loops in place of array expressions, which take seconds to compile.
"""

import numpy as np

from gmoe._jit import kernel

# Part of a diagonal entry below which what is left of it in a factorisation is rounding.
SINGULAR = 1e-13


@kernel
def factor(a):
    """Cholesky factor of a symmetric matrix to its lower triangle; False where it is not positive definite."""
    for i in range(a.shape[0]):
        row = a[i]
        for j in range(i):
            other, total = a[j], 0.0
            for t in range(j):
                total += row[t] * other[t]
            row[j] = (row[j] - total) / other[j]
        total = 0.0
        for t in range(i):
            total += row[t] * row[t]
        rest = row[i] - total
        # Also false for what is no number.
        if not rest > SINGULAR * row[i]:
            return False
        row[i] = rest**0.5
    return True


@kernel
def solve(lower, b):
    """Solve with the factor, in place."""
    n = lower.shape[0]
    for i in range(n):
        row, total = lower[i], 0.0
        for t in range(i):
            total += row[t] * b[t]
        b[i] = (b[i] - total) / row[i]
    for i in range(n - 1, -1, -1):
        row = lower[i]
        b[i] /= row[i]
        part = b[i]
        for t in range(i):
            b[t] -= row[t] * part


@kernel
def dot(a, b):
    """Scalar product of two vectors."""
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@kernel
def times(a, b, out):
    """Write the product of a matrix and a vector to ``out``."""
    for i in range(a.shape[0]):
        out[i] = dot(a[i], b)


@kernel
def copy(a, out):
    """Copy a vector or its start."""
    for i in range(out.shape[0]):
        out[i] = a[i]


@kernel
def moved(a, size, b, out):
    """Write a + size b to ``out``."""
    for i in range(out.shape[0]):
        out[i] = a[i] + size * b[i]


@kernel
def fill(value, out):
    """Set all entries of a vector."""
    for i in range(out.shape[0]):
        out[i] = value


@kernel
def scale(size, out):
    """Multiply a vector in place."""
    for i in range(out.shape[0]):
        out[i] *= size


@kernel
def total(a):
    """Sum of the entries of a vector."""
    result = 0.0
    for i in range(a.shape[0]):
        result += a[i]
    return result


@kernel
def finite(x):
    """Whether x is a number; isfinite subtracts it from itself, and reordered arithmetic may take that for 0."""
    return abs(x) < np.inf


@kernel
def largest(a):
    """Largest absolute value of a vector."""
    result = 0.0
    for i in range(a.shape[0]):
        result = max(result, abs(a[i]))
    return result
