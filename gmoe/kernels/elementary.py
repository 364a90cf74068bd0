"""Elementary functions that LLVM vectorises inside kernel loops.

numba from PyPI has no SVML, so ``math.exp`` in a loop is a scalar call (3 ns, a sine 11 ns); these polynomial versions
cost a fraction of that.  They are compiled without ``reassoc``, which would cancel the rounding steps such as
``(x + MAGIC) - MAGIC`` below.  Where a function must choose, it computes all and selects.
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
# Below exp(UNDERFLOW) = 4.6e-308 results are flushed to zero.
UNDERFLOW = -707.7
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
EXPONENT_MASK = -(1 << 52)
TWO_OVER_PI = 0.6366197723675814
# pi / 2 split in two, the first of 33 bits: k times it is exact for |k| < 2**20.
HALF_PI_HIGH = 1.5707963267341256
HALF_PI_LOW = 6.077100506506192e-11
# From here on neighbouring doubles are whole turns apart.
NO_ANGLE = 2.0**50
HALF_PI, QUARTER_PI = 1.5707963267948966, 0.7853981633974483
# tan(pi / 8) and tan(3 pi / 8)
TAN_LOW, TAN_HIGH = 0.41421356237309503, 2.414213562373095


@elementary
def exp(x):
    """Exponential of a scalar ``x <= 709``: relative error below 3e-16, 0 where it would be subnormal, nan kept.

    All arguments in the package are shifted to be negative, and what larger ones need costs a tenth of the time.
    """
    # Written so that a comparison with nan keeps nan.
    clipped = UNDERFLOW if x < UNDERFLOW else x
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
    bits = (np.float64(shifted).view(np.int64) - MAGIC_BITS + 1023) << 52
    value = p * np.int64(bits).view(np.float64)
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


@elementary
def sin(x):
    """Sine of a scalar: absolute error below 2e-16 for |x| < 1e6, then below |x| times 2e-16; see :func:`_angle`."""
    r, quarter = _angle(x)
    value = _cos_inside(r) if quarter & 1 else _sin_inside(r)
    return -value if quarter & 2 else value


@elementary
def cos(x):
    """Cosine of a scalar, to the accuracy of :func:`sin`."""
    r, quarter = _angle(x)
    value = _sin_inside(r) if quarter & 1 else _cos_inside(r)
    return -value if (quarter + 1) & 2 else value


@elementary
def _angle(x):
    """Return (r, quarter) with x = r + quarter pi / 2 and |r| <= pi / 4; both 0 beyond NO_ANGLE, r nan for inf, nan."""
    x = x - x if abs(x) > NO_ANGLE else x
    shifted = x * TWO_OVER_PI + MAGIC
    k = shifted - MAGIC
    r = x - k * HALF_PI_HIGH
    r = r - k * HALF_PI_LOW
    # The low bits are those of k in twos complement.
    return r, np.float64(shifted).view(np.int64)


@elementary
def _sin_inside(r):
    # Interpolation of (sin(r) - r) / r**3 at Chebyshev nodes in r**2: error of the sine 1e-17; the cosine's 5e-19.
    z = r * r
    p = -7.58669109419795817e-13
    p = p * z + 1.60585315167977585e-10
    p = p * z - 2.50521062318028370e-08
    p = p * z + 2.75573192193373122e-06
    p = p * z - 1.98412698412650626e-04
    p = p * z + 8.33333333333333148e-03
    p = p * z - 1.66666666666666657e-01
    return r + (z * r) * p


@elementary
def _cos_inside(r):
    z = r * r
    p = -1.13826236474746042e-11
    p = p * z + 2.08761461465586099e-09
    p = p * z - 2.75573172711451445e-07
    p = p * z + 2.48015872987645609e-05
    p = p * z - 1.38888888888873976e-03
    p = p * z + 4.16666666666666644e-02
    return 1.0 + z * (z * p - 0.5)


@elementary
def arctan(x):
    """Arctangent of a scalar: absolute error below 2e-16."""
    size = abs(x)
    # atan(a) = pi / 2 - atan(1 / a) = pi / 4 + atan((a - 1) / (a + 1))
    above, inside = size > TAN_HIGH, size <= TAN_LOW
    upper = -1.0 if above else (size if inside else size - 1.0)
    lower = size if above else (1.0 if inside else size + 1.0)
    start = HALF_PI if above else (0.0 if inside else QUARTER_PI)
    u = upper / lower
    z = u * u
    # Interpolation of (atan(u) - u) / u**3 at Chebyshev nodes in u**2: error of the arctangent 5e-18.
    p = -1.91768871190622602e-02
    p = p * z + 3.92316582955871893e-02
    p = p * z - 5.08544973794025981e-02
    p = p * z + 5.85814891280221003e-02
    p = p * z - 6.66451144738194751e-02
    p = p * z + 7.69218319082608654e-02
    p = p * z - 9.09090457812390257e-02
    p = p * z + 1.11111110152563614e-01
    p = p * z - 1.42857142846665425e-01
    p = p * z + 1.99999999999955214e-01
    p = p * z - 3.33333333333333315e-01
    value = start + (u + u * (z * p))
    return -value if x < 0.0 else value


@elementary
def normal_tail(a):
    """Mass of the standard normal above ``a >= 0`` over exp(-a**2 / 2).

    The error of the mass itself, and of a times the mass, is below 4.5e-16.  Beyond a = 10, where the mass is less than
    1e-23, it is the ratio at 10.
    """
    clipped = 10.0 if a > 10.0 else a
    s = 1.0 / (clipped + 5.0)
    t = (clipped - 5.0) * s
    # The ratio times (a + 5), fitted so that the error of a times the mass is even: 4e-18.
    p = 2.24194327310227312e-06
    p = p * t + 1.66287136860626546e-05
    p = p * t + 3.25133578724656351e-05
    p = p * t - 4.11713518490004586e-05
    p = p * t - 6.38993293421458055e-05
    p = p * t + 5.31736811264858344e-04
    p = p * t - 8.10867480115039360e-04
    p = p * t - 3.00135690826127885e-03
    p = p * t + 2.07916995477210632e-02
    p = p * t - 6.91196382704058615e-02
    p = p * t + 1.65020159196871213e-01
    p = p * t - 3.13533185569746464e-01
    p = p * t + 4.95305613427303615e-01
    p = p * t - 6.65382503013420390e-01
    p = p * t + 7.69193049747683655e-01
    return p * s


@elementary
def artanh_third(s):
    """Inverse hyperbolic tangent of ``0 <= s <= 1 / 3``: relative error below 4e-16."""
    # Interpolation of (artanh(s) - s) / s**3 at Chebyshev nodes in s**2: error 2e-18.
    z = s * s
    p = 8.08202280597176553e-02
    p = p * z + 4.40036924307233707e-02
    p = p * z + 6.00053640479535633e-02
    p = p * z + 6.65707210482746753e-02
    p = p * z + 7.69278503247931150e-02
    p = p * z + 9.09089471806642929e-02
    p = p * z + 1.11111113587139321e-01
    p = p * z + 1.42857142835543793e-01
    p = p * z + 2.00000000000072925e-01
    p = p * z + 3.33333333333333315e-01
    return s + s * (z * p)
