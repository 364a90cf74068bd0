"""The order of the experts' keys at each observation, and what top-K selections make of it."""

import math

import numpy as np

from gmoe._jit import kernel

# Keeps logarithms of densities that underflow finite: what is proposed from them is judged elsewhere.
TINY = 1e-300


@kernel
def rank_keys(key, m, rank):
    """Fill ``rank`` (k, >= m) with how many experts come before each one, by falling key; ties: lower index first."""
    k = key.shape[0]
    for j in range(k):
        for i in range(m):
            rank[j, i] = 0.0
        for other in range(j):
            for i in range(m):
                rank[j, i] += 1.0 if key[other, i] >= key[j, i] else 0.0
        for other in range(j + 1, k):
            for i in range(m):
                rank[j, i] += 1.0 if key[other, i] > key[j, i] else 0.0


@kernel
def mask_others(key, m, n_active, rank, logit):
    """Set to -inf the logits of all but the ``n_active`` largest keys; ``rank`` is scratch like ``key``."""
    rank_keys(key, m, rank)
    for j in range(key.shape[0]):
        for i in range(m):
            logit[j, i] = logit[j, i] if rank[j, i] < n_active else -math.inf


@kernel
def middle_thresholds(key, m, n_active, threshold, in_key):
    """Halfway between the ``n_active``-th and the next largest key, (m,), and its derivatives in the keys, (k, m)."""
    rank_keys(key, m, in_key)
    for i in range(m):
        threshold[i] = 0.0
    for j in range(key.shape[0]):
        for i in range(m):
            in_key[j, i] = 0.5 if in_key[j, i] == n_active - 1 or in_key[j, i] == n_active else 0.0
        for i in range(m):
            threshold[i] += in_key[j, i] * key[j, i]


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
