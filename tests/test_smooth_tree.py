"""The tree of cubic steps: weights of zero, and a continuous gradient."""

import numpy as np
import pytest
from links import assert_is_a_value, assert_objective, drawn

from gmoe import GaussianMoERegressor, GMoE, Parameters, as_gate
from gmoe.gates import SmoothTreeGate, TreeGate
from gmoe.part import Size


def step(t):
    """The published one, of width 1."""
    return np.where(t <= -0.5, 0.0, np.where(t >= 0.5, 1.0, -2.0 * t**3 + 1.5 * t + 0.5))


def test_weights_by_hand():
    gate = SmoothTreeGate(((2, 0), 1))
    own, shared, x = drawn(gate, 3, 2, n=400)
    root, left = step(0.8 * shared.reshape(2, 3) @ np.vstack([np.ones(400), x]))
    p = gate.probabilities(own, 0.8 * shared, x)
    np.testing.assert_allclose(p, [(1 - root) * left, root, (1 - root) * (1 - left)], rtol=0.0, atol=1e-15)
    assert 0.05 < (p == 0.0).mean() < 0.95
    slope = np.swapaxes(gate.jacobian(own, 0.8 * shared, x), 1, 2)
    assert np.all(np.isfinite(slope)) and not np.any(slope[p == 0.0])


@pytest.mark.parametrize(("gate", "k"), [(SmoothTreeGate(), 2), (SmoothTreeGate(), 4), (SmoothTreeGate("0+(1+2)"), 3)])
def test_score_and_hessian_of_a_mixture(gate, k):
    assert_objective(gate, k)


def test_the_log_likelihood_has_a_continuous_slope():
    gate, t = SmoothTreeGate(), np.linspace(-2.0, 2.0, 8001)
    p = gate.probabilities(np.empty((2, 0)), np.array([0.0, 1.0]), t[None])
    assert {*np.round(p[1, [0, -1]], 15)} == {0.0, 1.0}
    slope = np.gradient(np.log(p.T @ [0.1, 3.0]), t)
    # Second derivatives of up to 200: slopes change by 0.1 between neighbours at most, where top-1 jumps by 3.4.
    assert np.abs(np.diff(slope)).max() < 0.1


def test_a_fit_with_zeros_is_certified():
    gate, rng = SmoothTreeGate(), np.random.default_rng(1)
    node = np.array([[0.0, 1.0, 0.0], [0.1, 0.0, 1.0], [-0.1, 0.25, -1.0]])
    truth = Parameters(
        intercept=[3.0, -1.0, 0.0, -4.0], coef=[[1.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [1.0, 1.0]],
        variance=[0.3, 0.2, 0.3, 0.4], gate_node_intercept=node[:, 0], gate_node_coef=node[:, 1:],
    )  # fmt: skip
    X = rng.uniform(-2, 2, (1000, 2))
    model = GMoE(truth, gate)
    y, _ = model.sample(X, rng)
    fitted = GaussianMoERegressor(4, gate, n_init=2, random_state=0).fit(X, y)
    result = fitted.fit_result_
    assert result.status == "converged" and result.n_free_parameters == 3 * 3 + 4 * 4
    # Twice the rise is chi-squared of 25 degrees of freedom: above 68 with probability 1e-5.
    assert 0.0 < result.log_likelihood - model.log_density(X, y).sum() < 34.0
    assert (fitted.model_.gate_proba(X) == 0.0).mean() > 0.3


def test_value():
    gate = SmoothTreeGate("0+(1+2)")
    assert_is_a_value(gate, as_gate("smooth_tree:tree=0+(1+2)"), TreeGate("0+(1+2)"))
    assert gate.with_experts(2) == SmoothTreeGate((0, 1))
    assert gate.symmetry_of(Size(3, 2)) == TreeGate("0+(1+2)").symmetry_of(Size(3, 2))
    with pytest.raises(ValueError, match="has 3 leaves, but there are 2 experts: use n_experts=3, another tree"):
        gate.check(2, 1)
