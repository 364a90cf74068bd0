"""From log-weights and log-densities to gate probabilities, responsibilities and the log-likelihood.

Kernels here see a *strip*: a few hundred observations whose rows all fit the first-level cache.  Everything lives in
one work array with a row per quantity, so that every inner loop runs over observations and vectorises.
"""

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp, log

#: What a pass adds up, each including what is before: value and score; the information of the complete data; what
#: products with the Hessian need; the Hessian.
SCORE, COMPLETE, PRODUCTS, OBSERVED = 1, 2, 3, 4


@kernel
def posterior(n, lo, at, logit, density, weight, work, r, p, c, wr, totals, order):
    """Fill rows r (responsibilities), p (gate), c = w (r - p) and wr = w r, k each; return the log-likelihood.

    The strip begins at ``lo``, that of the log-densities at ``at``. Rows 0 .. 4 are scratch. ``totals`` (3, k) gets the
    sums of w r and of w p, and for OBSERVED at [2, 0] that of w log(largest r). Below COMPLETE the rows r and p are not
    normalised.
    """
    # Slices, since an index lo + i may be negative for all the compiler knows, and its wrap-around stops vectorisation.
    k = logit.shape[0]
    for j in range(k):
        logit_j, density_j = logit[j, lo : lo + n], density[j, at : at + n]
        for i in range(n):
            work[r + j, i] = logit_j[i] + density_j[i]
    # Two shifted sums: of exp(logit) for the gate, of exp(logit) * density for the mixture.
    logit_j = logit[0, lo : lo + n]
    for i in range(n):
        work[0, i] = work[r, i]
    for i in range(n):
        work[1, i] = logit_j[i]
    for j in range(1, k):
        logit_j = logit[j, lo : lo + n]
        for i in range(n):
            a, b = work[0, i], work[r + j, i]
            work[0, i] = a if a > b else b
        for i in range(n):
            a, b = work[1, i], logit_j[i]
            work[1, i] = a if a > b else b
    for j in range(k):
        logit_j = logit[j, lo : lo + n]
        for i in range(n):
            work[r + j, i] = exp(work[r + j, i] - work[0, i])
        for i in range(n):
            work[p + j, i] = exp(logit_j[i] - work[1, i])
    for i in range(n):
        work[2, i] = work[r, i]
    for i in range(n):
        work[3, i] = work[p, i]
    for j in range(1, k):
        for i in range(n):
            work[2, i] += work[r + j, i]
        for i in range(n):
            work[3, i] += work[p + j, i]
    # One division for three quotients; the ratio of the two sums lies between 1 / k and k.
    for i in range(n):
        work[4, i] = 1.0 / (work[2, i] * work[3, i])
    for i in range(n):
        work[0, i] -= work[1, i]
    for i in range(n):
        work[1, i] = work[2, i] * work[2, i] * work[4, i]
    total = 0.0
    for i in range(n):
        total += weight[i] * (work[0, i] + log(work[1, i]))
    # Rows 2 and 3 become the factors that make r and p sum to 1, rows 0 and 1 the same times the weight.
    for i in range(n):
        sum_r, sum_p = work[2, i], work[3, i]
        work[2, i] = sum_p * work[4, i]
        work[3, i] = sum_r * work[4, i]
    for i in range(n):
        work[0, i] = weight[i] * work[2, i]
    for i in range(n):
        work[1, i] = weight[i] * work[3, i]
    for j in range(k):
        mass_r, mass_p = 0.0, 0.0
        for i in range(n):
            share = work[0, i] * work[r + j, i]
            work[wr + j, i] = share
            mass_r += share
        for i in range(n):
            share = work[1, i] * work[p + j, i]
            work[c + j, i] = work[wr + j, i] - share
            mass_p += share
        totals[0, j] += mass_r
        totals[1, j] += mass_p
    if order >= COMPLETE:
        for j in range(k):
            for i in range(n):
                work[r + j, i] *= work[2, i]
            for i in range(n):
                work[p + j, i] *= work[3, i]
    if order == OBSERVED:
        # The largest term of the shifted sum is 1.
        for i in range(n):
            totals[2, 0] += weight[i] * log(work[2, i])
    return total
