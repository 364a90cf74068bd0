"""A soft selection: the smooth stand-in for a mask, in which a search can see where a selection should move.

With keys v_j, an observation's threshold t and a width e, logit_j becomes logit_j + log sigmoid((v_j - t) / e).  As e
falls to 0 this is the mask.
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log


def work_rows(k):
    """Rows of the work array that :func:`mixture` needs."""
    return k + 4


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
def mixture(y, w, m, mean, log_sd, work, push, residual, g_log_sd):
    """Weighted log-likelihood (without constant) under given logits, and what its gradient needs.

    Parameters
    ----------
    y, w : (>= m,); mean : (k, >= m), means of the experts
    log_sd : (k,)
    push : (k, >= m), the logits; out: the derivatives in them
    residual : out (k, >= m), w times responsibility times standardised residual
    g_log_sd : (k,), gradient in log_sd is added
    """
    # Many short loops: what writes more than one row stays scalar.
    k = mean.shape[0]
    joint = work[:k]
    top, top_joint, sum_p, sum_r = work[k], work[k + 1], work[k + 2], work[k + 3]
    for j in range(k):
        inverse_sd, shift = math.exp(-log_sd[j]), log_sd[j]
        for i in range(m):
            residual[j, i] = (y[i] - mean[j, i]) * inverse_sd
        for i in range(m):
            joint[j, i] = push[j, i] - 0.5 * residual[j, i] * residual[j, i] - shift
    _largest(push, k, m, top)
    _largest(joint, k, m, top_joint)
    for i in range(m):
        sum_p[i] = 0.0
    for i in range(m):
        sum_r[i] = 0.0
    for j in range(k):
        for i in range(m):
            push[j, i] = exp(push[j, i] - top[i])
        for i in range(m):
            joint[j, i] = exp(joint[j, i] - top_joint[i])
        for i in range(m):
            sum_p[i] += push[j, i]
        for i in range(m):
            sum_r[i] += joint[j, i]
    total = 0.0
    for i in range(m):
        total += w[i] * (top_joint[i] - top[i] + log(sum_r[i] / sum_p[i]))
    for i in range(m):
        sum_p[i] = w[i] / sum_p[i]
    for i in range(m):
        sum_r[i] = w[i] / sum_r[i]
    for j in range(k):
        # joint: w times the responsibility.
        for i in range(m):
            joint[j, i] *= sum_r[i]
        for i in range(m):
            push[j, i] = joint[j, i] - push[j, i] * sum_p[i]
        square = 0.0
        for i in range(m):
            square += joint[j, i] * (residual[j, i] * residual[j, i] - 1.0)
        g_log_sd[j] += square
        for i in range(m):
            residual[j, i] *= joint[j, i]
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
