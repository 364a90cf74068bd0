"""Probabilities that one of several scores with independent standard normal noise is the largest.

Given the own noise z of expert j the others are independent: its probability is the integral over z of

    phi(z) prod_l Phi(score_j - score_l + z)

where l goes through all others.  The integrand is log-concave, and at least as narrow as a normal density, so that the
trapezoidal rule about its maximum is exact to the last digits, however small the integral is.
"""

import math

import numpy as np

from gmoe._jit import inlined, kernel
from gmoe.kernels.elementary import exp, log

# Observations at a time, whose rows stay in the first-level cache.
STRIP = 128
ROOT = math.sqrt(2.0 * math.pi)
# How far the rule goes from the maximum, and the logarithm of its relative error: as much is lost beyond.
REACH, LOG_ERROR = 8.5, 37.0
# Newton's steps to that maximum: where exactly the rule is centred does not matter.
STEPS = 4


@kernel
def largest(score, log_p, mean, second):
    """Write the logs of the probabilities, and derivatives in the differences ``score_j - score_l``.

    Parameters
    ----------
    score : (k, m)
    log_p : out (k, m)
    mean : out (k, k, m), first derivatives of log_p[j] in the difference to l; 0 for l = j
    second : out (k, k, k, m), lower triangles of the second ones; or of length 0, where they are not wanted
    """
    k, m = score.shape
    # Each factor Phi grows along the imaginary axis as fast as phi does.
    step = math.pi * math.sqrt(2.0 / (k * LOG_ERROR))
    n_nodes = int(math.ceil(REACH / step))
    z, there, top, total, weight, product, power, factor = np.empty((8, STRIP))
    at, ratio = np.zeros((k, STRIP)), np.empty((k, STRIP))
    mean[:] = 0.0
    second[:] = 0.0
    for lo in range(0, m, STRIP):
        n = min(STRIP, m - lo)
        for j in range(k):
            _maximum(n, lo, j, score, z, top, product, power, factor, at, ratio)
            for i in range(n):
                total[i] = 0.0
            for node in range(-n_nodes, n_nodes + 1):
                for i in range(n):
                    there[i] = z[i] + step * node
                _factors(n, lo, j, score, there, product, power, factor, at, ratio)
                for i in range(n):
                    weight[i] = product[i] * exp(power[i] - top[i])
                for i in range(n):
                    total[i] += weight[i]
                for one in range(k):
                    out, h = mean[j, one, lo : lo + n], ratio[one]
                    for i in range(n):
                        out[i] += weight[i] * h[i]
                    for other in range(one + 1 if len(second) else 0):
                        out = second[j, one, other, lo : lo + n]
                        # Of one factor: the second derivative of Phi, over Phi.
                        last = at[one] if other == one else ratio[other]
                        sign = -1.0 if other == one else 1.0
                        for i in range(n):
                            out[i] += sign * weight[i] * h[i] * last[i]
            out = log_p[j, lo : lo + n]
            for i in range(n):
                out[i] = top[i] + log(total[i] * (step / ROOT))
            for one in range(k):
                first = mean[j, one, lo : lo + n]
                for i in range(n):
                    first[i] /= total[i]
                for other in range(one + 1 if len(second) else 0):
                    out, last = second[j, one, other, lo : lo + n], mean[j, other, lo : lo + n]
                    for i in range(n):
                        out[i] = out[i] / total[i] - first[i] * last[i]


@inlined
def _maximum(n, lo, j, score, z, top, product, power, factor, at, ratio):
    """Write where the integrand is largest, and the logarithm of about its value there.

    The slope of the logarithm falls in z and is convex, and it is positive at the start: Newton's method rises to its
    zero.
    """
    own = score[j, lo : lo + n]
    for i in range(n):
        z[i] = 0.0
    for other in range(score.shape[0]):
        rival = score[other, lo : lo + n]
        for i in range(n):
            ahead = 0.5 * (rival[i] - own[i])
            z[i] = ahead if ahead > z[i] else z[i]
    for _ in range(STEPS):
        _factors(n, lo, j, score, z, product, power, factor, at, ratio)
        for i in range(n):
            top[i] = power[i] + log(product[i])
        for i in range(n):
            power[i] = -z[i]
        for i in range(n):
            product[i] = 1.0
        for other in range(score.shape[0]):
            h, x = ratio[other], at[other]
            for i in range(n):
                power[i] += h[i]
            for i in range(n):
                product[i] += h[i] * (x[i] + h[i])
        for i in range(n):
            z[i] += power[i] / product[i]


@inlined
def _factors(n, lo, j, score, z, product, power, factor, at, ratio):
    """Write the integrand, ``product * exp(power) / ROOT``, and of each factor its argument and phi / Phi."""
    for i in range(n):
        product[i] = 1.0
    for i in range(n):
        power[i] = -0.5 * z[i] * z[i]
    # Slices of one row: those of several have no known stride, and their loops do not vectorise.
    own = score[j, lo : lo + n]
    for other in range(score.shape[0]):
        rival, h, x = score[other, lo : lo + n], ratio[other], at[other]
        if other == j:
            for i in range(n):
                h[i] = 0.0
            continue
        # Loops that write one row each: x, the density, and Phi over it where x is negative.
        for i in range(n):
            x[i] = own[i] - rival[i] + z[i]
        for i in range(n):
            h[i] = exp(-0.5 * x[i] * x[i])
        for i in range(n):
            tail = _tail(abs(x[i]))
            factor[i] = tail if x[i] < 0.0 else 1.0 - h[i] * tail
        for i in range(n):
            product[i] *= factor[i]
        for i in range(n):
            power[i] -= 0.5 * x[i] * x[i] if x[i] < 0.0 else 0.0
        for i in range(n):
            h[i] = (1.0 if x[i] < 0.0 else h[i]) / (ROOT * factor[i])


@inlined
def _tail(size):
    """Mass of the standard normal above ``size >= 0`` over exp(-size**2 / 2), within 1e-15 of itself however far out.

    The activations' :func:`normal_tail` has the mass, but far out not the ratio, to the last digits.
    """
    s = 1.0 / (size + 5.0)
    t = (size - 5.0) * s
    # The ratio times (size + 5), by Chebyshev polynomials: 2e-17.
    p = 1.2469361647253148e-10
    p = p * t - 1.331210743010702e-10
    p = p * t - 1.5336075571599545e-09
    p = p * t + 1.2713759260278231e-09
    p = p * t + 1.1239006700979712e-08
    p = p * t - 6.940847374044867e-09
    p = p * t - 7.037836390945866e-08
    p = p * t + 3.8571448567257587e-08
    p = p * t + 4.3630855178173227e-07
    p = p * t - 3.335427141231054e-07
    p = p * t - 2.7706673577333692e-06
    p = p * t + 3.979361513829216e-06
    p = p * t + 1.6681606239553063e-05
    p = p * t - 4.9762327924579515e-05
    p = p * t - 5.937579729300215e-05
    p = p * t + 0.0005448989683735629
    p = p * t - 0.000797869391016416
    p = p * t - 0.002993376758978478
    p = p * t + 0.020795066799424885
    p = p * t - 0.06911863870707162
    p = p * t + 0.16502036617039925
    p = p * t - 0.3135331566712814
    p = p * t + 0.49530561596997624
    p = p * t - 0.665382502890057
    p = p * t + 0.769193049750063
    return p * s
