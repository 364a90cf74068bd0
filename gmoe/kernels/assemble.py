"""From the sums of :mod:`gmoe.kernels.accumulate` to the gradient and the Hessian of the parameter vector.

The parameter vector has one row per expert, (gate intercept, gate_coef, intercept, coef, log_sd), and at its end the
log of a shared temperature, where there is one.
"""

import math

from gmoe._jit import kernel


@kernel
def gradient(g_gate, g_expert, g_scalar, log_sd, q_gate, q_expert, out):
    """Gradient of the log-likelihood into ``out`` (k, q_gate + q_expert + 1)."""
    for j in range(out.shape[0]):
        inverse_sd = math.exp(-log_sd[j])
        for t in range(q_gate):
            out[j, t] = g_gate[j, t]
        for t in range(q_expert):
            out[j, q_gate + t] = g_expert[j, t] * inverse_sd
        out[j, q_gate + q_expert] = g_scalar[0, j]


@kernel
def hessian(
    g_expert, g_scalar, g_shared, expert_block, gate_block, gate_gram, shared_gate, block, full, shared_block,
    log_sd, q_gate, q_expert, out,
):  # fmt: skip
    """Observed Hessian into ``out`` (P, P), both triangles."""
    b = q_gate + q_expert + 1
    k = log_sd.shape[0]
    for i in range(k * b):
        for j in range(i + 1):
            out[i, j] = -full[i, j]
    for j in range(k):
        for i in range(b):
            for t in range(i + 1):
                out[j * b + i, j * b + t] += block[j, i, t]
        for i in range(q_gate):
            for t in range(i + 1):
                out[j * b + i, j * b + t] -= gate_block[j, i, t]
            for h in range(j + 1):
                for t in range(i + 1 if h == j else q_gate):
                    out[j * b + i, h * b + t] += gate_gram[j * q_gate + i, h * q_gate + t]
        inverse_sd = math.exp(-log_sd[j])
        e = j * b + q_gate
        last = e + q_expert
        for i in range(q_expert):
            for t in range(i + 1):
                out[e + i, e + t] -= expert_block[j, i, t] * inverse_sd * inverse_sd
            out[last, e + i] -= 2.0 * g_expert[j, i] * inverse_sd
        out[last, last] -= 2.0 * (g_scalar[0, j] + g_scalar[1, j])
    if out.shape[0] > k * b:
        for j in range(k):
            for t in range(b):
                out[k * b, j * b + t] = shared_block[j, t]
            for t in range(q_gate):
                out[k * b, j * b + t] -= shared_gate[j, t]
        out[k * b, k * b] = g_shared[1]
    for i in range(out.shape[0]):
        for j in range(i):
            out[j, i] = out[i, j]
