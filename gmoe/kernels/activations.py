"""Activations that bend: value and slope in one loop each, over flat arrays.

The two are what every pass over the data needs; they share their work and the way to memory: 0.7 (arctan) to 1.6 ns
(sin) per value, where NumPy takes 2 to 12.  Absolute errors, of some 1e-16, are what counts in a logit.
"""

import math

from gmoe._jit import kernel
from gmoe.kernels import elementary
from gmoe.kernels.elementary import artanh_third, cos, exp, normal_tail

PEAK = 1.0 / math.sqrt(2.0 * math.pi)
# Beyond it nothing is left of exp(-a**2 / 2), and inf times nothing would be nan.
FAR = 40.0


@kernel
def sigmoid(z, value, slope):
    """1 / (1 + exp(-z))."""
    for i in range(z.shape[0]):
        e = exp(-abs(z[i]))
        larger = 1.0 / (1.0 + e)
        value[i] = larger if z[i] > 0.0 else e * larger
        slope[i] = e * larger * larger


@kernel
def tanh(z, value, slope):
    """Hyperbolic tangent."""
    for i in range(z.shape[0]):
        e = exp(-2.0 * abs(z[i]))
        inverse = 1.0 / (1.0 + e)
        size = (1.0 - e) * inverse
        value[i] = -size if z[i] < 0.0 else size
        slope[i] = 4.0 * e * inverse * inverse


@kernel
def arctan(z, value, slope):
    """Arctangent."""
    for i in range(z.shape[0]):
        value[i] = elementary.arctan(z[i])
        slope[i] = 1.0 / (1.0 + z[i] * z[i])


@kernel
def sin(z, value, slope):
    """Sine."""
    for i in range(z.shape[0]):
        value[i] = elementary.sin(z[i])
        slope[i] = cos(z[i])


@kernel
def softplus(z, value, slope):
    """log(1 + exp(z))."""
    for i in range(z.shape[0]):
        e = exp(-abs(z[i]))
        # log(1 + e) = 2 artanh(e / (2 + e)): one division for this quotient and that of the slope.
        inverse = 1.0 / ((1.0 + e) * (2.0 + e))
        larger = (2.0 + e) * inverse
        value[i] = (0.0 if z[i] < 0.0 else z[i]) + 2.0 * artanh_third(e * (1.0 + e) * inverse)
        slope[i] = larger if z[i] > 0.0 else e * larger


@kernel
def silu(z, value, slope):
    """Z / (1 + exp(-z))."""
    for i in range(z.shape[0]):
        e = exp(-abs(z[i]))
        larger = 1.0 / (1.0 + e)
        s = larger if z[i] > 0.0 else e * larger
        value[i] = z[i] * s
        slope[i] = s + z[i] * (e * larger * larger)


@kernel
def gelu(z, value, slope):
    """Z times the standard normal mass below z."""
    for i in range(z.shape[0]):
        a = abs(z[i])
        a = FAR if a > FAR else a
        e = exp(-0.5 * a * a)
        tail = e * normal_tail(a)
        value[i] = (0.0 if z[i] < 0.0 else z[i]) - a * tail
        below = tail - a * (e * PEAK)
        slope[i] = 1.0 - below if z[i] > 0.0 else below


@kernel
def leaky_relu(z, leak, value, slope):
    """Z above 0, ``leak`` times z below."""
    for i in range(z.shape[0]):
        factor = 1.0 if z[i] > 0.0 else leak
        value[i] = factor * z[i]
        slope[i] = factor
