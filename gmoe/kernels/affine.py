"""Affine functions of the features, the scores of every gate; and from activated scores to logits."""

from gmoe._jit import kernel


@kernel
def affine_rows(x, m, coef, out):
    """Row j of ``out`` = coef[j, 0] + coef[j, 1:] . x for the first m observations."""
    for j in range(coef.shape[0]):
        c = coef[j, 0]
        if x.shape[0] == 0:
            for i in range(m):
                out[j, i] = c
            continue
        b = coef[j, 1]
        for i in range(m):
            out[j, i] = c + b * x[0, i]
        for t in range(1, x.shape[0]):
            b = coef[j, 1 + t]
            for i in range(m):
                out[j, i] += b * x[t, i]


@kernel
def logit_rows(value, scale, coef, first, limit, logit, bend):
    """Row j of ``logit`` = scale * value[j], plus the intercept coef[j, 0] where ``first`` is 1.

    ``bend``, where it has rows, gets the part without intercept.  Returns how many logits are larger than ``limit``.
    """
    m = value.shape[1]
    large = 0.0
    for j in range(value.shape[0]):
        shift = coef[j, 0] if first == 1 else 0.0
        value_j, logit_j = value[j], logit[j]
        if bend.shape[0] > 0:
            bend_j = bend[j]
            for i in range(m):
                bent = scale * value_j[i]
                bend_j[i] = bent
                logit_j[i] = bent + shift
                large += 1.0 if abs(bent + shift) > limit else 0.0
        else:
            for i in range(m):
                logit_j[i] = scale * value_j[i] + shift
                large += 1.0 if abs(logit_j[i]) > limit else 0.0
    return large
