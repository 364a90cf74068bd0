"""Multinomial logistic regression for soft labels, by Newton steps: see :mod:`gmoe.gates._labels`."""

import numpy as np

from gmoe._jit import kernel
from gmoe.kernels.climb.dense import factor, solve
from gmoe.kernels.gate_share import probabilities
from gmoe.kernels.rows import STRIP, STRIP_LENGTH
from gmoe.kernels.tiles import cross, gram, whole


@kernel
def fit_labels(design, labels, coef, ridge, steps):
    """Take so many Newton steps on the average log-likelihood of the labels, in place.

    Parameters
    ----------
    design : ndarray, shape (q, n)
        Features with a leading 1.
    labels : ndarray, shape (k, n)
        With weights.
    coef : ndarray, shape (k, q)
    ridge : float
        Added to the information; pins the translations and keeps separated groups finite.
    steps : int
    """
    k, q = coef.shape
    n, total = design.shape[1], labels.sum()
    by = whole(q)
    x, p = by - by, by + 4
    c, stack = p + whole(k), p + 2 * whole(k)
    work = np.zeros((stack + whole(k * q) + 4, STRIP_LENGTH))
    block, mean = np.empty((k, whole(q), whole(q))), np.empty((whole(k * q), whole(k * q)))
    pull, step = np.empty((whole(k), whole(q))), np.empty(k * q)
    information = np.empty((k * q, k * q))
    for _ in range(steps):
        block[:], mean[:], pull[:] = 0.0, 0.0, 0.0
        for lo in range(0, n, STRIP):
            m = min(STRIP, n - lo)
            _residuals(m, lo, design, labels, coef, work, x, by, p, c)
            cross(work, c, k, work, x, q, m, pull)
            for j in range(k):
                for t in range(q):
                    row, share, feature = work[stack + j * q + t], work[p + j], work[x + t]
                    for i in range(m):
                        row[i] = share[i] * feature[i]
                gram(work, stack + j * q, work, x, q, m, block[j])
            for t in range(k * q):
                row, root = work[stack + t], work[by]
                for i in range(m):
                    row[i] *= root[i]
            gram(work, stack, work, stack, k * q, m, mean)
        for a in range(k * q):
            step[a] = pull[a // q, a % q] / total
            for b in range(a + 1):
                information[a, b] = -mean[a, b] / total
            for b in range(a // q * q, a + 1):
                information[a, b] += block[a // q, a % q, b % q] / total
            information[a, a] += ridge
        if not factor(information):
            return
        solve(information, step)
        for a in range(k * q):
            coef[a // q, a % q] += step[a]


@kernel
def _residuals(m, lo, design, labels, coef, work, x, by, p, c):
    """Fill rows: the design, 1 / sqrt(weight), weight times probability, labels less that; two rows of scratch."""
    k, _ = coef.shape
    weight, root = work[by + 1], work[by]
    for i in range(m):
        weight[i] = 0.0
    for j in range(k):
        label = labels[j, lo : lo + m]
        for i in range(m):
            weight[i] += label[i]
    probabilities(m, lo, design, weight[:m], coef, work, x, by + 2, p)
    for j in range(k):
        share, rest, label = work[p + j], work[c + j], labels[j, lo : lo + m]
        for i in range(m):
            rest[i] = label[i] - share[i]
    for i in range(m):
        root[i] = 1.0 / np.sqrt(weight[i]) if weight[i] > 0.0 else 0.0
