"""Standard distributions and mixtures of them: against mpmath, quadrature and grids."""

import mpmath
import numpy as np
import pytest
import scipy

from gmoe.distributions import NORMAL, LocationScale, Mixture, PredictiveDistribution, Standard, StudentT, Uniform
from gmoe.distributions.roots import solve

mpmath.mp.dps = 40


class Logistic(Standard):
    """By its density alone."""

    def log_density(self, z):
        return -np.abs(z) - 2.0 * np.log1p(np.exp(-np.abs(z)))


class Laplace(Standard):
    """Of which the slope jumps, and so do differences of it."""

    def log_density(self, z):
        return -np.abs(z) - np.log(2.0)


class Gumbel(Standard):
    """Not symmetric."""

    def log_density(self, z):
        z = np.maximum(z, -700.0)  # and its slope, too, is finite
        return -z - np.exp(-z)


def exact_student(df, z):
    """Probability below a negative z."""
    df, z = mpmath.mpf(df), mpmath.mpf(z)
    return mpmath.betainc(df / 2, 0.5, 0, df / (df + z * z), regularized=True) / 2


POINTS = np.array([-1e8, -300.0, -30.0, -5.0, -1.7, -1.0, -0.3, -1e-3, -1e-9])


@pytest.mark.parametrize("df", [0.6, 1.0, 3.0, 30.0])
def test_student(df):
    found, standard = StudentT(df).log_cdf(POINTS), StudentT(df)
    expected = [float(mpmath.log(exact_student(df, z))) for z in POINTS]
    # Rounding of the incomplete beta function and of its logarithm.
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=2e-15)
    above = [float(mpmath.log1p(-exact_student(df, z))) for z in POINTS]
    # Near 1 it is the smaller probability to rounding of 1.
    np.testing.assert_allclose(standard.log_survival(POINTS), above, rtol=1e-13, atol=2e-16)
    np.testing.assert_array_equal(standard.log_cdf(-POINTS), standard.log_survival(POINTS))


def test_normal():
    expected = [float(mpmath.log(mpmath.ncdf(mpmath.mpf(z)))) for z in [*POINTS[1:], 3.0]]
    np.testing.assert_allclose(NORMAL.log_cdf(np.append(POINTS[1:], 3.0)), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("standard", "exact"),
    [(Logistic(), scipy.stats.logistic), (Laplace(), scipy.stats.laplace), (Gumbel(), scipy.stats.gumbel_r)],
)
def test_a_density_alone(standard, exact):
    z = np.array([[-4.0, -3.0, -1.0, -1e-3], [0.0, 0.5, 2.0, 30.0]])
    # What the rule leaves of densities that are smooth on both sides of 0, most of Gumbel's.
    np.testing.assert_allclose(standard.log_cdf(z), exact.logcdf(z), rtol=2e-10, atol=1e-14)
    np.testing.assert_allclose(standard.log_survival(z), exact.logsf(z), rtol=2e-10, atol=1e-14)
    smooth, step = z[np.abs(z) > 0.1], 1e-6
    slope = (exact.logpdf(smooth + step) - exact.logpdf(smooth - step)) / (2.0 * step)
    # Differences of first order, of logarithms up to 55: rounding over the step.
    np.testing.assert_allclose(standard.slope(smooth), slope, rtol=1e-7, atol=1e-8)


def test_what_is_no_density_is_refused():
    class Half(Logistic):
        def log_density(self, z):
            return super().log_density(z) - np.log(2.0)

    class Jumps(Standard):
        def log_density(self, z):
            return np.where(np.abs(z) < 1.5, -np.log(3.0), -np.inf)

    for standard in (Half(), Jumps()):
        with pytest.raises(ValueError, match=r"has the mass .* by quadrature.*give it a log_cdf"):
            standard.log_cdf(np.zeros(2))


def mixture(*parts):
    """One row; parts are (weight, standard, centre, spread)."""
    components = [LocationScale(s, np.array([[c]]), np.array([[w]])) for _, s, c, w in parts]
    log_weight = np.log([[part[0]] for part in parts])
    return PredictiveDistribution(Mixture(log_weight, components), (1,))


CASES = {
    "one": [(1.0, NORMAL, 2.0, 0.5)],
    "two modes": [(0.3, NORMAL, -3.0, 1.0), (0.7, NORMAL, 3.0, 1.0)],
    "far apart": [(0.3, NORMAL, -3e3, 1.0), (0.7, NORMAL, 3e3, 1e-3)],
    "narrow in wide": [(0.9, NORMAL, 0.0, 1.0), (0.1, NORMAL, 0.5, 1e-3)],
    "one mode of two": [(0.5, NORMAL, -0.9, 1.0), (0.5, NORMAL, 0.9, 1.0)],
    "equal modes": [(0.5, NORMAL, -3.0, 1.0), (0.5, NORMAL, 3.0, 1.0)],
    "Cauchy": [(0.4, StudentT(1.0), -4.0, 1.0), (0.6, StudentT(1.0), 5.0, 0.3)],
    "t": [(0.2, StudentT(3.0), 0.0, 1.0), (0.3, StudentT(3.0), 8.0, 1.0), (0.5, StudentT(3.0), 4.0, 0.2)],
    "uniform noise": [(0.8, NORMAL, 1.0, 0.5), (0.2, Uniform(), 0.0, 6.0)],
    "noise beside": [(0.6, NORMAL, 20.0, 0.5), (0.4, Uniform(), 0.0, 2.0)],
    "uniform": [(1.0, Uniform(), 3.0, 2.0)],
    "switched off": [(1.0, NORMAL, 0.0, 1.0), (1e-300, NORMAL, 1e9, 1.0)],
    "quadrature": [(0.5, Logistic(), 0.0, 1.0), (0.5, Gumbel(), 9.0, 1.0)],
}
each = pytest.mark.parametrize("parts", CASES.values(), ids=CASES)


def grid(parts, n=30_001):
    """Points that are dense wherever an expert is."""
    t = np.sinh(np.linspace(-12.0, 12.0, n)) / 100.0
    points = [c + w * t for weight, _, c, w in parts if weight > 1e-9]
    ends = [c + w * z + e for _, s, c, w in parts for z in s.breaks for e in (-1e-9, 1e-9)]
    return np.sort(np.concatenate([*points, ends]))


@each
def test_probabilities_integrate_the_density(parts):
    given, y = mixture(*parts), grid(parts)
    density, below = given.density(y[:, None])[:, 0], given.cdf(y[:, None])[:, 0]
    summed = np.cumsum(np.append(0.0, 0.5 * (density[1:] + density[:-1]) * np.diff(y)))
    # Trapezia whose width is a thousandth of a spread, or of the distance; and what is cut off of a Cauchy tail.
    np.testing.assert_allclose(below - below[0], summed, atol=1e-7)
    np.testing.assert_allclose(below + given.survival(y[:, None])[:, 0], 1.0, atol=1e-14)


@each
def test_quantiles_invert(parts):
    given = mixture(*parts)
    levels = np.array([1e-12, 1e-3, 0.05, 0.3, 0.5, 0.65, 0.95, 0.999])
    lower, upper = given.quantile(levels)[0], given.quantile(levels, upper=True)[0]
    for y, tail in ((lower, given.cdf), (upper, given.survival)):
        ahead, behind = (tail((y + move * np.spacing(np.abs(y)))[:, None])[:, 0] for move in (2, -2))
        # 1e-10 of the level, or numbers that differ in the last digit have a larger and a smaller probability.
        close = np.abs(tail(y[:, None])[:, 0] / levels - 1.0) < 1e-10
        assert np.all(close | ((np.minimum(ahead, behind) <= levels) & (levels <= np.maximum(ahead, behind))))
    assert np.all(np.diff(lower) >= 0) and np.all(np.diff(upper) <= 0)


def test_quantiles_in_both_tails():
    given = mixture((0.25, NORMAL, 0.0, 1.0), (0.75, NORMAL, 0.0, 1.0))
    for level in (1e-12, 1e-100, 1e-300):
        expected = float(scipy.special.ndtri_exp(np.log(level)))
        # The normal distribution's own inverse.
        assert given.quantile(level)[0] == pytest.approx(expected, rel=1e-13)
        assert given.quantile(level, upper=True)[0] == pytest.approx(-expected, rel=1e-13)
    residual = given.quantile_residuals(np.array([[-300.0], [-38.0], [0.1], [8.0], [1e4]]))[:, 0]
    # Their log-probabilities have 1e-16 of 5e7.
    np.testing.assert_allclose(residual, [-300.0, -38.0, 0.1, 8.0, 1e4], rtol=1e-12)


@each
def test_modes(parts):
    given, y = mixture(*parts), grid(parts)
    assert given.log_density(given.mode())[0] >= given.log_density(y[:, None]).max() - 1e-12


def intervals(given, level):
    found = given.interval(level, "highest density")
    full = np.isfinite(found.lower[0])
    return found.lower[0, full], found.upper[0, full]


@each
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_sets_of_highest_density(parts, level):
    given, y = mixture(*parts), grid(parts)
    lower, upper = intervals(given, level)
    assert np.all(lower < upper) and np.all(upper[:-1] < lower[1:])
    mass = given.cdf(upper[:, None]).sum() - given.cdf(lower[:, None]).sum()
    assert mass == pytest.approx(level, abs=1e-8)
    # The same set by sorting what little pieces of the line have: the shortest that has this probability.
    width, middle = np.diff(y), 0.5 * (y[1:] + y[:-1])
    density = given.density(middle[:, None])[:, 0]
    order = np.argsort(-density)
    reached = np.searchsorted(np.cumsum((density * width)[order]), level)
    # Sums over pieces that are a thousandth of a spread long or of the distance.
    assert (upper - lower).sum() == pytest.approx(width[order][:reached].sum(), rel=1e-3)
    inside = np.any((lower[:, None] < middle) & (middle < upper[:, None]), axis=0)
    least = density[inside].min()
    # The density outside is nowhere higher, but for what has no probability to speak of.
    higher = ~inside & (density > least * (1.0 + 1e-3))
    assert (density * width)[higher].sum() < 1e-9


def test_intervals_of_two_modes():
    lower, upper = intervals(mixture(*CASES["two modes"]), 0.9)
    assert len(lower) == 2 and lower[0] < -3.0 < upper[0] < 0.0 < lower[1] < 3.0 < upper[1]
    ends = np.concatenate([lower, upper])
    density = mixture(*CASES["two modes"]).density(ends[:, None])
    # Interpolated between sets whose thresholds differ by 2e-9.
    np.testing.assert_allclose(density, density.mean(), rtol=1e-8)


@each
def test_crps(parts):
    given = mixture(*parts)

    def squared(t, y):
        tail = given.mixture.log_cdf if t < y else given.mixture.log_survival
        return float(np.exp(2.0 * tail(np.array([t]))[0]))

    powers = np.array([0.0, 1.0, 3.0, 10.0, 100.0, 1e4, 1e6, 1e9, 1e13])
    at = [c + w * s * z for weight, _, c, w in parts if weight > 1e-9 for z in powers for s in (-1, 1)]
    for y in (parts[0][2] + 0.3, -20.0):
        ends = sorted({*at, y, *given.mixture.breaks.ravel()})
        expected = sum(
            scipy.integrate.quad(squared, a, b, (y,), limit=200, epsabs=1e-14, epsrel=1e-11)[0]
            for a, b in zip(ends, ends[1:], strict=False)
        )
        # What the rule of 8 nodes states; a Cauchy tail beyond 1e13 has the rest.
        assert given.crps(np.array([y]))[0] == pytest.approx(expected, rel=1e-9)


def test_crps_of_heavy_tails():
    assert np.isposinf(mixture((1.0, StudentT(0.5), 0.0, 1.0)).crps(0.0)[0])
    # Against 1e-3 of the distances of a million draws each would say no more: exact by symmetry in the scale.
    one, ten = (mixture((1.0, StudentT(0.8), 0.0, scale)).crps(0.0)[0] for scale in (1.0, 10.0))
    assert ten == pytest.approx(10.0 * one, rel=1e-9)
    tail = scipy.integrate.quad(lambda s: np.exp(s + 2.0 * StudentT(0.8).log_cdf(-np.exp(s))), -40.0, 200.0, limit=900)
    assert one == pytest.approx(2.0 * tail[0], rel=1e-7)


def test_roots_are_found_where_newton_fails():
    # Flat, steep, with a wrong derivative, and none in the bracket.
    def function(y, which):
        value = np.select([which == 0, which == 1, which == 2], [np.cbrt(y - 1.0), np.tanh(1e6 * (y - 2.0)), y**9], 1.0)
        return value, np.where(which == 2, -1.0, np.nan)

    found = solve(function, np.full(4, -7.0), np.full(4, 5.0))
    # The last digits of the roots, of 0 those that its ninth power leaves.
    np.testing.assert_allclose(found, [1.0, 2.0, 0.0, -7.0], rtol=1e-14, atol=1e-30)
