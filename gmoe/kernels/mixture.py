"""The mixture kernel: from log-weights and log-densities to log-likelihood, score and exact Hessian.

It knows neither gate nor expert.  Both come as values, log-weights a_j up to a common number and log-densities f_j, and
as rows of derivatives, A_j of a_j and F_j of f_j (:mod:`gmoe.kernels.rows`).  With gate probabilities p,
responsibilities r and V_j = (A_j, F_j), an observation of weight w adds

    score      sum_j c_j A_j + w r_j F_j                                        with c_j = w (r_j - p_j)
    Hessian    w [sum_j r_j V_j V_j' - s s'] - w [sum_j p_j A_j A_j' - q q']    with s = sum r_j V_j, q = sum p_j A_j
               + sum_j c_j d2 a_j + w r_j d2 f_j

(Louis' identity).  The last line is the parts' own: they are given c and w r.  Where the weights sum to 1 whatever the
parameters, as those of a tree do, the terms in p cancel, and the same formula holds.

Each expert has rows of its own and rows that all experts share; stacks of rows hold the own ones expert by expert and
the sums over the experts of the shared ones at the end.
"""

import math

from gmoe._jit import inlined, kernel
from gmoe.kernels.posterior import COMPLETE, OBSERVED, PRODUCTS, SCORE, posterior
from gmoe.kernels.rows import STRIP, load, moved, pull, written
from gmoe.kernels.tiles import cross, gram, padded, whole

__all__ = ["COMPLETE", "OBSERVED", "PRODUCTS", "SCORE", "change", "mixture", "strip", "work_rows"]

# Scratch rows before all others.
FIRST = 8


def work_rows(k, n_gate, n_expert):
    """Rows of the work array, each STRIP_LENGTH long, by numbers of derivatives of one expert."""
    b = n_gate + n_expert
    return FIRST + 4 * padded(b + 1) + 2 * k + 3 * padded(k) + padded(k * b) + padded(k * n_gate) + 40


@kernel
def mixture(
    logit, density, gate_factors, gate_basis, gate_segments, expert_factors, expert_basis, expert_segments,
    q_gate, q_expert, w, m, work, order, totals, pull_gate, pull_expert,
    gate_block, gate_shared, gate_gram, block, shared_block, full, moments,
):  # fmt: skip
    """Add one block's sums to the output arrays and return its weighted log-likelihood.

    Parameters
    ----------
    logit, density : (k, >=m) log-weights, -inf where not selected, and log-densities. From COMPLETE on they leave as
        c and w r.
    gate_factors .. expert_segments : derivatives, see :mod:`gmoe.kernels.rows`: own ones first, then shared ones
    q_gate, q_expert : own derivatives of a gate and of an expert
    w : (>=m,) weights; m : observations in use
    work : (work_rows, STRIP_LENGTH) scratch
    order : SCORE, COMPLETE, PRODUCTS or OBSERVED, each including the one before
    totals : (3, k) sums of w r and of w p, and for OBSERVED at [2, 0] that of w log(largest r)
    pull_gate, pull_expert : sums of c A_j and w r F_j by segments of the rows
    gate_block, gate_shared : sum w p_j A_j A_j', of own rows (lower tiles), and of shared rows with all of V_j
    block, shared_block : sum w r_j V_j V_j', likewise; V_j has own rows of gate and expert, then their shared rows
    gate_gram, full : sum w q q' and sum w s s', lower tiles
    moments : sum w r_j D D' of the experts' basis D, the same for all of them, lower tiles; or no array for it
    """
    total = 0.0
    for lo in range(0, m, STRIP):
        total += strip(
            min(STRIP, m - lo), lo, lo, logit, density, (gate_factors, gate_basis, gate_segments),
            (expert_factors, expert_basis, expert_segments), q_gate, q_expert, w, work, order, totals, pull_gate,
            pull_expert, gate_block, gate_shared, gate_gram, block, shared_block, full, moments,
        )  # fmt: skip
    return total


@inlined
def strip(
    n, lo, at, logit, density, gate_rows, expert_rows, q_gate, q_expert, w, work, order,
    totals, pull_gate, pull_expert, gate_block, gate_shared, gate_gram, block, shared_block, full, moments,
):  # fmt: skip
    """Do the same for ``n`` observations from ``lo`` on; those of the experts' own arrays begin at ``at``."""
    k = logit.shape[0]
    (_, gate_basis, gate_segments), (_, expert_basis, expert_segments) = gate_rows, expert_rows
    n_gate, n_expert = gate_segments[-1, 3], expert_segments[-1, 3]
    own, s_gate = q_gate + q_expert, n_gate - q_gate
    b, shared = n_gate + n_expert, n_gate + n_expert - own
    one_basis = gate_basis.ctypes.data == expert_basis.ctypes.data
    # Rows of the work array; plain numbers would be literal types of their own, and compile the helpers twice.
    xg = k - k + FIRST
    xe = xg if one_basis else xg + whole(gate_basis.shape[1]) + 4
    r = xe + whole(expert_basis.shape[1]) + 4
    p = r + k
    c = p + k
    wr = c + whole(k)
    e = wr + whole(k)
    v = e + whole(k)
    held = v + whole(b) + 4
    stack = held + whole(b) + 4
    gate_stack = stack + whole(k * own + shared) + 4
    root = xg - 3
    weight = w[lo : lo + n]
    value = posterior(n, lo, at, logit, density, weight, work, r, p, c, wr, totals, order)
    load(n, lo, gate_basis, work, xg)
    if not one_basis:
        load(n, lo, expert_basis, work, xe)
    # Rows r are not needed any more at SCORE, and still in the first-level cache.
    scratch = e if order > SCORE else r
    pull(n, lo, lo, gate_rows, work, xg, c, scratch, k, pull_gate)
    pull(n, lo, at, expert_rows, work, xe, wr, scratch, k, pull_expert)
    if order == SCORE:
        return value
    # Derivatives of all log-weights that are the features themselves; with the experts' features they have its moments.
    affine = gate_segments.shape[0] == 1 and gate_segments[0, 0] < 0 and gate_basis.shape[0] == 1 and s_gate == 0
    within = order == OBSERVED and affine and one_basis
    _root_row(n, weight, work, root)
    _clear(n, work, stack + k * own, shared)
    _clear(n, work, gate_stack + k * q_gate, s_gate)
    for j in range(k):
        if j == 0 or not affine:
            written(n, lo, lo, j, gate_rows, work, xg, root, root + 1, v, q_gate, v + own)
        _times(n, work, p + j, v, gate_stack + j * q_gate, q_gate)
        gram(work, gate_stack + j * q_gate, work, v, q_gate, n, gate_block[j])
        if s_gate > 0:
            _times(n, work, p + j, v + own, held, s_gate)
            _add(n, work, held, gate_stack + k * q_gate, s_gate)
            cross(work, held, s_gate, work, v, b, n, gate_shared[j])
        if moments.shape[0] > 0 and not within:
            _times(n, work, wr + j, xe, held, expert_basis.shape[1])
            gram(work, held, work, xe, expert_basis.shape[1], n, moments[j])
        if order < OBSERVED:
            continue
        written(n, lo, at, j, expert_rows, work, xe, root, root + 1, v + q_gate, q_expert, v + own + s_gate)
        _times(n, work, r + j, v, stack + j * own, own)
        gram(work, stack + j * own, work, v, own, n, block[j])
        if moments.shape[0] > 0 and within:
            # Assigned, since both are sums over all strips so far.
            for t in range(q_gate):
                for u in range(t + 1):
                    moments[j, t, u] = block[j, t, u]
        if shared > 0:
            _times(n, work, r + j, v + own, held, shared)
            _add(n, work, held, stack + k * own, shared)
            cross(work, held, shared, work, v, b, n, shared_block[j])
    gram(work, gate_stack, work, gate_stack, k * q_gate + s_gate, n, gate_gram)
    if order == OBSERVED:
        gram(work, stack, work, stack, k * own + shared, n, full)
    # What the parts' own second derivatives need.
    if not affine:
        _copy(n, lo, work, c, logit, k)
    if moments.shape[0] == 0:
        _copy(n, at, work, wr, density, k)
    return value


@kernel
def change(
    logit, density, gate_factors, gate_basis, gate_segments, expert_factors, expert_basis, expert_segments,
    v_gate, v_expert, w, m, work, totals, pull_gate, pull_expert,
):  # fmt: skip
    """Add the change of the score along a direction, but for that of the rows themselves: a product with the Hessian.

    With a_j and f_j the changes of log-weight and log-density, responsibilities change by r_j (a_j + f_j - sum r (a +
    f)) and gate probabilities by p_j (a_j - sum p a).

    Parameters
    ----------
    v_gate, v_expert : (k, derivatives) the direction
        Others as for :func:`mixture`.
    """
    k = logit.shape[0]
    gate_rows = gate_factors, gate_basis, gate_segments
    expert_rows = expert_factors, expert_basis, expert_segments
    xg = k - k + FIRST
    xe = xg + whole(gate_basis.shape[1]) + 4
    r = xe + whole(expert_basis.shape[1]) + 4
    p = r + k
    c = p + k
    wr = c + whole(k)
    e = wr + whole(k)
    a = e + whole(k)
    f = a + k
    mean_r, mean_p = xg - 3, xg - 2
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        weight = w[lo : lo + n]
        posterior(n, lo, lo, logit, density, weight, work, r, p, c, wr, totals, COMPLETE)
        load(n, lo, gate_basis, work, xg)
        load(n, lo, expert_basis, work, xe)
        _clear(n, work, mean_r, 2)
        for j in range(k):
            moved(n, lo, lo, j, gate_rows, work, xg, v_gate[j], a + j, e)
            moved(n, lo, lo, j, expert_rows, work, xe, v_expert[j], f + j, e)
            for i in range(n):
                work[mean_r, i] += work[r + j, i] * (work[a + j, i] + work[f + j, i])
            for i in range(n):
                work[mean_p, i] += work[p + j, i] * work[a + j, i]
        for j in range(k):
            for i in range(n):
                work[wr + j, i] = weight[i] * work[r + j, i] * (work[a + j, i] + work[f + j, i] - work[mean_r, i])
            for i in range(n):
                work[c + j, i] = work[wr + j, i] - weight[i] * work[p + j, i] * (work[a + j, i] - work[mean_p, i])
        pull(n, lo, lo, gate_rows, work, xg, c, e, k, pull_gate)
        pull(n, lo, lo, expert_rows, work, xe, wr, e, k, pull_expert)


# Loops are short: one that reads rows and writes others which overlap with them stays scalar, ten times slower, since
# LLVM tests for that at its start.


@kernel
def _root_row(n, weight, work, root):
    """Row ``root``: sqrt(w), without the roots (3 % of a pass) where all weights are 1."""
    off = 0.0
    for i in range(n):
        off += abs(weight[i] - 1.0)
    if off == 0.0:
        for i in range(n):
            work[root, i] = 1.0
    else:
        for i in range(n):
            work[root, i] = math.sqrt(weight[i])


@kernel
def _clear(n, work, start, count):
    for t in range(start, start + count):
        for i in range(n):
            work[t, i] = 0.0


@kernel
def _copy(n, at, work, start, to, count):
    for t in range(count):
        row = to[t, at : at + n]
        for i in range(n):
            row[i] = work[start + t, i]


@kernel
def _times(n, work, factor, start, to, count):
    """Rows ``to`` .. = row ``factor`` times rows ``start`` .. ."""
    for t in range(count):
        for i in range(n):
            work[to + t, i] = work[factor, i] * work[start + t, i]


@kernel
def _add(n, work, start, to, count):
    """Rows ``to`` .. += rows ``start`` .. ."""
    for t in range(count):
        for i in range(n):
            work[to + t, i] += work[start + t, i]
