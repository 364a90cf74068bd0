"""Gaussian experts of several responses: log-densities and factors of their derivatives over a block.

With residuals e, the standardised innovations z_a = (e_a - sum_b<a T_ab e_b) / sd_a are independent.  With u_a = z_a /
sd_a the derivatives are (u_c - sum_a>c T_ac u_a) x in the mean of response c, (z_a**2 - 1) / 2 in the log variance of
an innovation, and u_a e_b in T_ab.
"""

import math

from gmoe._jit import kernel
from gmoe.kernels.gaussian import LOG_2_PI
from gmoe.kernels.rows import STRIP


@kernel
def fill(m, design, y, coef, log_sd, mix, places, factors, out, work):
    """Write log-densities of ``m`` observations, and the factors of their derivatives.

    Parameters
    ----------
    design : (q, >=m) features with a constant 1; y : (p, >=m)
    coef, log_sd, mix : (k, p, q), (k, p) and (k, p, p), strictly lower triangles of T
    places : (p + p (p - 1) / 2,) int
        Which covariance parameter each innovation's log variance, and then each T_ab row by row, is; -1 for none.
    factors : (p + covariance parameters, k, >=m)
    out : (k, >=m)
    work : (2 p + 1, >=STRIP) scratch
    """
    p = y.shape[0]
    half = 2 * p
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        for j in range(coef.shape[0]):
            density = out[j, lo : lo + n]
            shift = 0.5 * p * (LOG_2_PI + 1.0)
            for a in range(p):
                shift += log_sd[j, a]
            for i in range(n):
                density[i] = -shift
            for t in range(p, factors.shape[0]):
                factor = factors[t, j, lo : lo + n]
                for i in range(n):
                    factor[i] = 0.0
            for a in range(p):
                y_a, c = y[a, lo : lo + n], coef[j, a, 0]
                for i in range(n):
                    work[a, i] = y_a[i] - c
                for t in range(1, design.shape[0]):
                    x, c = design[t, lo : lo + n], coef[j, a, t]
                    for i in range(n):
                        work[a, i] -= c * x[i]
            entry = p
            for a in range(p):
                inverse_sd = math.exp(-log_sd[j, a])
                for i in range(n):
                    work[p + a, i] = work[a, i]
                for b in range(a):
                    c = mix[j, a, b]
                    if c != 0.0:
                        for i in range(n):
                            work[p + a, i] -= c * work[b, i]
                for i in range(n):
                    work[p + a, i] *= inverse_sd
                for i in range(n):
                    work[half, i] = 0.5 * work[p + a, i] * work[p + a, i] - 0.5
                for i in range(n):
                    density[i] -= work[half, i]
                factor = factors[p + places[a], j, lo : lo + n]
                for i in range(n):
                    factor[i] += work[half, i]
                for i in range(n):
                    work[p + a, i] *= inverse_sd
                for b in range(a):
                    if places[entry] >= 0:
                        factor = factors[p + places[entry], j, lo : lo + n]
                        for i in range(n):
                            factor[i] += work[p + a, i] * work[b, i]
                    entry += 1
            for c in range(p):
                factor = factors[c, j, lo : lo + n]
                for i in range(n):
                    factor[i] = work[p + c, i]
                for a in range(c + 1, p):
                    t_ac = mix[j, a, c]
                    if t_ac != 0.0:
                        for i in range(n):
                            factor[i] -= t_ac * work[p + a, i]
