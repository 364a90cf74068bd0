"""The order of the experts' keys at each observation."""

import math

from gmoe._jit import kernel


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
