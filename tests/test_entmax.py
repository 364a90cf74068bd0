"""The entmax gate against its ends, softmax and sparsemax, and against what defines it."""

import mpmath
import numpy as np
import pytest
import scipy
from links import assert_is_a_value, assert_objective, drawn
from scipy.special import log_softmax

from gmoe import GaussianMoERegressor, GMoE, Parameters, as_gate
from gmoe.gates import EntmaxGate, SoftmaxGate
from gmoe.part import Size

each_k = pytest.mark.parametrize("k", [1, 2, 3, 6])


def weights(alpha, k, size=2.0):
    """Scores and weights, (k, m)."""
    own, shared, x = drawn(EntmaxGate(alpha), k, 2, n=60)
    score = shared.reshape(k, 3) @ np.vstack([np.ones(60), x])
    return size * score, EntmaxGate(alpha).probabilities(own, size * shared, x)


@each_k
def test_softmax_to_the_last_digits(k):
    own, shared, x = drawn(EntmaxGate(1.0), k, 2)
    rows, softmax = shared.reshape(k, 3), SoftmaxGate()
    log_p = EntmaxGate(1.0).value(own, 50.0 * shared, x)
    expected = log_softmax(softmax.value(50.0 * rows, np.empty(0), x), axis=0)
    # Scores of some 100, rounded at 1e-14.
    np.testing.assert_allclose(log_p, expected, rtol=1e-15, atol=1e-13)
    assert_objective(EntmaxGate(1.0), k)


@each_k
def test_sparsemax_is_the_projection_onto_the_simplex(k):
    """The quadratic programme: what is active is the score less one number, and all else is below that."""
    score, p = weights(2.0, k)
    np.testing.assert_allclose(p.sum(axis=0), 1.0, rtol=0.0, atol=1e-15)
    for z, found in zip(score.T, p.T, strict=True):
        tau = (z - found)[found > 0.0]
        # Scores of size 10.
        assert np.ptp(tau) < 1e-14 and np.all(z[found == 0.0] <= tau.max() + 1e-14)
    # The programme itself, as SciPy solves it, to its tolerance.
    z = score[:, 0]
    one = scipy.optimize.LinearConstraint(np.ones((1, k)), 1.0, 1.0)
    result = scipy.optimize.minimize(
        lambda q: (0.5 * np.sum((q - z) ** 2), q - z), np.full(k, 1.0 / k), jac=True, bounds=[(0.0, 1.0)] * k,
        constraints=[one], method="SLSQP", options={"ftol": 1e-14},
    )  # fmt: skip
    np.testing.assert_allclose(p[:, 0], result.x, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("alpha", [1.0 + 1e-8, 1.1, 1.5, 1.9])
def test_weights_in_many_digits(alpha):
    score, p = weights(alpha, 3)
    with mpmath.workdps(40):
        a = mpmath.mpf(alpha) - 1
        for z, found in zip(score.T[:10], p.T[:10], strict=True):
            z = [mpmath.mpf(value) for value in z]

            def weight(tau, a=a, z=z):
                return [max(a * (value - tau), mpmath.mpf(0)) ** (1 / a) for value in z]

            low, high = max(z) - 1 / a, max(z)
            for _ in range(160):
                middle = (low + high) / 2
                low, high = (middle, high) if sum(weight(middle)) > 1 else (low, middle)
            np.testing.assert_allclose(found, [float(value) for value in weight(low)], rtol=0.0, atol=1e-14)


def test_experts_enter_continuously():
    """Along a line on which the top-K gate jumps the log-likelihood has a continuous slope."""
    gate, t = EntmaxGate(), np.linspace(-4.0, 4.0, 8001)
    rows = np.array([[0.0, 0.0], [0.0, 1.0], [-1.0, 2.0]]).ravel()
    p = gate.probabilities(np.empty((3, 0)), rows, t[None])
    assert set((p > 0.0).sum(axis=0).tolist()) == {1, 2, 3}
    value = np.log(p.T @ [0.1, 3.0, 0.5])
    slope = np.gradient(value, t)
    # Second derivatives of size 10: slopes change by some 0.01 between neighbours, and would by 1 at a corner.
    assert np.abs(np.diff(slope)).max() < 0.05
    corner = np.gradient(np.log(EntmaxGate(2.0).probabilities(np.empty((3, 0)), rows, t[None]).T @ [0.1, 3.0, 0.5]), t)
    assert np.abs(np.diff(corner)).max() > 0.05


def test_an_inactive_expert_has_no_derivative():
    own, shared, x = drawn(EntmaxGate(), 4, 2)
    none = EntmaxGate().probabilities(own, 3.0 * shared, x) == 0.0
    assert 0.2 < none.mean() < 0.8
    slope = EntmaxGate().jacobian(own, 3.0 * shared, x)
    assert not np.any(np.swapaxes(slope, 1, 2)[none]) and np.all(np.isfinite(slope))


@pytest.mark.parametrize("k", [2, 3])
def test_score_and_hessian_of_a_mixture_with_zeros(k):
    assert_objective(EntmaxGate(1.4), k)


def test_a_fit_with_zeros_is_certified():
    gate, rng = EntmaxGate(), np.random.default_rng(1)
    truth = Parameters(
        gate_intercept=[0.0, 0.5, -0.5], gate_coef=[[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]], intercept=[-2.0, 0.0, 2.0],
        coef=[[1.0, 0.0], [0.0, -1.0], [-1.0, 1.0]], variance=[0.3, 0.3, 0.3],
    )  # fmt: skip
    X = rng.uniform(-2, 2, (1000, 2))
    model = GMoE(truth, gate)
    y, expert = model.sample(X, rng)
    p = model.gate_proba(X)
    assert (p == 0.0).mean() > 0.3 and np.all(p[np.arange(1000), expert] > 0.0)
    fitted = GaussianMoERegressor(3, gate, n_init=3, random_state=0).fit(X, y)
    result = fitted.fit_result_
    assert result.status == "converged" and result.n_free_parameters == 2 * 3 + 3 * 4
    # Twice the rise is chi-squared of 18 degrees of freedom: above 60 once in 500 000 runs.
    assert 0.0 < result.log_likelihood - model.log_density(X, y).sum() < 30.0
    assert fitted.model_.log_density(X, y).sum() == pytest.approx(result.log_likelihood, rel=1e-9)
    assert (fitted.model_.gate_proba(X) == 0.0).mean() > 0.3


def test_value():
    assert_is_a_value(EntmaxGate(), as_gate("entmax:alpha=1.5"), EntmaxGate(2))
    assert EntmaxGate().symmetry_of(Size(4, 2)).n_free == 9


@pytest.mark.parametrize("alpha", [0.5, 2.5])
def test_other_alpha_is_refused(alpha):
    with pytest.raises(ValueError, match=rf"from 1, softmax, to 2, sparsemax, got {alpha}; .* use TopKGate\(1\)"):
        EntmaxGate(alpha)
