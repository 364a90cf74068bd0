"""Affine functions of the features: the scores of every gate."""

from gmoe._jit import kernel


@kernel
def affine_rows(x, m, coef, out):
    """Row j of ``out`` = coef[j, 0] + coef[j, 1:] . x for the first m observations."""
    for j in range(coef.shape[0]):
        c = coef[j, 0]
        for i in range(m):
            out[j, i] = c
        for t in range(x.shape[0]):
            c = coef[j, 1 + t]
            for i in range(m):
                out[j, i] += c * x[t, i]
