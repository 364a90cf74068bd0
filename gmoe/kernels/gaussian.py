"""Gaussian experts of one response: log-densities, their derivatives, and sums of these over a block.

Expert j has a row of parameters (intercept, coef, log variance).  With z its standardised residuals and sd its standard
deviation the derivatives are (z / sd, z x / sd, (z**2 - 1) / 2).
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.mixture import strip
from gmoe.kernels.rows import STRIP

LOG_2_PI = math.log(2.0 * math.pi)
# Far outside of any log variance of scaled data, where a wild trial step would overflow.
MAX_LOG_VARIANCE = 300.0


@kernel
def half_log_variance(own, j):
    """Log of an expert's standard deviation."""
    log_variance = own[j, own.shape[1] - 1]
    return 0.5 * min(max(log_variance, -MAX_LOG_VARIANCE), MAX_LOG_VARIANCE)


@kernel
def fill(n, lo, at, design, y, own, factors, out):
    """Log-densities of ``n`` observations to ``out`` (k, ...), factors of their derivatives to ``factors`` (2, k, ...).

    The observations begin at ``lo`` in the data and at ``at`` in what is written.
    """
    y_0 = y[0, lo : lo + n]
    for j in range(own.shape[0]):
        z, second, out_j = factors[0, j, at : at + n], factors[1, j, at : at + n], out[j, at : at + n]
        log_sd = half_log_variance(own, j)
        precision, half_variance, shift = math.exp(-2.0 * log_sd), 0.5 * math.exp(2.0 * log_sd), log_sd + 0.5 * LOG_2_PI
        c = own[j, 0]
        odd = (design.shape[0] - 1) % 2
        if odd == 1:
            b, x = own[j, 1] * precision, design[1, lo : lo + n]
            for i in range(n):
                z[i] = (y_0[i] - c) * precision - b * x[i]
        else:
            for i in range(n):
                z[i] = (y_0[i] - c) * precision
        # Two features at a time: a loop costs as much by reading and writing z as by a feature.
        for t in range(1 + odd, design.shape[0], 2):
            b, x = own[j, t] * precision, design[t, lo : lo + n]
            b_2, x_2 = own[j, t + 1] * precision, design[t + 1, lo : lo + n]
            for i in range(n):
                z[i] -= b * x[i] + b_2 * x_2[i]
        for i in range(n):
            half = half_variance * z[i] * z[i]
            second[i] = half - 0.5
            out_j[i] = -half - shift


@kernel
def gaussian_mixture(
    logit, gate_factors, gate_basis, gate_segments, basis, y, own, density, factors, expert_segments, q_gate,
    w, m, work, order, totals, pull_gate, pull_expert,
    gate_block, gate_shared, gate_gram, block, shared_block, full, moments,
):  # fmt: skip
    """Do what :func:`gmoe.kernels.mixture.mixture` does, with each strip's densities made where they are used.

    ``density`` (k, >=STRIP) and ``factors`` (2, k, >=STRIP) are scratch. Other arguments as there.
    """
    total, design = 0.0, basis[0]
    gate_rows, expert_rows = (gate_factors, gate_basis, gate_segments), (factors, basis, expert_segments)
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        fill(n, lo, lo - lo, design, y, own, factors, density)
        total += strip(
            n, lo, lo - lo, logit, density, gate_rows, expert_rows, q_gate, own.shape[1], w, work, order, totals,
            pull_gate, pull_expert, gate_block, gate_shared, gate_gram, block, shared_block, full, moments,
        )  # fmt: skip
    return total


@kernel
def bend(own, moments, pull, mass, out):
    """Write the sums of weight times second derivative to the lower triangles of ``out`` (k, d + 2, d + 2).

    From those of the outer product of the design, of the derivatives, and of the weights themselves.
    """
    last = own.shape[1] - 1
    for j in range(own.shape[0]):
        inverse_sd = math.exp(-half_log_variance(own, j))
        for t in range(last):
            out[j, last, t] = -pull[0, j, t]
            for u in range(t + 1):
                out[j, t, u] = -moments[j, t, u] * inverse_sd * inverse_sd
        out[j, last, last] = -pull[1, j, 0] - 0.5 * mass[j]
