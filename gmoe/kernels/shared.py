"""Sums for the one parameter that all experts share, the log t of a temperature that divides the bent part of a logit.

With B_j that part (``bend``), d logit_j / dt = -B_j and d2 logit_j / dt2 = B_j; the derivative of -B_j in expert j's
own bent coefficients is -slope_j x. In the notation of :mod:`gmoe.kernels.accumulate`, and R = sum r_j B_j,
P = sum p_j B_j,

    score          -sum c_j B_j                                    with c_j = w (r_j - p_j)
    Hessian, t t   w [sum r_j B_j**2 - R**2] - w [sum p_j B_j**2 - P**2] + sum c_j B_j
    Hessian, t j   -w r_j (B_j - R) v_j + w p_j (B_j - P) Phi_j - c_j slope_j x
"""

from gmoe._jit import kernel


@kernel
def shared_score(lo, n, bend, work, c, g_shared):
    """Gradient in t."""
    for j in range(bend.shape[0]):
        bend_j = bend[j, lo : lo + n]
        total = 0.0
        for i in range(n):
            total += work[c + j, i] * bend_j[i]
        g_shared[0] -= total


@kernel
def shared_moments(lo, n, bend, weight, work, p, r, c, row, g_shared):
    """Fill rows ``row``, ``row + 1`` with R and P, and add the sums in t alone: Hessian, complete-data information."""
    for i in range(n):
        work[row, i] = 0.0
    for i in range(n):
        work[row + 1, i] = 0.0
    square_r, square_p, linear = 0.0, 0.0, 0.0
    for j in range(bend.shape[0]):
        bend_j = bend[j, lo : lo + n]
        for i in range(n):
            work[row, i] += work[r + j, i] * bend_j[i]
        for i in range(n):
            work[row + 1, i] += work[p + j, i] * bend_j[i]
        for i in range(n):
            square_r += weight[i] * work[r + j, i] * bend_j[i] * bend_j[i]
        for i in range(n):
            square_p += weight[i] * work[p + j, i] * bend_j[i] * bend_j[i]
        for i in range(n):
            linear += work[c + j, i] * bend_j[i]
    for i in range(n):
        square_r -= weight[i] * work[row, i] * work[row, i]
    for i in range(n):
        square_p -= weight[i] * work[row + 1, i] * work[row + 1, i]
    g_shared[1] += square_r - square_p + linear
    g_shared[2] += square_p


@kernel
def shared_information(lo, n, j, bend, work, p, s, v, row, q_gate, shared_gate):
    """Add the sum of -w p_j (B_j - P) Phi_j; row s is sqrt(w), rows v are sqrt(w) Phi_j."""
    bend_j = bend[j, lo : lo + n]
    for i in range(n):
        work[row + 2, i] = work[p + j, i] * work[s, i] * (bend_j[i] - work[row + 1, i])
    for t in range(q_gate):
        total = 0.0
        for i in range(n):
            total += work[row + 2, i] * work[v + t, i]
        shared_gate[j, t] -= total


@kernel
def shared_cross(lo, n, j, bend, work, r, s, v, row, b, shared_block):
    """Add the sum of -w r_j (B_j - R) v_j; row s is sqrt(w), rows v are sqrt(w) v_j."""
    bend_j = bend[j, lo : lo + n]
    for i in range(n):
        work[row + 2, i] = work[r + j, i] * work[s, i] * (bend_j[i] - work[row, i])
    for t in range(b):
        total = 0.0
        for i in range(n):
            total += work[row + 2, i] * work[v + t, i]
        shared_block[j, t] -= total
