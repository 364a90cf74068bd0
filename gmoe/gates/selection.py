"""Selection rules: by which key a sparse gate ranks the experts, and the mask that follows.

A rule is one entry of :data:`SELECTIONS`: a function of the scores and the logits, both (n_experts, m), that returns
the keys.  The ``n_active`` experts with the largest keys are active (ties: lower index).
"""

import math

from gmoe._jit import kernel


def by_score(score, logit):
    """Rank as the theory does (Nguyen et al., ICLR 2024): the intercept takes no part."""
    return score


def by_logit(score, logit):
    """Rank as the authors' code does: intercept and activation take part."""
    return logit


SELECTIONS = {"score": by_score, "logit": by_logit}


@kernel
def mask_others(key, n_active, rank, logit):
    """Set to -inf the logits of all but the ``n_active`` largest keys; ``rank`` is scratch of length >= m."""
    k, m = key.shape
    for j in range(k):
        # How many experts come before this one.
        for i in range(m):
            rank[i] = 0.0
        for other in range(j):
            for i in range(m):
                rank[i] += 1.0 if key[other, i] >= key[j, i] else 0.0
        for other in range(j + 1, k):
            for i in range(m):
                rank[i] += 1.0 if key[other, i] > key[j, i] else 0.0
        for i in range(m):
            logit[j, i] = logit[j, i] if rank[i] < n_active else -math.inf
