"""Selection by the share that an expert has of all: probabilities of the dense gate against a threshold."""

import math

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log


@kernel
def mask_small(key, m, log_share, logit):
    """Set to -inf the logits of experts with less than a share of the sum of exp(key), but for the largest key.

    Parameters
    ----------
    key : (k, >= m), may be ``logit`` itself
    log_share : float, infinite where the largest alone shall stay (ties: lower index)
    logit : out (k, >= m)
    """
    k = key.shape[0]
    top, level = np.empty(m), np.empty(m)
    best = np.zeros(m)
    for i in range(m):
        top[i] = key[0, i]
    for j in range(1, k):
        for i in range(m):
            best[i] = j if key[j, i] > top[i] else best[i]
            top[i] = key[j, i] if key[j, i] > top[i] else top[i]
    for i in range(m):
        level[i] = 0.0
    for j in range(k):
        for i in range(m):
            level[i] += exp(key[j, i] - top[i])
    for i in range(m):
        level[i] = top[i] + log(level[i]) + log_share
    for j in range(k):
        for i in range(m):
            logit[j, i] = logit[j, i] if key[j, i] >= level[i] or best[i] == j else -math.inf


@kernel
def share_thresholds(key, m, log_share, threshold, in_key):
    """Least key that has a share of the sum of exp(key), but at most halfway between the two largest keys.

    Parameters
    ----------
    key : (k, >= m), k >= 2
    log_share : float
    threshold : out (m,); in_key : out (k, m), its derivatives
    """
    k = key.shape[0]
    top, middle = np.empty(m), np.empty(m)
    for i in range(m):
        top[i] = max(key[0, i], key[1, i])
    for i in range(m):
        middle[i] = min(key[0, i], key[1, i])
    for j in range(2, k):
        # The second largest so far, then the largest.
        for i in range(m):
            middle[i] = max(middle[i], min(key[j, i], top[i]))
        for i in range(m):
            top[i] = max(top[i], key[j, i])
    for i in range(m):
        threshold[i] = 0.0
    for j in range(k):
        for i in range(m):
            in_key[j, i] = exp(key[j, i] - top[i])
        for i in range(m):
            threshold[i] += in_key[j, i]
    for j in range(k):
        for i in range(m):
            in_key[j, i] /= threshold[i]
    for i in range(m):
        threshold[i] = top[i] + log(threshold[i]) + log_share
    for j in range(k):
        for i in range(m):
            between = 0.5 * (top[i] + middle[i])
            pair = 0.5 if key[j, i] >= middle[i] else 0.0
            in_key[j, i] = in_key[j, i] if threshold[i] <= between else pair
    for i in range(m):
        threshold[i] = min(threshold[i], 0.5 * (top[i] + middle[i]))
