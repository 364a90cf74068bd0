"""From the sums of :mod:`gmoe.kernels.mixture` to the Hessian of the parameter vector."""

from gmoe._jit import kernel


@kernel
def spread(lower, at, sign, out):
    """Add a symmetric matrix, of which the lower triangle is given, to where its parameters are in ``out`` (P, P)."""
    for a in range(at.shape[0]):
        for b in range(a):
            out[at[a], at[b]] += sign * lower[a, b]
            out[at[b], at[a]] += sign * lower[a, b]
        out[at[a], at[a]] += sign * lower[a, a]


@kernel
def spread_shared(rows, count, own, at, sign, out):
    """Do the same with rows of shared parameters, the last ``count`` in ``at``, of which the first ``own`` are own."""
    n = at.shape[0]
    for a in range(count):
        to = at[n - count + a]
        for b in range(own):
            out[to, at[b]] += sign * rows[a, b]
            out[at[b], to] += sign * rows[a, b]
        for b in range(n - count, n):
            out[to, at[b]] += sign * rows[a, b]


@kernel
def hessian(
    gate_block, gate_shared, gate_gram, block, shared_block, full, bend_gate, bend_expert,
    n_own, at_gate, at_expert, at_gram, at_both, out,
):  # fmt: skip
    """Put the sums together into ``out`` (P, P), which must be 0: both triangles.

    ``at_gate``, ``at_expert`` and ``at_both`` say where the parameters of A_j, F_j and V_j are, ``at_gram`` those of q.
    """
    q_gate, own = n_own[0], n_own[0] + n_own[1]
    s_gate, shared = at_gate.shape[1] - q_gate, at_both.shape[1] - own
    for a in range(out.shape[0]):
        for b in range(a):
            out[a, b] = out[b, a] = -full[a, b]
        out[a, a] = -full[a, a]
    spread(gate_gram, at_gram, 1.0, out)
    for j in range(at_both.shape[0]):
        spread(block[j], at_both[j, :own], 1.0, out)
        spread_shared(shared_block[j], shared, own, at_both[j], 1.0, out)
        spread(gate_block[j], at_gate[j, :q_gate], -1.0, out)
        spread_shared(gate_shared[j], s_gate, q_gate, at_both[j, : own + s_gate], -1.0, out)
        spread(bend_gate[j], at_gate[j], 1.0, out)
        spread(bend_expert[j], at_expert[j], 1.0, out)
