"""Log-likelihood, score, complete-data information and exact observed Hessian of a block of observations.

With Phi_j the derivatives of logit_j in the gate's parameters, v_j = (Phi_j, z_j x / sd_j, z_j**2 - 1) and p, r the
gate probabilities and responsibilities, per observation of weight w

    score_j  = w [(r_j - p_j) Phi_j, r_j z_j x / sd_j, r_j (z_j**2 - 1)]
    Hessian  = w [sum_j r_j v_j v_j' - s s'] - w [sum_j p_j Phi_j Phi_j' - q q'] + w (curvature of each expert)

with s, q the stacked r_j v_j and p_j Phi_j (Louis' identity): all of it products of rows, ``gmoe.kernels.tiles``.
What a temperature adds is in ``gmoe.kernels.shared``.
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.elementary import log
from gmoe.kernels.posterior import constant_row, load_design, posterior
from gmoe.kernels.shared import shared_cross, shared_information, shared_moments, shared_score
from gmoe.kernels.tiles import cross, gram, padded

# Observations of a strip: with 5 to 50 rows in use it stays in the first- or second-level cache.
STRIP = 512
# Rows a power of two apart share cache sets (22 against 41 ns per observation); hence the odd tail.
STRIP_LENGTH = STRIP + 8

SCORE, COMPLETE, OBSERVED = 1, 2, 3


def work_rows(k, q_gate, q_expert):
    """Rows of the work array that :func:`accumulate` needs."""
    b = q_gate + q_expert + 1
    # x_gate, x_expert | z, p, r | c, e | scratch | v | s, q and room for the last tile's overhang | shared
    return (
        padded(q_gate)
        + padded(q_expert)
        + 3 * k
        + 2 * padded(k)
        + 5
        + padded(b)
        + padded(k * b)
        + padded(k * q_gate)
        + padded(q_expert)
        + 16
        + 4
    )


@kernel
def accumulate(
    x_gate, x_expert, y, w, m, logit, slope, curve, bend, first, expert, log_sd, work, order,
    g_gate, g_expert, g_scalar, g_shared, expert_block, gate_block, gate_gram, shared_gate, block, full, shared_block,
):  # fmt: skip
    """Add one block's sums to the output arrays and return its weighted log-likelihood.

    Parameters
    ----------
    x_gate, x_expert : (d, >=m) features; y, w : (>=m,) response and weights; m : observations in use
    logit : (k, >=m), -inf where not selected; slope, curve : (k, >=m) first and second derivative of the logit with
        respect to the activation's argument, or (0, 0) for an affine gate; bend : (k, >=m) the part of the logit that
        a shared temperature divides, or (0, 0) without one
    first : first column of the gate's design that goes through the activation (0 or 1)
    expert : (k, q_expert), intercept first; log_sd : (k,)
    order : SCORE, COMPLETE or OBSERVED, each including the one before
    g_gate, g_expert : gradients; g_scalar : (4, k), gradient in log_sd, sum of responsibilities, for OBSERVED at
        [2, 0] the sum of w log(largest responsibility), and sum of gate probabilities
    g_shared : (3,), gradient, Hessian and complete-data information in the shared parameter; shared_gate : its
        information with the gate's parameters; shared_block : its Hessian without the gate's terms
    expert_block : sum w r x x'; gate_block : sum w p Phi Phi'; gate_gram : sum w q q'
    block : sum w r v v'; full : sum w s s'  (lower tiles only of all five)
    """
    k = logit.shape[0]
    q_gate, q_expert = x_gate.shape[0] + 1, x_expert.shape[0] + 1
    b = q_gate + q_expert + 1
    k_pad, q_gate_pad, q_expert_pad = g_gate.shape[0], g_gate.shape[1], g_expert.shape[1]
    affine, tempered = slope.shape[0] == 0, bend.shape[0] > 0
    one_design = x_gate.shape == x_expert.shape and x_gate.ctypes.data == x_expert.ctypes.data
    xe = q_gate_pad
    # A plain 0 would be a literal type of its own, and compile the helpers twice.
    xg = xe if one_design else xe - q_gate_pad
    z = xe + q_expert_pad
    p = z + k
    r = p + k
    c = r + k
    e = c + k_pad
    s = e + k_pad
    v = s + 5
    stack = v + block.shape[1] + 4
    gate_stack = stack + full.shape[0] + 4
    expert_stack = gate_stack + gate_gram.shape[0] + 4
    shared_row = work.shape[0] - 4
    constant_row(work, xe)
    constant_row(work, xg)
    # With one design for both, sum w r x x' is the gate's part of sum w r v v' already.
    within = order == OBSERVED and affine and one_design
    total = 0.0
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        if not one_design:
            load_design(x_gate, lo, n, work, xg)
        load_design(x_expert, lo, n, work, xe)
        posterior(y, lo, n, logit, expert, log_sd, work, xe, z, p, r, s)
        weight = w[lo : lo + n]
        for i in range(n):
            total += weight[i] * work[s, i]
        if order == OBSERVED:
            # Row s + 2 is the largest responsibility: the shift of the sum was the largest term.
            for i in range(n):
                g_scalar[2, 0] += weight[i] * log(work[s + 2, i])
        _score_rows(n, k, weight, work, z, p, r, c, e, s, g_scalar)
        cross(work, e, k, work, xe, q_expert, n, g_expert)
        if affine:
            cross(work, c, k, work, xg, q_gate, n, g_gate)
        else:
            _curved_gate_gradient(lo, n, slope, first, work, xg, c, s + 4, q_gate, g_gate)
        if tempered:
            shared_score(lo, n, bend, work, c, g_shared)
        if order == SCORE:
            continue
        _root_row(n, weight, work, s)
        if tempered:
            shared_moments(lo, n, bend, weight, work, p, r, c, shared_row, g_shared)
        if affine:
            # The same for all experts.
            _gate_rows(n, s, s, work, xg, v, q_gate)
        for j in range(k):
            # sum w r x x'
            if not within:
                for i in range(n):
                    work[s + 1, i] = weight[i] * work[r + j, i]
                for t in range(q_expert):
                    for i in range(n):
                        work[expert_stack + t, i] = work[s + 1, i] * work[xe + t, i]
                gram(work, expert_stack, work, xe, q_expert, n, expert_block[j])
            if not affine:
                slope_j = slope[j, lo : lo + n]
                for i in range(n):
                    work[s + 1, i] = work[s, i] * slope_j[i]
                _gate_rows(n, s + 1 - first, s + 1, work, xg, v, q_gate)
            if tempered:
                shared_information(lo, n, j, bend, work, p, s, v, shared_row, q_gate, shared_gate)
            for t in range(q_gate):
                for i in range(n):
                    work[gate_stack + j * q_gate + t, i] = work[p + j, i] * work[v + t, i]
            gram(work, gate_stack + j * q_gate, work, v, q_gate, n, gate_block[j])
            if order == COMPLETE:
                continue
            _expert_rows(n, math.exp(-log_sd[j]), work, xe, z + j, s, v + q_gate, q_expert)
            for t in range(b):
                for i in range(n):
                    work[stack + j * b + t, i] = work[r + j, i] * work[v + t, i]
            gram(work, stack + j * b, work, v, b, n, block[j])
            if not affine:
                _curved_gate_block(lo, n, j, curve, first, work, xg, c, expert_stack, q_gate, block[j])
                if tempered:
                    shared_cross(lo, n, j, bend, work, r, s, v, shared_row, b, shared_block)
                    _curved_shared(lo, n, j, slope, first, work, xg, c, expert_stack, q_gate, shared_block)
        gram(work, gate_stack, work, gate_stack, k * q_gate, n, gate_gram)
        if order == OBSERVED:
            gram(work, stack, work, stack, k * b, n, full)
    if within:
        for j in range(k):
            for t in range(q_expert):
                for u in range(t + 1):
                    expert_block[j, t, u] = block[j, t, u]
    return total


# Loops that write more than one row, or read many, stay scalar: LLVM gives up on proving that the rows do not overlap.
# Hence the many short ones below.


@kernel
def _root_row(n, weight, work, s):
    """Row s: sqrt(w), without the roots (3 % of a pass) where all weights are 1."""
    off = 0.0
    for i in range(n):
        off += abs(weight[i] - 1.0)
    if off == 0.0:
        for i in range(n):
            work[s, i] = 1.0
    else:
        for i in range(n):
            work[s, i] = math.sqrt(weight[i])


@kernel
def _score_rows(n, k, weight, work, z, p, r, c, e, s, g_scalar):
    """Make rows p and r sum to 1; rows c = w (r - p) and e = w r z; sums over them into ``g_scalar``."""
    for j in range(k):
        for i in range(n):
            work[p + j, i] *= work[s + 3, i]
        for i in range(n):
            work[r + j, i] *= work[s + 2, i]
        for i in range(n):
            work[c + j, i] = weight[i] * (work[r + j, i] - work[p + j, i])
        for i in range(n):
            work[e + j, i] = weight[i] * work[r + j, i] * work[z + j, i]
        mass = 0.0
        square = 0.0
        for i in range(n):
            mass += weight[i] * work[r + j, i]
            square += work[e + j, i] * work[z + j, i]
        g_scalar[0, j] += square - mass
        g_scalar[1, j] += mass
        mass = 0.0
        for i in range(n):
            mass += weight[i] * work[p + j, i]
        g_scalar[3, j] += mass


@kernel
def _gate_rows(n, constant, factor, work, xg, v, q_gate):
    """Rows v = sqrt(w) Phi: row ``constant``, then row ``factor`` times each feature."""
    for i in range(n):
        work[v, i] = work[constant, i]
    for t in range(1, q_gate):
        for i in range(n):
            work[v + t, i] = work[factor, i] * work[xg + t, i]


@kernel
def _expert_rows(n, inverse_sd, work, xe, z, s, v, q_expert):
    """Rows v = sqrt(w) (z x / sd, z**2 - 1), where row s is sqrt(w)."""
    for i in range(n):
        work[s + 1, i] = work[s, i] * work[z, i] * inverse_sd
    for t in range(q_expert):
        for i in range(n):
            work[v + t, i] = work[s + 1, i] * work[xe + t, i]
    for i in range(n):
        work[v + q_expert, i] = work[s, i] * (work[z, i] * work[z, i] - 1.0)


@kernel
def _curved_gate_gradient(lo, n, slope, first, work, xg, c, scratch, q_gate, g_gate):
    """Gate gradient where the slope of the logit differs by observation: sum c slope x, and sum c where not bent."""
    for j in range(slope.shape[0]):
        slope_j = slope[j, lo : lo + n]
        total = 0.0
        for i in range(n):
            total += work[c + j, i]
            work[scratch, i] = work[c + j, i] * slope_j[i]
        if first == 1:
            g_gate[j, 0] += total
        for t in range(first, q_gate):
            total = 0.0
            for i in range(n):
                total += work[scratch, i] * work[xg + t, i]
            g_gate[j, t] += total


@kernel
def _curved_gate_block(lo, n, j, curve, first, work, xg, c, scratch, q_gate, out):
    """Lower triangle of sum c curve x x' over the bent columns of the gate."""
    curve_j = curve[j, lo : lo + n]
    for t in range(first, q_gate):
        for i in range(n):
            work[scratch, i] = work[c + j, i] * curve_j[i] * work[xg + t, i]
        for u in range(first, t + 1):
            total = 0.0
            for i in range(n):
                total += work[scratch, i] * work[xg + u, i]
            out[t, u] += total


@kernel
def _curved_shared(lo, n, j, slope, first, work, xg, c, scratch, q_gate, out):
    """Sum of -c slope x over the bent columns: how the derivative in the temperature changes with them."""
    slope_j = slope[j, lo : lo + n]
    for i in range(n):
        work[scratch, i] = work[c + j, i] * slope_j[i]
    for t in range(first, q_gate):
        total = 0.0
        for i in range(n):
            total += work[scratch, i] * work[xg + t, i]
        out[j, t] -= total
