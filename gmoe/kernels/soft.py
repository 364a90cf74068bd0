"""A soft selection: the smooth stand-in for a top-K mask, in which a search can see where a selection should move.

With keys v_j, a threshold t halfway between the n_active-th and the next largest key, and a width e, logit_j becomes
logit_j + log sigmoid((v_j - t) / e).  As e falls to 0 this is the mask; at e = 0 it is exactly that.
"""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log
from gmoe.kernels.rank import rank_keys

# Keeps logarithms of densities that underflow finite: what is proposed from them is judged elsewhere.
TINY = 1e-300


def work_rows(k):
    """Rows of the work array that :func:`soft_selection` needs."""
    return 2 * k + 6


@kernel
def soft_selection(y, w, m, logit, key, n_active, width, mean, log_sd, work, push, pull, residual, g_log_sd):
    """Weighted log-likelihood (without constant) under a soft selection, and what its gradient needs.

    Parameters
    ----------
    y, w : (>= m,); logit, key, mean : (k, >= m), logits of the dense gate, keys and means of the experts
    n_active : int; width : float >= 0
    log_sd : (k,)
    push : out (k, >= m), derivative in the logit, the key held; pull : out, derivative in the key
    residual : out (k, >= m), w times responsibility times standardised residual
    g_log_sd : (k,), gradient in log_sd is added
    """
    # Many short loops: what writes more than one row stays scalar.
    k = logit.shape[0]
    rank, joint = work[:k], work[k : 2 * k]
    threshold, top, top_joint, sum_p, sum_r, moved = (
        work[2 * k], work[2 * k + 1], work[2 * k + 2], work[2 * k + 3], work[2 * k + 4], work[2 * k + 5]
    )  # fmt: skip
    rank_keys(key, m, rank)
    _soften(logit, key, m, n_active, width, rank, threshold, moved, push, pull)
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
    for i in range(m):
        moved[i] = 0.0
    for j in range(k):
        # joint: w times the responsibility.
        for i in range(m):
            joint[j, i] *= sum_r[i]
        for i in range(m):
            push[j, i] = joint[j, i] - push[j, i] * sum_p[i]
        for i in range(m):
            pull[j, i] *= push[j, i]
        for i in range(m):
            moved[i] += 0.5 * pull[j, i]
        square = 0.0
        for i in range(m):
            square += joint[j, i] * (residual[j, i] * residual[j, i] - 1.0)
        g_log_sd[j] += square
        for i in range(m):
            residual[j, i] *= joint[j, i]
    # The threshold moves with the two keys that make it.
    for j in range(k):
        for i in range(m):
            pull[j, i] -= moved[i] if rank[j, i] == n_active - 1 or rank[j, i] == n_active else 0.0
    return total


@kernel
def _largest(rows, k, m, out):
    """Largest of k rows."""
    for i in range(m):
        out[i] = rows[0, i]
    for j in range(1, k):
        for i in range(m):
            a, b = out[i], rows[j, i]
            out[i] = a if a > b else b


@kernel
def _soften(logit, key, m, n_active, width, rank, threshold, scratch, soft, slope):
    """Rows ``soft``, the logits under the selection, and ``slope``, their derivative in the key less the threshold."""
    k = logit.shape[0]
    if width == 0.0:
        for j in range(k):
            for i in range(m):
                soft[j, i] = logit[j, i] if rank[j, i] < n_active else -math.inf
            for i in range(m):
                slope[j, i] = 0.0
        return
    for i in range(m):
        threshold[i] = 0.0
    for j in range(k):
        for i in range(m):
            threshold[i] += 0.5 * key[j, i] if rank[j, i] == n_active - 1 or rank[j, i] == n_active else 0.0
    inverse = 1.0 / width
    for j in range(k):
        # log sigmoid(t) = min(t, 0) - log(1 + exp(-|t|)), and its derivative in the key, sigmoid(-t) / width.
        for i in range(m):
            slope[j, i] = (key[j, i] - threshold[i]) * inverse
        for i in range(m):
            scratch[i] = exp(-abs(slope[j, i]))
        for i in range(m):
            soft[j, i] = logit[j, i] + min(slope[j, i], 0.0) - log(1.0 + scratch[i])
        for i in range(m):
            slope[j, i] = (scratch[i] if slope[j, i] > 0.0 else 1.0) * inverse / (1.0 + scratch[i])


@kernel
def line_breaks(w, m, logit, joint, key, n_active, j, rate_logit, rate_key, breaks, jumps):
    """Where the selection of expert ``j`` changes as its logit and key move, and what the log-likelihood then gains.

    Parameters
    ----------
    w : (>= m,); logit, joint, key : (k, >= m), joint = logit + log-density of the expert
    rate_logit, rate_key : (>= m,), change of logit and key of expert j in a unit step
    breaks : out (m,), the step (of either sign) at which expert j enters or leaves, to first order
    jumps : out (m,), gain on passing it, coming from 0, the other parameters held
    """
    k = logit.shape[0]
    taken = np.empty(k, np.bool_)
    for i in range(m):
        for other in range(k):
            taken[other] = other == j
        top = joint[j, i] - logit[j, i]
        shift = logit[j, i]
        for other in range(k):
            shift = max(shift, logit[other, i])
            top = max(top, joint[other, i] - logit[other, i])
        weight, mass, weight_before, mass_before = 0.0, 0.0, 0.0, 0.0
        last = 0
        for _ in range(n_active):
            best = -1
            for other in range(k):
                if not taken[other] and (best < 0 or key[other, i] > key[best, i]):
                    best = other
            taken[best] = True
            last = best
            weight_before, mass_before = weight, mass
            weight += math.exp(logit[best, i] - shift)
            mass += math.exp(joint[best, i] - shift - top)
        gap = key[last, i] - key[j, i]
        breaks[i] = gap / rate_key[i] if rate_key[i] != 0.0 else math.inf
        step = breaks[i] * rate_logit[i]
        if not abs(step) < 500.0:
            jumps[i] = 0.0
            continue
        own = math.exp(logit[j, i] - shift + step)
        inside = math.log(mass_before + own * math.exp(joint[j, i] - logit[j, i] - top) + TINY) - math.log(
            weight_before + own + TINY
        )
        outside = math.log(mass + TINY) - math.log(weight + TINY)
        jumps[i] = w[i] * (inside - outside if gap > 0.0 else outside - inside)
