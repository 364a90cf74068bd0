"""The scikit-learn contract, and what its own check of sample weights cannot see."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gmoe import Gate, GaussianMoERegressor, as_gate, list_gates
from gmoe.datasets import make_gmoe

# A selection, and of every other class of gates one: what gates by scores have in common is checked by the default.
GATES = ["topk", *{type(as_gate(name)): name for name in list_gates() if not isinstance(as_gate(name), Gate)}.values()]


# The checks fit a handful of rows of noise, often fewer rows than parameters: the fit then says so, as it must.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# In such noise climbs are long and many: one start that need not arrive is enough to be checked, but for the default.
@parametrize_with_checks(
    [
        GaussianMoERegressor(),
        GaussianMoERegressor(solver="em", n_init=1, max_iter=20),
        GaussianMoERegressor(experts="multivariate", n_init=1, max_iter=20),
        *(GaussianMoERegressor(gate=gate, n_init=1, max_iter=20) for gate in GATES),
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def weighted():
    """Data with n >> p (scikit-learn's check has p > n, where every fit interpolates) and weights 0 to 3."""
    X, y, _, _ = make_gmoe(600, 2, 2, noise=1.0, gate_scale=1.0, expert_scale=2.0, random_state=4)
    return X, y, np.random.default_rng(0).integers(0, 4, len(y))


def fitted_values(estimator):
    parameters = [estimator.gate_intercept_, estimator.gate_coef_, estimator.intercept_, estimator.coef_]
    return np.concatenate([np.ravel(a) for a in [*parameters, estimator.variance_, estimator.shares_]])


def assert_same_fit(one, other):
    # The same optimum, to the accuracy of a gradient of 1e-10 over the curvature of these data (0.08).
    assert one.log_likelihood_ == pytest.approx(other.log_likelihood_, rel=1e-8)
    np.testing.assert_allclose(fitted_values(one), fitted_values(other), rtol=1e-8, atol=1e-8)
    errors, expected = one.fit_result_.standard_errors, other.fit_result_.standard_errors
    np.testing.assert_allclose(errors, expected, rtol=1e-7)
    assert one.fit_result_.bic == pytest.approx(other.fit_result_.bic, rel=1e-8)
    assert one.fit_result_.icl == pytest.approx(other.fit_result_.icl, rel=1e-8)


@pytest.mark.parametrize("solver", ["mle", "em"])
def test_weights_equal_repetition(weighted, solver):
    X, y, weight = weighted
    estimator = GaussianMoERegressor(2, solver=solver, n_init=3, tol=1e-10, max_iter=5000, random_state=0)
    by_weight = estimator.fit(X, y, sample_weight=weight)
    repeated = GaussianMoERegressor(**estimator.get_params()).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_same_fit(by_weight, repeated)
    # Weights matter here at all.
    plain = GaussianMoERegressor(**estimator.get_params()).fit(X, y)
    assert np.abs(fitted_values(plain) - fitted_values(repeated)).max() > 1e-3


def test_weight_zero_equals_removal(weighted):
    X, y, weight = weighted
    used = weight > 0
    estimator = GaussianMoERegressor(2, tol=1e-10, random_state=0)
    with_zeros = estimator.fit(X, y, sample_weight=used.astype(float))
    removed = GaussianMoERegressor(**estimator.get_params()).fit(X[used], y[used])
    assert_same_fit(with_zeros, removed)


def test_unit_weights_change_nothing(weighted):
    X, y, _ = weighted
    estimator = GaussianMoERegressor(2, tol=1e-10, random_state=0).fit(X, y, sample_weight=np.ones(len(y)))
    assert_same_fit(estimator, GaussianMoERegressor(**estimator.get_params()).fit(X, y))
