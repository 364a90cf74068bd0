"""From logits and expert densities to gate probabilities, responsibilities and the log-likelihood.

Kernels here see a *strip*: a few hundred observations whose rows all fit the first-level cache.  Everything lives in
one work array with a row per quantity, so that every inner loop runs over observations and vectorises.
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log

LOG_2_PI = math.log(2.0 * math.pi)


@kernel
def constant_row(work, row):
    """First row of a design: the constant 1; nothing overwrites it."""
    for i in range(work.shape[1]):
        work[row, i] = 1.0


@kernel
def load_design(x, lo, m, work, row):
    """Rows of the design after the constant: the features of observations lo..lo+m-1."""
    for t in range(x.shape[0]):
        feature = x[t, lo : lo + m]
        for i in range(m):
            work[row + 1 + t, i] = feature[i]


@kernel
def linear(coef, j, work, x_row, m, out_row):
    """Row ``out_row`` = coef[j] . design."""
    c = coef[j, 0]
    if coef.shape[1] == 1:
        for i in range(m):
            work[out_row, i] = c
        return
    b = coef[j, 1]
    for i in range(m):
        work[out_row, i] = c + b * work[x_row + 1, i]
    for t in range(2, coef.shape[1]):
        c = coef[j, t]
        for i in range(m):
            work[out_row, i] += c * work[x_row + t, i]


@kernel
def posterior(y, lo, m, logit, expert, log_sd, work, x, z, p, r, s):
    """Fill rows z (standardised residuals), p (gate), r (responsibilities) and s (log-density), k rows each but s.

    ``s`` .. ``s + 4`` are scratch. Row ``s`` ends as the log-density of each observation, and rows ``s + 2`` and
    ``s + 3`` as the factors that make rows r and p sum to 1, which is left to the caller.
    """
    # Slices, since an index lo + i may be negative for all the compiler knows, and its wrap-around stops vectorisation.
    k = logit.shape[0]
    response = y[lo : lo + m]
    for j in range(k):
        logit_j = logit[j, lo : lo + m]
        linear(expert, j, work, x, m, z + j)
        inverse_sd = math.exp(-log_sd[j])
        shift = log_sd[j]
        for i in range(m):
            residual = (response[i] - work[z + j, i]) * inverse_sd
            work[z + j, i] = residual
            work[r + j, i] = logit_j[i] - 0.5 * residual * residual - shift
    # Two shifted sums: of exp(logit) for the gate, of exp(logit) * density for the mixture.
    logit_j = logit[0, lo : lo + m]
    for i in range(m):
        work[s, i] = work[r, i]
    for i in range(m):
        work[s + 1, i] = logit_j[i]
    for j in range(1, k):
        logit_j = logit[j, lo : lo + m]
        for i in range(m):
            a, b = work[s, i], work[r + j, i]
            work[s, i] = a if a > b else b
        for i in range(m):
            a, b = work[s + 1, i], logit_j[i]
            work[s + 1, i] = a if a > b else b
    for j in range(k):
        logit_j = logit[j, lo : lo + m]
        for i in range(m):
            work[r + j, i] = exp(work[r + j, i] - work[s, i])
        for i in range(m):
            work[p + j, i] = exp(logit_j[i] - work[s + 1, i])
    for i in range(m):
        work[s + 2, i] = work[r, i]
    for i in range(m):
        work[s + 3, i] = work[p, i]
    for j in range(1, k):
        for i in range(m):
            work[s + 2, i] += work[r + j, i]
        for i in range(m):
            work[s + 3, i] += work[p + j, i]
    # One division for three quotients.
    for i in range(m):
        work[s + 4, i] = 1.0 / (work[s + 2, i] * work[s + 3, i])
    for i in range(m):
        work[s, i] -= work[s + 1, i]
    for i in range(m):
        work[s + 1, i] = work[s + 2, i] * work[s + 2, i] * work[s + 4, i]
    for i in range(m):
        sum_r, sum_p = work[s + 2, i], work[s + 3, i]
        work[s + 2, i] = sum_p * work[s + 4, i]
        work[s + 3, i] = sum_r * work[s + 4, i]
    for i in range(m):
        # The ratio of the two sums lies between 1 / k and k.
        work[s, i] += log(work[s + 1, i]) - 0.5 * LOG_2_PI
