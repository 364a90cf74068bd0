"""The package's own exp and log, as the kernels see them: inlined in a loop that may reorder sums."""

import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.caching import NullCache

from gmoe._jit import kernel
from gmoe.kernels import elementary

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


def exp_arguments():
    rng = np.random.default_rng(0)
    halves = (np.arange(-1018, 1023) + 0.5) * math.log(2.0)  # where the rounding to an integer turns
    near = np.concatenate([halves, np.nextafter(halves, np.inf), np.nextafter(halves, -np.inf)])
    small = np.concatenate([s * 10.0 ** np.linspace(-300, 0, 200) for s in (1.0, -1.0)])
    inside = near[(near > -707.7) & (near < 709.78)]
    return np.concatenate([rng.uniform(-707.7, 709.78, 4000), rng.uniform(-1, 1, 2000), small, inside, [0.0, -0.0]])


@pytest.mark.parametrize("through_sum", [False, True])
def test_exp_is_accurate_over_the_whole_range(through_sum):
    x = exp_arguments()
    if through_sum:
        # A sum with reassociation may round otherwise than NumPy's; on a grid of 2**-20 no sum rounds at all.
        x = np.round(x * 2.0**20) / 2.0**20
        x = x[(x > -707.7) & (x < 709.78)]
        results = rows(exp_of_sum, x - 2.0, np.full(x.size, 3.0))
    else:
        results = rows(exp_rows, x)
    # 1.6e-17 of the polynomial, half a unit (1.1e-16) of the last sum, and what its argument's rounding leaves.
    assert largest_error(x, results, mpmath.exp) < 3e-16


def test_exp_outside_the_range():
    below = [-707.71, -708.4, -745.0, -746.0, -1e4, -1e300, -np.inf]
    assert np.array_equal(rows(exp_rows, below), np.zeros(len(below)))
    above = [709.79, 710.0, 711.0, 1e4, 1e300, np.inf]
    assert np.array_equal(rows(exp_rows, above), np.full(len(above), np.inf))
    assert np.isnan(rows(exp_rows, [np.nan, 0.0])).tolist() == [True, False]
    assert rows(exp_rows, [-707.7])[0] >= TINY  # the last value kept is a normal number
    assert np.isfinite(rows(exp_rows, [709.78]))[0]


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


@given(st.lists(st.floats(width=64), min_size=1, max_size=40))
def test_vectors_equal_scalars(values):
    # A vector loop has a scalar remainder; both must round alike, or results depend on where a block ends.
    together = rows(exp_rows, values)
    alone = np.array([rows(exp_rows, v)[0] for v in values])
    assert np.array_equal(together, alone, equal_nan=True)
    positive = np.abs([v for v in values if np.isfinite(v) and abs(v) >= TINY])
    if positive.size:
        assert np.array_equal(rows(log_rows, positive), [rows(log_rows, v)[0] for v in positive])


@pytest.mark.parametrize("function", [exp_rows, log_rows])
def test_loops_vectorise(function):
    # The reason for which these functions exist. Two doubles at a time is what any 64-bit processor offers.
    if not hasattr(function, "inspect_llvm"):
        pytest.skip("NUMBA_DISABLE_JIT is set, so there is no machine code to read")
    # Compiled anew: of code from the cache there is nothing to read.
    compiled = kernel(function.py_func)
    compiled._cache = NullCache()
    rows(compiled, [1.0])
    [code] = compiled.inspect_llvm().values()
    assert re.search(r"fmul [^<]*<\d+ x double>", code)
