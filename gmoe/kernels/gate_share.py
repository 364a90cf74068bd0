"""Average probabilities of a gate whose log-weights are affine, and their derivatives: the wall of an expert's rows."""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.elementary import exp
from gmoe.kernels.rows import STRIP, STRIP_LENGTH
from gmoe.kernels.tiles import cross, gram, whole


@kernel
def probabilities(m, lo, design, mass, coef, work, x, scratch, p):
    """Fill rows x.. with the design from observation ``lo`` on, p.. with ``mass`` (m,) times probability.

    ``scratch`` : two more rows.
    """
    k, q = coef.shape
    for t in range(q):
        row, feature = work[x + t], design[t, lo : lo + m]
        for i in range(m):
            row[i] = feature[i]
    top, total = work[scratch], work[scratch + 1]
    for i in range(m):
        top[i] = -np.inf
        total[i] = 0.0
    for j in range(k):
        logit = work[p + j]
        for i in range(m):
            logit[i] = coef[j, 0]
        for t in range(1, q):
            slope, feature = coef[j, t], work[x + t]
            for i in range(m):
                logit[i] += slope * feature[i]
        for i in range(m):
            top[i] = max(top[i], logit[i])
    for j in range(k):
        share = work[p + j]
        for i in range(m):
            share[i] = exp(share[i] - top[i])
            total[i] += share[i]
    for i in range(m):
        total[i] = mass[i] / total[i]
    for j in range(k):
        share = work[p + j]
        for i in range(m):
            share[i] *= total[i]


@kernel
def shares(design, m, weight, coef, out):
    """Add the sums of weight times probability of one block to ``out`` (k,)."""
    k, q = coef.shape
    scratch = whole(q)
    p = scratch + 2
    work = np.empty((p + k, STRIP_LENGTH))
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        probabilities(n, lo, design, weight[lo : lo + n], coef, work, scratch - scratch, scratch, p)
        for j in range(k):
            row, total = work[p + j], 0.0
            for i in range(n):
                total += row[i]
            out[j] += total


@kernel
def share_derivatives(design, m, weight, coef, which, slopes, bend):
    """Add derivatives of one expert's sum in all coefficients: first ``slopes`` (k q,), second ``bend`` (k q, k q).

    With v = w p_j, e_j the rows of expert j alone and q = sum p_l e_l: the sums of v (e_j - q) x and, since logits are
    affine, of v [(e_j - q)(e_j - q)' + q q' - sum p_l e_l e_l'] x x'.
    """
    k, q = coef.shape
    scratch = whole(q)
    x = scratch - scratch
    p, mine = scratch + 2, scratch + 2 + whole(k)
    stack = mine + 4
    weighted = stack + whole(k * q)
    work = np.zeros((weighted + whole(k * q) + 4, STRIP_LENGTH))
    own, both = np.zeros((k, whole(q), whole(q))), np.zeros((whole(q), whole(q)))
    square, ones = np.zeros((whole(k * q), whole(k * q))), np.ones(STRIP_LENGTH)
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        probabilities(n, lo, design, ones[:n], coef, work, x, scratch, p)
        v, mass, share = work[mine], weight[lo : lo + n], work[p + which]
        for i in range(n):
            v[i] = mass[i] * share[i]
        for j in range(k):
            for t in range(q):
                plain, scaled = work[stack + j * q + t], work[weighted + j * q + t]
                by, feature = work[p + j], work[x + t]
                for i in range(n):
                    plain[i] = by[i] * feature[i]
                    scaled[i] = v[i] * plain[i]
            cross(work, weighted + j * q, q, work, x, q, n, own[j])
        gram(work, weighted, work, stack, k * q, n, square)
        for t in range(q):
            row, feature = work[stack + t], work[x + t]
            for i in range(n):
                row[i] = v[i] * feature[i]
        cross(work, stack, q, work, x, q, n, both)
    for a in range(k * q):
        for b in range(a + 1):
            bend[a, b] += 2.0 * square[a, b]
            if a != b:
                bend[b, a] += 2.0 * square[a, b]
    at = which * q
    for a in range(q):
        slopes[at + a] += both[a, 0]
        for b in range(q):
            bend[at + a, at + b] += both[a, b]
    for j in range(k):
        for a in range(q):
            slopes[j * q + a] -= own[j, a, 0]
            for b in range(q):
                bend[j * q + a, j * q + b] -= own[j, a, b]
                bend[at + a, j * q + b] -= own[j, a, b]
                bend[j * q + a, at + b] -= own[j, a, b]
