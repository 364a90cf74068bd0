"""Product of the observed Hessian with a direction, at about the cost of two score passes, without the Hessian.

It is the derivative of the score along the direction: with a_j the change of logit_j and f_j that of the log-density
of expert j, responsibilities change by r_j (a_j + f_j - sum r (a + f)) and gate probabilities by p_j (a_j - sum p a).
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.accumulate import STRIP
from gmoe.kernels.posterior import constant_row, linear, load_design, posterior
from gmoe.kernels.tiles import cross, padded


def work_rows(k, q_gate, q_expert):
    """Rows of the work array that :func:`hessian_product` needs."""
    return padded(q_gate) + padded(q_expert) + 5 * k + 2 * padded(k) + 6 + 4


@kernel
def hessian_product(
    x_gate, x_expert, y, w, m, logit, slope, curve, bend, first, expert, log_sd, work,
    v_gate, v_expert, v_log_sd, v_shared, g_gate, g_expert, g_scalar, g_shared,
):  # fmt: skip
    """Add one block's sums for the direction (v_gate, v_expert, v_log_sd, v_shared) to the four ``g_*``.

    Arrays as in :func:`gmoe.kernels.accumulate.accumulate`; ``v_*`` have the shapes of the parameters. Expert sums
    still need the division by the standard deviation that the gradient needs.
    """
    k = logit.shape[0]
    k_pad, q_gate_pad, q_expert_pad = g_gate.shape[0], g_gate.shape[1], g_expert.shape[1]
    affine, tempered = slope.shape[0] == 0, bend.shape[0] > 0
    # A plain 0 would be a literal type of its own, and compile the helpers twice.
    xg = q_gate_pad - q_gate_pad
    xe = xg + q_gate_pad
    z = xe + q_expert_pad
    p = z + k
    r = p + k
    a = r + k
    f = a + k
    c = f + k
    e = c + k_pad
    s = e + k_pad
    constant_row(work, xe)
    constant_row(work, xg)
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        load_design(x_gate, lo, n, work, xg)
        load_design(x_expert, lo, n, work, xe)
        posterior(y, lo, n, logit, expert, log_sd, work, xe, z, p, r, s)
        weight = w[lo : lo + n]
        for j in range(k):
            for i in range(n):
                work[r + j, i] *= work[s + 2, i]
            for i in range(n):
                work[p + j, i] *= work[s + 3, i]
        # Rows s, s + 1: the averages of a + f under r, and of a under p.
        for i in range(n):
            work[s, i] = 0.0
        for i in range(n):
            work[s + 1, i] = 0.0
        for j in range(k):
            linear(v_gate, j, work, xg, n, a + j)
            if not affine:
                _curved_change(lo, n, j, slope, first * v_gate[j, 0], work, a + j)
            if tempered:
                bend_j = bend[j, lo : lo + n]
                for i in range(n):
                    work[a + j, i] -= v_shared * bend_j[i]
            linear(v_expert, j, work, xe, n, f + j)
            inverse_sd, v = math.exp(-log_sd[j]), v_log_sd[j]
            for i in range(n):
                work[f + j, i] *= inverse_sd
            # Row s + 2: f_j; row f + j keeps x . v / sd, of which the change of z is made.
            for i in range(n):
                work[s + 2, i] = work[z + j, i] * (work[f + j, i] + v * work[z + j, i]) - v
            for i in range(n):
                work[s, i] += work[r + j, i] * (work[a + j, i] + work[s + 2, i])
            for i in range(n):
                work[s + 1, i] += work[p + j, i] * work[a + j, i]
        for j in range(k):
            v = v_log_sd[j]
            for i in range(n):
                work[s + 2, i] = work[z + j, i] * (work[f + j, i] + v * work[z + j, i]) - v
            # Row s + 2: w times the change of r_j; row s + 3: w times that of p_j.
            for i in range(n):
                work[s + 2, i] = weight[i] * work[r + j, i] * (work[a + j, i] + work[s + 2, i] - work[s, i])
            for i in range(n):
                work[s + 3, i] = weight[i] * work[p + j, i] * (work[a + j, i] - work[s + 1, i])
            for i in range(n):
                work[c + j, i] = work[s + 2, i] - work[s + 3, i]
            # Row s + 4: the change of z_j; row s + 5: w r_j.
            for i in range(n):
                work[s + 4, i] = -work[f + j, i] - v * work[z + j, i]
            for i in range(n):
                work[s + 5, i] = weight[i] * work[r + j, i]
            for i in range(n):
                work[e + j, i] = work[s + 2, i] * work[z + j, i] + work[s + 5, i] * work[s + 4, i]
            total = 0.0
            for i in range(n):
                total += work[z + j, i] * (work[e + j, i] + work[s + 5, i] * work[s + 4, i]) - work[s + 2, i]
            g_scalar[0, j] += total
            for i in range(n):
                work[e + j, i] -= v * work[s + 5, i] * work[z + j, i]
        cross(work, e, k, work, xe, v_expert.shape[1], n, g_expert)
        if affine:
            cross(work, c, k, work, xg, v_gate.shape[1], n, g_gate)
        else:
            _curved_product(
                lo, n, slope, curve, bend, first, weight, v_gate, v_shared, work, xg, c, p, r, s, g_gate, g_shared
            )


@kernel
def _curved_change(lo, n, j, slope, intercept, work, row):
    """Change of a curved logit: row holds intercept + x . v, becomes intercept + slope (x . v).

    ``intercept`` is what does not go through the activation.
    """
    slope_j = slope[j, lo : lo + n]
    for i in range(n):
        work[row, i] = intercept + slope_j[i] * (work[row, i] - intercept)


@kernel
def _curved_product(
    lo, n, slope, curve, bend, first, weight, v_gate, v_shared, work, xg, c, p, r, s, g_gate, g_shared
):  # fmt: skip
    """Gate sums where the slope of the logit differs by observation, and those of the shared temperature."""
    for j in range(slope.shape[0]):
        slope_j = slope[j, lo : lo + n]
        curve_j = curve[j, lo : lo + n]
        # Row s: the change of the activation's argument; row s + 1: w (r - p).
        linear(v_gate, j, work, xg, n, s)
        fixed = first * v_gate[j, 0]
        for i in range(n):
            work[s, i] -= fixed
        for i in range(n):
            work[s + 1, i] = weight[i] * (work[r + j, i] - work[p + j, i])
        if bend.shape[0] > 0:
            bend_j = bend[j, lo : lo + n]
            total = 0.0
            for i in range(n):
                total += work[s + 1, i] * (v_shared * bend_j[i] - slope_j[i] * work[s, i])
                total -= work[c + j, i] * bend_j[i]
            g_shared[0] += total
        # Row s + 2: change of c times slope, plus c times the change of the slope.
        for i in range(n):
            work[s + 2, i] = work[c + j, i] * slope_j[i] + work[s + 1, i] * (
                curve_j[i] * work[s, i] - v_shared * slope_j[i]
            )
        if first == 1:
            total = 0.0
            for i in range(n):
                total += work[c + j, i]
            g_gate[j, 0] += total
        for t in range(first, v_gate.shape[1]):
            total = 0.0
            for i in range(n):
                total += work[s + 2, i] * work[xg + t, i]
            g_gate[j, t] += total
