"""The trust-region step against Lagrangian duality and a grid, the hard case included."""

import numpy as np
import pytest
import scipy
from scipy.optimize import minimize_scalar

from gmoe.kernels.climb.trust_region import trust_region
from gmoe.solvers.ascent.conjugate import _factor
from gmoe.solvers.ascent.newton import trust_region_step


def dual(values, along, radius):
    """Smallest upper bound of the trust-region problem by Lagrangian duality, which is tight for it."""

    def bound(log_excess):
        shift = max(0.0, -values.min()) + np.exp(log_excess)
        # A component without gradient costs nothing, whatever its curvature.
        terms = along[along != 0] ** 2 / (values[along != 0] + shift)
        return 0.5 * np.sum(terms) + 0.5 * shift * radius**2

    pieces = [(lo, lo + 4.0) for lo in np.arange(-32.0, 20.0, 4.0)]
    return min(minimize_scalar(bound, bounds=piece, method="bounded").fun for piece in pieces)


RNG = np.random.default_rng(1)
PROBLEMS = [
    (np.sort(RNG.normal(size=m) * 10.0 ** RNG.integers(-2, 3)), RNG.normal(size=m) * 10.0 ** RNG.integers(-6, 3), r)
    for m in (1, 2, 3, 8)
    for r in (1e-3, 0.3, 1.0, 50.0)
]
SPECIAL = {
    "gradient orthogonal to the lowest eigenvector": ([-2.0, 1.0, 3.0], [0.0, 0.5, 0.5], 1.0),
    "nearly so": ([-2.0, 1.0, 3.0], [1e-10, 0.5, 0.5], 1.0),
    "zero gradient on a saddle": ([-0.5, 0.2, 1.0], [0.0, 0.0, 0.0], 0.7),
    "zero gradient, flat": ([0.0, 1.0], [0.0, 0.0], 1.0),
    "singular, gradient in the range": ([0.0, 1.0], [0.0, 1.0], 10.0),
    "singular, gradient in the null space": ([0.0, 1.0], [1.0, 0.0], 10.0),
    "two lowest eigenvalues equal": ([-1.0, -1.0, 2.0], [0.0, 0.0, 1.0], 2.0),
    "interior": ([1.0, 2.0], [0.1, 0.1], 1.0),
}


@pytest.mark.parametrize("problem", [*PROBLEMS, *SPECIAL.values()])
def test_trust_region_step_is_the_maximiser(problem):
    values, along, radius = np.array(problem[0]), np.array(problem[1]), problem[2]
    step, predicted = trust_region_step(values, along, radius)
    assert predicted == pytest.approx(along @ step - 0.5 * values @ step**2, rel=1e-12, abs=1e-300)
    # The radius is met to one part in a thousand, so the value to about two.
    assert np.linalg.norm(step) <= 1.001 * radius
    best = dual(values, along, radius)
    assert predicted == pytest.approx(best, rel=3e-3, abs=1e-12)


def test_trust_region_step_against_a_grid():
    angle = np.linspace(0.0, 2.0 * np.pi, 20_001)
    disc = np.sqrt(np.linspace(0.0, 1.0, 101))[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    for values, along in [([-1.0, 0.5], [0.0, 0.3]), ([-1.0, 0.5], [0.2, 0.3]), ([0.5, 4.0], [0.2, 0.3])]:
        value = disc @ along - 0.5 * disc**2 @ values
        assert trust_region_step(np.array(values), np.array(along), 1.0)[1] == pytest.approx(value.max(), rel=3e-3)


def test_information_that_rounds_to_indefinite_has_a_factor():
    # Natural coordinates of a cold gate: entries of 1e20 round to more than any ridge, and so do their eigenvalues.
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((40, 20)) * np.logspace(0, 10, 20)
    information = wide @ wide.T + 1e-8 * np.eye(40)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(information)
    factor = _factor(information)
    right = information @ rng.standard_normal(40)
    solved = scipy.linalg.cho_solve(factor, right)
    # Rounding of the largest eigenvalue, which is the floor.
    assert np.abs(information @ solved - right).max() <= 1e-6 * np.abs(right).max()


@pytest.mark.parametrize("problem", [*PROBLEMS, *SPECIAL.values()])
def test_compiled_step_is_the_maximiser(problem):
    # The same problems in other axes, where the kernel must find the spectrum.
    values, along, radius = np.array(problem[0]), np.array(problem[1]), problem[2]
    axes = np.linalg.qr(np.random.default_rng(2).normal(size=(len(values), len(values))))[0]
    curvature, slope, step = (axes * values) @ axes.T, axes @ along, np.empty(len(values))
    lowest, rise = trust_region(curvature, slope, radius, step)
    gain = slope @ step - 0.5 * step @ curvature @ step
    assert np.linalg.norm(step) <= 1.001 * radius
    # To the value that the radius, met to a thousandth, leaves open.
    assert gain == pytest.approx(dual(values, along, radius), rel=3e-3, abs=1e-12)
    scale = np.abs(values).max()
    assert lowest == pytest.approx(min(values.min(), 0.0), abs=1e-14 * scale)
    if values.min() > 0.0:
        # A solution of linear equations: its error is that of the arithmetic times the condition, below 1e5 here.
        assert rise == pytest.approx(0.5 * np.sum(along**2 / values), rel=1e-10)
        assert step == pytest.approx(axes @ trust_region_step(values, along, radius)[0], rel=1e-8, abs=1e-10 * radius)
    elif lowest < 0.0 and np.abs(along[0]) > 1e-8:
        # Both searches stop at the same shift, but for rounding of the spectrum's lower end.
        assert step == pytest.approx(axes @ trust_region_step(values, along, radius)[0], abs=2e-3 * radius)
