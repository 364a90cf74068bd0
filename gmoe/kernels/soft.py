"""A soft selection: the smooth stand-in for a mask, in which a search can see where a selection should move.

With keys v_j, an observation's threshold t and a width e, logit_j becomes logit_j + log sigmoid((v_j - t) / e).  As e
falls to 0 this is the mask.
"""

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log

#: Rows of the work array that :func:`mixture` needs.
WORK_ROWS = 4


@kernel
def soften(logit, key, m, threshold, width, scratch, soft, rate):
    """Rows ``soft``, the logits under the selection, and ``rate``, their derivatives in the key less the threshold.

    Parameters
    ----------
    logit, key : (k, >= m); threshold : (m,)
    width : float > 0
    scratch : (>= m,)
    soft, rate : out (k, >= m)
    """
    inverse = 1.0 / width
    for j in range(logit.shape[0]):
        # log sigmoid(t) = min(t, 0) - log(1 + exp(-|t|)), and its derivative in the key, sigmoid(-t) / width.
        for i in range(m):
            rate[j, i] = (key[j, i] - threshold[i]) * inverse
        for i in range(m):
            scratch[i] = exp(-abs(rate[j, i]))
        for i in range(m):
            soft[j, i] = logit[j, i] + min(rate[j, i], 0.0) - log(1.0 + scratch[i])
        for i in range(m):
            rate[j, i] = (scratch[i] if rate[j, i] > 0.0 else 1.0) * inverse / (1.0 + scratch[i])


@kernel
def mixture(density, w, m, work, push):
    """Weighted log-likelihood under given logits, and what its gradient needs.

    Parameters
    ----------
    density : (k, >= m), log-densities of the experts; out: w times responsibility
    w : (>= m,)
    push : (k, >= m), the logits; out: the derivatives in them
    """
    # Many short loops: what writes more than one row stays scalar.
    k = density.shape[0]
    top, top_joint, sum_p, sum_r = work[0], work[1], work[2], work[3]
    for j in range(k):
        for i in range(m):
            density[j, i] += push[j, i]
    _largest(push, k, m, top)
    _largest(density, k, m, top_joint)
    for i in range(m):
        sum_p[i] = 0.0
    for i in range(m):
        sum_r[i] = 0.0
    for j in range(k):
        for i in range(m):
            push[j, i] = exp(push[j, i] - top[i])
        for i in range(m):
            density[j, i] = exp(density[j, i] - top_joint[i])
        for i in range(m):
            sum_p[i] += push[j, i]
        for i in range(m):
            sum_r[i] += density[j, i]
    total = 0.0
    for i in range(m):
        total += w[i] * (top_joint[i] - top[i] + log(sum_r[i] / sum_p[i]))
    for i in range(m):
        sum_p[i] = w[i] / sum_p[i]
    for i in range(m):
        sum_r[i] = w[i] / sum_r[i]
    for j in range(k):
        for i in range(m):
            density[j, i] *= sum_r[i]
        for i in range(m):
            push[j, i] = density[j, i] - push[j, i] * sum_p[i]
    return total


@kernel
def follow(push, m, in_key, scratch, pull):
    """Turn ``pull``, derivatives in the key less the threshold, into those of the log-likelihood in the key.

    Parameters
    ----------
    push : (k, >= m), derivatives of the log-likelihood in the logits
    in_key : (k, m), derivatives of the threshold in the keys
    scratch : (>= m,)
    pull : (k, >= m)
    """
    for i in range(m):
        scratch[i] = 0.0
    for j in range(push.shape[0]):
        for i in range(m):
            pull[j, i] *= push[j, i]
        for i in range(m):
            scratch[i] += pull[j, i]
    for j in range(push.shape[0]):
        for i in range(m):
            pull[j, i] -= scratch[i] * in_key[j, i]


@kernel
def _largest(rows, k, m, out):
    """Largest of k rows."""
    for i in range(m):
        out[i] = rows[0, i]
    for j in range(1, k):
        for i in range(m):
            a, b = out[i], rows[j, i]
            out[i] = a if a > b else b
