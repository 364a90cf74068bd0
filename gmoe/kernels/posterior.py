"""From log-weights and log-densities to gate probabilities, responsibilities and the log-likelihood.

Kernels here see a *strip*: a few hundred observations whose rows all fit the first-level cache.  Everything lives in
one work array with a row per quantity, so that every inner loop runs over observations and vectorises.
"""

from gmoe._jit import inlined
from gmoe.kernels.elementary import exp, log

#: What a pass adds up, each including what is before: value and score; the information of the complete data; what
#: products with the Hessian need; the Hessian.
SCORE, COMPLETE, PRODUCTS, OBSERVED = 1, 2, 3, 4


@inlined
def posterior(n, lo, at, logit, density, weight, work, r, p, c, wr, totals, order):
    """Fill rows r (responsibilities), p (gate), c = w (r - p) and wr = w r, k each; return the log-likelihood.

    The strip begins at ``lo``, that of the log-densities at ``at``. Rows 0 .. 4 are scratch. ``totals`` (3, k) gets the
    sums of w r and of w p, and for OBSERVED at [2, 0] that of w log(largest r). Below COMPLETE the rows r and p are not
    normalised.
    """
    k = logit.shape[0]
    # Two shifted sums: of exp(logit) for the gate, of exp(logit) * density for the mixture.
    # To rows that are free, since a loop does not vectorise where what it reads and writes overlap.
    _both(n, lo, at, logit, density, work, wr)
    if k == 2:
        _two_shares(n, work[wr, :n], work[wr + 1, :n], work, r, 0, 2)
        _two_shares(n, logit[0, lo : lo + n], logit[1, lo : lo + n], work, p, 1, 3)
    else:
        _shares(n, 0, work[wr : wr + k], work, r, 0, 2)
        _shares(n, lo, logit, work, p, 1, 3)
    # One division for three quotients; the ratio of the two sums lies between 1 / k and k.
    for i in range(n):
        work[4, i] = 1.0 / (work[2, i] * work[3, i])
    total = 0.0
    for i in range(n):
        total += weight[i] * (work[0, i] - work[1, i] + log(work[2, i] * work[2, i] * work[4, i]))
    # What makes r and p sum to 1, and to the weight.
    for i in range(n):
        factor_r, factor_p = work[3, i] * work[4, i], work[2, i] * work[4, i]
        work[3, i] = factor_r
        work[2, i] = factor_p
        work[0, i] = weight[i] * factor_r
        work[1, i] = weight[i] * factor_p
    for j in range(k):
        mass_r, mass_p = 0.0, 0.0
        for i in range(n):
            share_r, share_p = work[0, i] * work[r + j, i], work[1, i] * work[p + j, i]
            work[wr + j, i] = share_r
            work[c + j, i] = share_r - share_p
            mass_r += share_r
            mass_p += share_p
        totals[0, j] += mass_r
        totals[1, j] += mass_p
    if order >= COMPLETE:
        for j in range(k):
            for i in range(n):
                work[r + j, i] *= work[3, i]
            for i in range(n):
                work[p + j, i] *= work[2, i]
    if order == OBSERVED:
        # The largest term of the shifted sum is 1.
        largest = 0.0
        for i in range(n):
            largest += weight[i] * log(work[3, i])
        totals[2, 0] += largest
    return total


@inlined
def _both(n, lo, at, logit, density, work, to):
    """Rows ``to`` .. = logit + density."""
    # Slices, since an index lo + i may be negative for all the compiler knows, and its wrap-around stops vectorisation.
    for j in range(logit.shape[0]):
        logit_j, density_j = logit[j, lo : lo + n], density[j, at : at + n]
        for i in range(n):
            work[to + j, i] = logit_j[i] + density_j[i]


@inlined
def _two_shares(n, first, second, work, to, top, total):
    """Do what :func:`_shares` does for k = 2, where one of the two is 1."""
    for i in range(n):
        a, b = first[i], second[i]
        less = exp(-abs(a - b))
        work[top, i] = a if a > b else b
        work[to, i] = 1.0 if a > b else less
        work[to + 1, i] = less if a > b else 1.0
        work[total, i] = 1.0 + less


@inlined
def _shares(n, lo, rows, work, to, top, total):
    """Row ``top``: the largest of k >= 3 rows, or 1; rows ``to`` .. become exp(row - top), row ``total`` their sum."""
    k = rows.shape[0]
    row_0, row_1, row_2 = rows[0, lo : lo + n], rows[min(1, k - 1), lo : lo + n], rows[min(2, k - 1), lo : lo + n]
    for i in range(n):
        a, b, c = row_0[i], row_1[i], row_2[i]
        larger = a if a > b else b
        work[top, i] = larger if larger > c else c
    for j in range(3, k):
        row = rows[j, lo : lo + n]
        for i in range(n):
            a, b = work[top, i], row[i]
            work[top, i] = a if a > b else b
    for j in range(k):
        row = rows[j, lo : lo + n]
        for i in range(n):
            work[to + j, i] = exp(row[i] - work[top, i])
    if k == 1:
        for i in range(n):
            work[total, i] = work[to, i]
        return
    for i in range(n):
        work[total, i] = work[to, i] + work[to + 1, i] + work[to + 2, i]
    for j in range(3, k):
        for i in range(n):
            work[total, i] += work[to + j, i]
