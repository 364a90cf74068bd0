"""The package's own elementary functions, as kernels see them: inlined in a loop that may reorder sums."""

import inspect
import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.caching import NullCache

from gmoe._jit import kernel
from gmoe.kernels import activations, elementary

EPS = 2.0**-52
TINY = np.finfo(float).tiny


@kernel
def exp_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.exp(values[i])


@kernel
def log_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.log(values[i])


@kernel
def sin_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.sin(values[i])


@kernel
def cos_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.cos(values[i])


@kernel
def arctan_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.arctan(values[i])


@kernel
def tail_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.normal_tail(values[i])


@kernel
def artanh_rows(values, out):
    for i in range(values.shape[0]):
        out[i] = elementary.artanh_third(values[i])


@kernel
def exp_of_sum(a, b, out):
    """The argument is a sum that reassoc may merge with the rounding steps of an inlined exp."""
    for i in range(a.shape[0]):
        out[i] = elementary.exp(a[i] + b[i] - 1.0)


def rows(function, *arrays):
    arrays = [np.atleast_1d(np.asarray(a, dtype=float)) for a in arrays]
    out = np.empty_like(arrays[0])
    function(*arrays, out)
    return out


def largest_error(values, results, exact):
    """Largest relative error, in 40 digits: np.exp itself is off by half a unit in the last place."""
    with mpmath.workdps(40):
        return max(
            float(abs(mpmath.mpf(float(r)) / exact(mpmath.mpf(float(v))) - 1))
            for v, r in zip(values, results, strict=True)
        )


def largest_difference(values, results, exact, scale=1.0):
    """Largest absolute error times ``scale`` (one number or one per value), in 40 digits."""
    with mpmath.workdps(40):
        errors = [
            float(abs(mpmath.mpf(float(r)) - exact(mpmath.mpf(float(v))))) for v, r in zip(values, results, strict=True)
        ]
    return np.max(np.array(errors) * scale)


def exp_arguments():
    rng = np.random.default_rng(0)
    halves = (np.arange(-1018, 1022) + 0.5) * math.log(2.0)  # where the rounding to an integer turns
    near = np.concatenate([halves, np.nextafter(halves, np.inf), np.nextafter(halves, -np.inf)])
    small = np.concatenate([s * 10.0 ** np.linspace(-300, 0, 200) for s in (1.0, -1.0)])
    inside = near[(near > -707.7) & (near < 709.0)]
    return np.concatenate([rng.uniform(-707.7, 709.0, 4000), rng.uniform(-1, 1, 2000), small, inside, [0.0, -0.0]])


@pytest.mark.parametrize("through_sum", [False, True])
def test_exp_is_accurate_over_the_whole_range(through_sum):
    x = exp_arguments()
    if through_sum:
        # A sum with reassociation may round otherwise than NumPy's; on a grid of 2**-20 no sum rounds at all.
        x = np.round(x * 2.0**20) / 2.0**20
        x = x[(x > -707.7) & (x < 709.0)]
        results = rows(exp_of_sum, x - 2.0, np.full(x.size, 3.0))
    else:
        results = rows(exp_rows, x)
    # 1.6e-17 of the polynomial, half a unit (1.1e-16) of the last sum, and what its argument's rounding leaves.
    assert largest_error(x, results, mpmath.exp) < 3e-16


def test_exp_below_the_range():
    below = [-707.71, -708.4, -745.0, -746.0, -1e4, -1e300, -np.inf]
    assert np.array_equal(rows(exp_rows, below), np.zeros(len(below)))
    assert np.isnan(rows(exp_rows, [np.nan, 0.0])).tolist() == [True, False]
    assert rows(exp_rows, [-707.7])[0] >= TINY  # the last value kept is a normal number
    assert np.isfinite(rows(exp_rows, [709.0]))[0]


def test_exp_of_zero_is_one():
    # Gate probabilities of one expert rely on it.
    assert rows(exp_rows, [0.0, -0.0]).tolist() == [1.0, 1.0]


def test_log_is_accurate_on_normal_numbers():
    rng = np.random.default_rng(1)
    exponents = 2.0 ** np.arange(-1022, 1024)
    near_one = 1.0 + np.concatenate([s * 2.0 ** -np.arange(1.0, 53.0) for s in (1.0, -0.5)])
    seam = np.sqrt(0.5) * exponents[1:]  # where the exponent turns
    x = np.concatenate([
        np.exp(rng.uniform(-708, 709, 4000)), rng.uniform(0.5, 2.0, 2000), exponents, near_one, seam,
        np.nextafter(seam, 0), [TINY, np.finfo(float).max],
    ])  # fmt: skip
    x = x[x != 1.0]
    # Below 1 unit in the last place, which is at most EPS of the value; relative also near 1, where log is near 0.
    assert largest_error(x, rows(log_rows, x), mpmath.log) < EPS
    assert rows(log_rows, [1.0])[0] == 0.0


def angles():
    rng = np.random.default_rng(2)
    turns = np.arange(-2000.0, 2000.0) * (math.pi / 4)  # zeros, extrema, and where the quarter turns
    spread = [rng.uniform(-size, size, 2000) for size in (1.0, 10.0, 1e3, 1e6)]
    small = np.concatenate([s * 10.0 ** np.linspace(-300, 0, 100) for s in (1.0, -1.0)])
    return np.concatenate([turns, np.nextafter(turns, np.inf), np.nextafter(turns, -np.inf), small, *spread])


@pytest.mark.parametrize(("function", "exact"), [(sin_rows, mpmath.sin), (cos_rows, mpmath.cos)])
def test_sine_and_cosine(function, exact):
    # Half a unit in the last place of 1 (1.1e-16), 1e-17 of the polynomial, and its roundings where nothing is fused.
    x = angles()
    assert largest_difference(x, rows(function, x), exact) < 2e-16
    # Beyond, the last place of the argument, by which it is uncertain anyway: half a unit where products are fused.
    far = np.random.default_rng(3).uniform(6, 15, 2000)
    far = np.where(np.arange(2000) % 2, 1.0, -1.0) * 10.0**far
    assert largest_difference(far, rows(function, far), exact, 1.0 / np.abs(far)) < EPS


def test_sine_and_cosine_at_the_ends():
    beyond = [2.0**51, -1e16, 1e300, -np.finfo(float).max]
    assert rows(sin_rows, [0.0, *beyond]).tolist() == [0.0] * 5
    assert rows(cos_rows, [0.0, *beyond]).tolist() == [1.0] * 5
    for function in (sin_rows, cos_rows):
        with np.errstate(invalid="ignore"):  # without compilation NumPy warns
            ends = rows(function, [np.nan, np.inf, -np.inf, 0.0])
        assert np.isnan(ends).tolist() == [True] * 3 + [False]


def test_arctan():
    rng = np.random.default_rng(4)
    seams = np.array([math.tan(math.pi / 8), math.tan(3 * math.pi / 8), 1.0])
    sizes = np.concatenate([
        rng.uniform(0, 3, 3000), 10.0 ** rng.uniform(-300, 300, 1000), seams, np.nextafter(seams, 0),
        np.nextafter(seams, 9), [0.0],
    ])  # fmt: skip
    results = rows(arctan_rows, sizes)
    # Half a unit in the last place of the result (1.1e-16 above 1), that of the quotient, and pi / 2's own rounding.
    assert largest_difference(sizes, results, mpmath.atan) < 2.5e-16
    assert np.array_equal(rows(arctan_rows, -sizes), -results)
    assert rows(arctan_rows, [np.inf, -np.inf]).tolist() == [math.pi / 2, -math.pi / 2]
    assert np.isnan(rows(arctan_rows, [np.nan]))[0]


def test_normal_tail():
    a = np.concatenate([np.linspace(0, 12, 4000), np.random.default_rng(5).uniform(0, 3, 2000), [0.0, 9.999, 10.0]])
    with mpmath.workdps(40):
        ratio = lambda v: mpmath.ncdf(-v) * mpmath.exp(v * v / 2)  # noqa: E731
    # Of the mass, and of a times the mass: what the rounding of t and of the largest sums leaves.
    assert largest_difference(a, rows(tail_rows, a), ratio, np.exp(-0.5 * a * a) * np.maximum(a, 1.0)) < 4.5e-16
    assert rows(tail_rows, [10.0, 40.0, np.inf]).tolist() == rows(tail_rows, [10.0] * 3).tolist()
    assert np.isnan(rows(tail_rows, [np.nan]))[0]


def test_artanh_of_at_most_a_third():
    s = np.concatenate([np.linspace(1e-9, 1 / 3, 3000), 10.0 ** np.linspace(-300, -1, 300)])
    # Two roundings, of which the last is half a unit.
    assert largest_error(s, rows(artanh_rows, s), mpmath.atanh) < 2 * EPS
    assert rows(artanh_rows, [0.0])[0] == 0.0


ACTIVATIONS = {
    "sigmoid": (lambda z: 1 / (1 + mpmath.exp(-z)), lambda z: mpmath.sech(z / 2) ** 2 / 4),
    "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2),
    "arctan": (mpmath.atan, lambda z: 1 / (1 + z * z)),
    "sin": (mpmath.sin, mpmath.cos),
    "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), lambda z: 1 / (1 + mpmath.exp(-z))),
    "silu": (
        lambda z: z / (1 + mpmath.exp(-z)),
        lambda z: 1 / (1 + mpmath.exp(-z)) + z * mpmath.sech(z / 2) ** 2 / 4,
    ),
    "gelu": (lambda z: z * mpmath.ncdf(z), lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_kernels(name):
    rng = np.random.default_rng(6)
    z = np.concatenate([rng.normal(size=1000) * 3, rng.uniform(-700, 700, 300), rng.uniform(-40, 40, 500), [0.0]])
    value, slope = np.empty_like(z), np.empty_like(z)
    getattr(activations, name)(z, value, slope)
    exact_value, exact_slope = ACTIVATIONS[name]
    # A few roundings of numbers of the size of the result or 1.
    assert largest_difference(z, value, exact_value, 1.0 / np.maximum(1.0, np.abs(z))) < 2 * EPS
    assert largest_difference(z, slope, exact_slope) < 3 * EPS


@given(st.lists(st.floats(width=64), min_size=1, max_size=40))
def test_vectors_equal_scalars(values):
    # A vector loop has a scalar remainder; both must round alike, or results depend on where a block ends.
    together = rows(exp_rows, values)
    alone = np.array([rows(exp_rows, v)[0] for v in values])
    assert np.array_equal(together, alone, equal_nan=True)
    positive = np.abs([v for v in values if np.isfinite(v) and abs(v) >= TINY])
    if positive.size:
        assert np.array_equal(rows(log_rows, positive), [rows(log_rows, v)[0] for v in positive])


VECTORISED = [exp_rows, log_rows, *(getattr(activations, name) for name in (*ACTIVATIONS, "leaky_relu"))]


@pytest.mark.parametrize("function", VECTORISED, ids=lambda f: f.__name__)
def test_loops_vectorise(function):
    # The reason for which these functions exist. Two doubles at a time is what any 64-bit processor offers.
    if not hasattr(function, "inspect_llvm"):
        pytest.skip("NUMBA_DISABLE_JIT is set, so there is no machine code to read")
    # Compiled anew: of code from the cache there is nothing to read.
    compiled = kernel(function.py_func)
    compiled._cache = NullCache()
    z = np.array([1.0])
    settings = [0.5] if "leaky" in function.__name__ else []
    compiled(
        z,
        *settings,
        *(z.copy() for _ in range(len(inspect.signature(function.py_func).parameters) - 1 - len(settings))),
    )
    [code] = compiled.inspect_llvm().values()
    assert re.search(r"fmul [^<]*<\d+ x double>", code)
