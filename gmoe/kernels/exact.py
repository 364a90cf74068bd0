"""Affine functions in twice the working precision, for the densities that users see.

An expert with standard deviation 1e-8 turns a rounding error of 1e-16 in its mean into 1e-8 of its log-density, and
logits of several hundred lose as many digits.  Fits do not need this (they work in scaled coordinates); the
log-density of given parameters does.  Compiled without any rearrangement: the order of operations is the algorithm
(two-sum of Knuth, two-product of Dekker and Veltkamp).
"""

from gmoe._jit import strict

# 2**27 + 1 splits a float64 in two halves of 26 bits.
SPLITTER = 134217729.0


@strict
def affine_exact(x, m, coef, out):
    """Row j of ``out`` = coef[j, 0] + coef[j, 1:] . x for the first m observations, rounded once."""
    for j in range(coef.shape[0]):
        for i in range(m):
            total = coef[j, 0]
            rest = 0.0
            for t in range(x.shape[0]):
                a = coef[j, 1 + t]
                b = x[t, i]
                product = a * b
                shifted = SPLITTER * a
                a_high = shifted - (shifted - a)
                a_low = a - a_high
                shifted = SPLITTER * b
                b_high = shifted - (shifted - b)
                b_low = b - b_high
                rest += ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
                following = total + product
                virtual = following - total
                rest += (total - (following - virtual)) + (product - virtual)
                total = following
            out[j, i] = total + rest
