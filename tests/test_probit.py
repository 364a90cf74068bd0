"""The probit gate: noisy top-1 routing, averaged over its noise."""

import numpy as np
import pytest
import scipy
from links import assert_is_a_value, assert_objective, drawn
from scipy.special import log_ndtr

from gmoe import GMoE, Parameters, as_gate
from gmoe.gates import ProbitGate
from gmoe.part import Size

GATE = ProbitGate()


def scores(shared, k, x):
    return shared.reshape(k, -1) @ np.vstack([np.ones(x.shape[1]), x])


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_of_two_experts_it_is_phi(size):
    own, shared, x = drawn(GATE, 2, 2, n=400)
    first, second = scores(size * shared, 2, x)
    # To the last digits, and so far out that a rule about 0 finds nothing: log-weights down to -5000.
    expected = log_ndtr(np.array([first - second, second - first]) / np.sqrt(2.0))
    np.testing.assert_allclose(GATE.value(own, size * shared, x), expected, rtol=1e-14, atol=4e-15)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_weights_sum_to_one(k):
    own, shared, x = drawn(GATE, k, 2, n=200)
    for size in (0.3, 3.0, 30.0):
        # Log-weights of size 10 that count, and sums of 40 terms.
        np.testing.assert_allclose(np.exp(GATE.value(own, size * shared, x)).sum(axis=0), 1.0, rtol=0.0, atol=1e-14)


def test_weights_by_quadrature():
    """Of four experts, one of them behind by 12: the integral as SciPy has it."""
    score = np.array([0.5, -0.3, 0.0, -12.0])
    log_p = GATE.value(np.empty((4, 0)), score, np.empty((0, 1)))[:, 0]
    for j in range(4):
        rest = score[j] - np.delete(score, j)
        top = 0.5 * max(0.0, -rest.min())

        def integrand(z, rest=rest, top=top):
            return np.exp(-0.5 * z * z + log_ndtr(rest + z).sum() - log_ndtr(rest + top).sum() + 0.5 * top * top)

        value, _ = scipy.integrate.quad(integrand, top - 12.0, top + 12.0, epsabs=0.0, epsrel=1e-12, limit=200)
        found = np.log(value / np.sqrt(2.0 * np.pi)) + log_ndtr(rest + top).sum() - 0.5 * top * top
        assert log_p[j] == pytest.approx(found, abs=1e-10)


def test_weights_are_shares_of_noisy_maxima():
    score, n = np.array([0.4, 0.0, -0.7, 1.1]), 1_000_000
    noisy = score + np.random.default_rng(0).normal(size=(n, 4))
    share = np.bincount(noisy.argmax(axis=1), minlength=4) / n
    p = GATE.probabilities(np.empty((4, 0)), score, np.empty((0, 1)))[:, 0]
    # Five standard deviations of four shares: once in 400 000 runs; the seed is fixed.
    assert np.all(np.abs(share - p) < 5.0 * np.sqrt(p * (1.0 - p) / n))


@pytest.mark.parametrize("k", [2, 4])
def test_score_and_hessian_of_a_mixture(k):
    assert_objective(GATE, k)


def test_far_rows_keep_finite_derivatives():
    own, shared, x = np.empty((2, 0)), np.array([0.0, -1.0, 0.0, 1.0]), np.array([[1000.0, 20.0, -1000.0]])
    # Of log Phi(z) at z = -t, far out: t, in the score's difference over sqrt(2).
    slope = GATE.jacobian(own, shared, x)[0, 3]
    np.testing.assert_allclose(slope[:2], [-1e6, -400.0 - 1.0], rtol=2e-3)
    assert slope[2] == pytest.approx(0.0, abs=1e-12)


def test_a_model_of_it_samples_and_predicts():
    arrays = {"intercept": [0.0, 2.0, 4.0], "coef": [[1.0], [0.0], [-1.0]], "variance": [0.2, 0.3, 0.4]}
    model = GMoE(Parameters(gate_intercept=[0.0, 1.0, 0.0], gate_coef=[[2.0], [0.0], [-2.0]], **arrays), "probit")
    X = np.linspace(-2.0, 2.0, 9)[:, None]
    y, expert = model.sample(np.repeat(X, 4000, axis=0), np.random.default_rng(0))
    share = np.array([np.bincount(part, minlength=3) for part in expert.reshape(9, 4000)]) / 4000
    # Five standard deviations of 27 shares: once in 60 000 runs; the seed is fixed.
    p = model.gate_proba(X)
    assert np.all(np.abs(share - p) < 5.0 * np.sqrt(p * (1.0 - p) / 4000) + 1e-9) and np.all(np.isfinite(y))
    assert model.canonical().gate_proba(X) == pytest.approx(p, abs=1e-12)


def test_value():
    assert_is_a_value(GATE, as_gate("probit"), as_gate("entmax"))
    assert GATE.symmetry_of(Size(4, 2)).n_free == 9
    with pytest.raises(ValueError, match="place among the others: without one, .* fit again"):
        GATE.resized(2)
