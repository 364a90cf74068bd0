"""Distances of densities against 50-digit arithmetic, closed forms, and Monte Carlo."""

import itertools

import mpmath
import numpy as np
import pytest
from scipy.stats import norm

from gmoe import GMoE, Parameters
from gmoe.metrics import hellinger, kl_divergence, total_variation

DISTANCES = (hellinger, total_variation, kl_divergence)
each_distance = pytest.mark.parametrize("distance", DISTANCES, ids=lambda f: f.__name__)


def model(gate_intercept, gate_coef, intercept, coef, variance):
    columns = [np.array(values, dtype=float)[:, None] for values in (gate_coef, coef)]
    return GMoE(Parameters(gate_intercept, columns[0], intercept, columns[1], variance))


def mixture(gate_intercept, intercept, variance):
    """A model in which x plays no part."""
    return model(gate_intercept, [0] * len(variance), intercept, [0] * len(variance), variance)


BASE = model([-8, 0], [25, 0], [15, -5], [-20, 20], [0.09, 0.16])
NEIGHBOUR = model([-8.1, 0], [25.2, 0], [15.01, -5], [-20, 20.02], [0.09, 0.16])
TWO, FIVE = [0.04, 0.04], [0.01] * 5
# Pairs, at x = 0 or at the x given.
HARD = {
    "published truth and a neighbour": (NEIGHBOUR, BASE, 0.3125),
    "nearly equal": (model([-8, 0], [25, 0], [15, -5], [-20, 20 + 2**-30], [0.09, 0.16]), BASE, 0.5),
    "where the means cross": (model([-8, 0], [25, 0], [15, -5], [-20, 20], [0.1, 0.15]), BASE, 0.5),
    "gate nearly separated": (
        model([-300, 0], [700, 0], [0, 1], [1, -1], [0.01, 0.01]),
        model([-310, 0], [700, 0], [0, 1], [1, -1], [0.01, 0.01]),
        0.4375,
    ),
    "five fitted, two true": (
        model([0] * 5, [1] * 5, [0, 0.001, 5, 5.001, 5.002], [1] * 5, [1, 1.001, 0.5, 0.501, 0.502]),
        model([np.log(2), np.log(3)], [1, 1], [0, 5], [1, 1], [1, 0.5]),
        0.5,
    ),
    "far from zero": (
        model([0, 0, 0], [1, 0, -1], [1000, 1001, 999], [0, 0, 0], [0.25, 0.25, 0.25]),
        model([0], [0], [1000], [0], [0.5]),
        0.25,
    ),
    "one narrow expert": (mixture([0, 0], [0, 1], [1e-6, 1]), mixture([0, 0], [0, 1], [1, 1]), 0.0),
    "narrow inside of broad": (mixture([-3, 0], [0.5, 0], [1e-8, 1]), mixture([0], [0], [1]), 0.0),
    "narrow side by side": (mixture([0, 0], [0, 1e-3], [1e-6] * 2), mixture([0, 0], [0, 2e-3], [1e-6] * 2), 0.0),
    "narrow, far apart": (mixture([0, 0], [-4, 4], [1e-10] * 2), mixture([1, 0], [-4, 4], [1.1e-10, 1e-10]), 0.0),
    "narrow against far": (mixture([0], [0], [1e-4]), mixture([0], [8], [1]), 0.0),
    "small share of a narrow one": (
        mixture([-18, 0], [0.25, 0], [1e-12, 1]), mixture([-17, 0], [0.25, 0], [1e-12, 1]), 0.0,
    ),
    "gate separated": (mixture([-900, 0], [3, 0], TWO), mixture([0, 0], [3, 0], TWO), 0.0),
    "mass where the other has e^-900": (mixture([-900, 0], [20, 0], TWO), mixture([0, 0], [20, 0], TWO), 0.0),
    "tiny background": (mixture([-60, 0], [0, 0], [100, 0.01]), mixture([-50, 0], [0, 0], [100, 0.01]), 0.0),
    "background in the tails": (mixture([-12, 0], [0, 0], [1e4, 1]), mixture([-12, 0], [0, 5], [1e4, 1.5]), 0.0),
    "variances nearly equal": (mixture([0], [1], [1]), mixture([0], [1], [1 + 2**-20]), 0.0),
    "eight orders of variance": (
        mixture([0] * 3, [0] * 3, [1e-8, 1e-4, 1]), mixture([0] * 3, [0] * 3, [2e-8, 1e-4, 1]), 0.0,
    ),
    "many crossings": (
        mixture([0] * 5, [0, 1, 2, 3, 4], FIVE), mixture([0] * 4, [0.5, 1.5, 2.5, 3.5], [0.02] * 4), 0.0,
    ),
    "disjoint": (mixture([0], [-50], [1]), mixture([0], [50], [1]), 0.0),
}  # fmt: skip


class Exact:
    """A model at one x, in 50 digits."""

    def __init__(self, gmoe, x):
        p, x = gmoe.parameters, mpmath.mpf(x)
        logit = [mpmath.mpf(b) + mpmath.mpf(a) * x for b, a in zip(p.gate_intercept, p.gate_coef[:, 0], strict=True)]
        total = sum(mpmath.exp(value) for value in logit)
        self.weight = [mpmath.exp(value) / total for value in logit]
        self.mean = [mpmath.mpf(b) + mpmath.mpf(a) * x for b, a in zip(p.intercept, p.coef[:, 0], strict=True)]
        self.sd = [mpmath.sqrt(mpmath.mpf(v)) for v in p.variance]

    def parts(self):
        return zip(self.weight, self.mean, self.sd, strict=True)

    def pdf(self, y):
        return sum(w * mpmath.npdf(y, m, s) for w, m, s in self.parts())

    def cdf(self, y):
        return sum(w * mpmath.ncdf(y, m, s) for w, m, s in self.parts())


def exact_distances(fitted, true, x):
    """Hellinger, total variation, Kullback-Leibler in 50 digits."""
    with mpmath.workdps(50):
        p, q = Exact(fitted, x), Exact(true, x)
        marks = [*range(-14, 15), -60, -40, -30, -20, 20, 30, 40, 60]
        ends = sorted({m + z * s for model in (p, q) for _, m, s in model.parts() for z in marks})
        nodes = gauss_legendre(24)
        squared, divergence, grid = mpmath.mpf(0), mpmath.mpf(0), []
        for low, high in itertools.pairwise(ends):
            half, middle = (high - low) / 2, (high + low) / 2
            for node, weight in nodes:
                y = middle + half * node
                a, b = p.pdf(y), q.pdf(y)
                grid.append((y, a - b))
                squared += half * weight * (mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2
                divergence += half * weight * b * mpmath.log(b / a)
        # Total variation from the distribution functions between the points where the densities cross.
        crossings = [bisect(p, q, y0, y1) for (y0, d0), (y1, d1) in itertools.pairwise(grid) if d0 * d1 < 0]
        gap = [mpmath.mpf(0), *(p.cdf(y) - q.cdf(y) for y in crossings), mpmath.mpf(0)]
        variation = sum(abs(b - a) for a, b in itertools.pairwise(gap)) / 2
        return [float(mpmath.sqrt(squared / 2)), float(variation), float(divergence)]


def gauss_legendre(order):
    """Nodes and weights by Newton's method from those of NumPy."""
    out = []
    for node in map(mpmath.mpf, np.polynomial.legendre.leggauss(order)[0]):
        for _ in range(3):
            value, before = mpmath.legendre(order, node), mpmath.legendre(order - 1, node)
            slope = order * (node * value - before) / (node**2 - 1)
            node -= value / slope
        out.append((node, 2 / ((1 - node**2) * slope**2)))
    return out


def bisect(p, q, low, high):
    sign = mpmath.sign(p.pdf(low) - q.pdf(low))
    for _ in range(60):  # an error e of the crossing costs e^2 times a slope
        middle = (low + high) / 2
        low, high = (middle, high) if sign * (p.pdf(middle) - q.pdf(middle)) > 0 else (low, middle)
    return low


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_equals_fifty_digits(name):
    fitted, true, x = HARD[name]
    expected = exact_distances(fitted, true, x)
    for distance, value in zip(DISTANCES, expected, strict=True):
        error = abs(float(distance(fitted, true, [[x]])) - value)
        # The promise; a divergence of thousands is a sum of terms of that size, each rounded.
        assert error <= max(1e-8, 1e-12 * value), f"{distance.__name__}: off by {error:.1e} from {value}"


@each_distance
def test_zero_for_the_model_itself(distance):
    X = np.linspace(0, 1, 7)[:, None]
    for m in (BASE, *(pair[0] for pair in HARD.values())):
        assert float(distance(m, m, X)) == 0.0
    # Moved and relabelled: rounding of logits and means of size 20, over standard deviations of 0.3.
    p = BASE.parameters.reorder([1, 0])
    moved = GMoE(Parameters(p.gate_intercept + 1.5, p.gate_coef - 4.0, p.intercept, p.coef, p.variance))
    assert float(distance(moved, BASE, X)) < 1e-13


def test_closed_forms_of_two_normals():
    f, g = model([0], [0], [0.0], [0], [0.25]), model([0], [0], [1.0], [0], [1.0])
    X = [[0.0]]
    overlap = np.sqrt(2 * 0.5 * 1 / (0.25 + 1)) * np.exp(-0.25 / (0.25 + 1))
    assert float(hellinger(f, g, X)) == pytest.approx(np.sqrt(1 - overlap), abs=1e-9)
    assert float(kl_divergence(f, g, X)) == pytest.approx(np.log(0.5) + (1 + 1) / (2 * 0.25) - 0.5, abs=1e-9)
    shifted = model([0], [0], [2.0], [0], [1.0])
    assert float(total_variation(shifted, g, X)) == pytest.approx(2 * norm.cdf(0.5) - 1, abs=1e-9)


@each_distance
def test_monte_carlo_agrees(distance):
    fitted = NEIGHBOUR
    X = np.linspace(0, 1, 20)[:, None]
    exact = distance(fitted, BASE, X)
    draws = distance(fitted, BASE, X, method="monte_carlo", rng=np.random.default_rng(0))
    assert exact.standard_error == 0.0
    assert 0 < draws.standard_error < 0.01 * exact.value
    # A fixed seed; five standard errors would be one in a million.
    assert abs(draws.value - exact.value) < 5 * draws.standard_error
    assert np.array_equal(
        draws.by_row, distance(fitted, BASE, X, method="monte_carlo", rng=np.random.default_rng(0)).by_row
    )


@pytest.mark.stat
@each_distance
def test_standard_error_is_the_spread(distance):
    """50 runs against the stated error: its chi-square (49 degrees) lies within these bounds but for 1 in 10 000."""
    fitted = NEIGHBOUR
    X = np.array([[0.2], [0.6]])
    runs = [
        distance(fitted, BASE, X, method="monte_carlo", n_draws=2000, rng=np.random.default_rng(seed))
        for seed in range(50)
    ]
    spread = np.std([run.value for run in runs], ddof=1)
    stated = np.mean([run.standard_error for run in runs])
    assert 0.62 < spread / stated < 1.45


def test_law_of_x_and_weights():
    fitted = NEIGHBOUR

    def law(rng, size):
        return rng.uniform(size=(size, 1))

    X = np.linspace(0.0005, 0.9995, 1000)[:, None]
    mean = hellinger(fitted, BASE, X)
    drawn = hellinger(fitted, BASE, law, n_points=400, rng=np.random.default_rng(0))
    assert drawn.by_row.shape == (400,)
    assert drawn.standard_error > 0
    assert abs(drawn.value - mean.value) < 5 * drawn.standard_error
    weighted = hellinger(fitted, BASE, [[0.2], [0.9]], x_weights=[3, 1])
    assert weighted.value == pytest.approx(weighted.by_row @ [0.75, 0.25], rel=1e-15)


def test_distances_are_ordered():
    # h^2 <= TV <= sqrt(2) h, and TV <= sqrt(KL / 2), at every x.
    for fitted, true, x in HARD.values():
        h, tv, kl = (float(distance(fitted, true, [[x]])) for distance in DISTANCES)
        assert h**2 <= tv + 1e-8
        assert tv <= min(np.sqrt(2) * h, np.sqrt(kl / 2)) + 1e-8


@each_distance
def test_messages(distance):
    two = GMoE(Parameters([0], [[0.0, 0.0]], [0], [[0.0, 0.0]], [1]))
    for match, call in [
        (r"X must have shape \(n, >=2\), got \(1, 1\)", lambda: distance(two, BASE, [[0.0]])),
        (r"X must have shape", lambda: distance(BASE, BASE, [0.0])),
        (r"pass rng=", lambda: distance(BASE, BASE, [[0.0]], method="monte_carlo")),
        (r"pass rng=", lambda: distance(BASE, BASE, lambda rng, size: rng.uniform(size=(size, 1)))),
        (r"x_weights must be 1 non-negative", lambda: distance(BASE, BASE, [[0.0]], x_weights=[-1.0])),
        (r"Unknown method 'grid'", lambda: distance(BASE, BASE, [[0.0]], method="grid")),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
