"""Exponential and logarithm that LLVM vectorises inside kernel loops.

numba from PyPI has no SVML, so ``math.exp`` in a loop is a scalar call (3 ns); these polynomial versions cost
a fraction of that.  They are compiled without ``reassoc``, which would cancel the two rounding steps
``(x + MAGIC) - MAGIC`` below.
"""

import numpy as np

from gmoe._jit import elementary

LOG2_E = 1.4426950408889634
# ln 2 split in two (Cody and Waite): k * LN2_HIGH is exact for |k| < 2**20.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
# 1.5 * 2**52: adding it rounds to an integer, which then sits in the low bits of the mantissa.
MAGIC = 6755399441055744.0
MAGIC_BITS = 0x4338000000000000
# Below exp(UNDERFLOW) = 4.6e-308 results are flushed to zero; from OVERFLOW on the last product is infinite.
UNDERFLOW = -707.7
OVERFLOW = 710.0
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
EXPONENT_MASK = -(1 << 52)


@elementary
def exp(x):
    """Exponential of a scalar: relative error below 3e-16, 0 where the result would be subnormal, nan kept."""
    # Written so that a comparison with nan keeps nan.
    clipped = UNDERFLOW if x < UNDERFLOW else x
    clipped = OVERFLOW if clipped > OVERFLOW else clipped
    shifted = clipped * LOG2_E + MAGIC
    k = shifted - MAGIC
    r = clipped - k * LN2_HIGH
    r = r - k * LN2_LOW
    # Interpolation of (exp(r) - 1 - r) / r**2 at Chebyshev nodes of |r| <= ln(2) / 2: relative error of exp 1.6e-17.
    p = 2.51003758422236995e-08
    p = p * r + 2.76200758925481640e-07
    p = p * r + 2.75572684802897162e-06
    p = p * r + 2.48015213223422815e-05
    p = p * r + 1.98412698630405585e-04
    p = p * r + 1.38888889171967359e-03
    p = p * r + 8.33333333333006500e-03
    p = p * r + 4.16666666666241636e-02
    p = p * r + 1.66666666666666685e-01
    p = p * r + 5.00000000000000111e-01
    p = p * r + 1.0
    p = p * r + 1.0
    # 2**(k-1), doubled afterwards, since 2**1024 is not a number and exp(709.7) is.
    bits = (np.float64(shifted).view(np.int64) - MAGIC_BITS + 1022) << 52
    value = p * np.int64(bits).view(np.float64) * 2.0
    return 0.0 if x < UNDERFLOW else value


@elementary
def log(x):
    """Logarithm of a positive normal scalar, within 1 unit in the last place (the fdlibm polynomial)."""
    bits = np.float64(x).view(np.int64)
    k = (bits - SQRT_HALF_BITS) & EXPONENT_MASK
    f = np.int64(bits - k).view(np.float64) - 1.0
    k_float = np.float64(k >> 52)
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    half_square = 0.5 * f * f
    return k_float * LN2_HIGH - ((half_square - (s * (half_square + p * z) + k_float * LN2_LOW)) - f)
