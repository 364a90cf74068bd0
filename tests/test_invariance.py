"""Fits follow the units, offsets, rotations and order of the data, and do not depend on labels."""

import numpy as np
import pytest
from likelihood import REGULAR

from gmoe import GaussianMoERegressor, GMoE
from gmoe.datasets import load_penguins, make_gmoe

# Log-likelihood to the contract's 1e-8; parameters to 1e-6: a gradient of 1e-10 over curvatures of 1e-3 leaves 1e-7.
LIKELIHOOD, PARAMETERS = 1e-8, 1e-6
DATA = {
    "simulated": (*make_gmoe(800, 2, 2, random_state=4, **REGULAR)[:2], 2),
    "three experts": (*make_gmoe(1000, 3, 3, noise=0.7, gate_scale=1.0, expert_scale=3.0, random_state=1)[:2], 3),
    "penguins": (*load_penguins(return_X_y=True), 2),
}


def fit(X, y, k, **options):
    return GaussianMoERegressor(k, n_init=10, tol=1e-10, random_state=0, **options).fit(X, y)


@pytest.fixture(scope="module", params=DATA)
def case(request):
    X, y, k = DATA[request.param]
    fitted = fit(X, y, k)
    assert fitted.fit_result_.status == "converged"
    return X, y, k, fitted


def covariance(fitted):
    """Covariance with zeros where a parameter is pinned, by expert and parameter."""
    return np.nan_to_num(fitted.fit_result_.covariance)


def mapped(fitted, A, c, a, b):
    """Parameters and covariance of the fit to (X A' + c, a + b y), from those of the fit to (X, y)."""
    gate, expert = fitted.model_.parameters.gate, fitted.model_.parameters.expert
    d = len(A)
    inverse = np.linalg.inv(A)
    slope = np.zeros((1 + d, 1 + d))
    slope[0, 0], slope[0, 1:], slope[1:, 1:] = 1.0, -inverse @ c, inverse.T
    block = np.zeros((2 * d + 3, 2 * d + 3))
    block[: 1 + d, : 1 + d], block[1 + d : -1, 1 + d : -1], block[-1, -1] = slope, b * slope, b * b
    jacobian = np.kron(np.eye(len(gate)), block)
    expert = b * expert @ slope.T
    expert[:, 0] += a
    return gate @ slope.T, expert, b * b * fitted.variance_, jacobian @ covariance(fitted) @ jacobian.T


def assert_same(fitted, gate, expert, variance, expected_covariance):
    for found, expected in [
        (fitted.model_.parameters.gate, gate),
        (fitted.model_.parameters.expert, expert),
        (fitted.variance_, variance),
    ]:
        # Relative to the largest entry of each column: offsets mix into intercepts.
        size = np.abs(expected).max(axis=0)
        assert np.all(np.abs(found - expected) <= PARAMETERS * size), (found, expected)
    error = np.sqrt(np.diag(expected_covariance))
    # In units of the standard errors, pinned parameters left out.
    difference = covariance(fitted) - expected_covariance
    scale = np.where(error > 0, error, np.inf)
    assert np.abs(difference / scale / scale[:, None]).max() < 1e-5
    np.testing.assert_allclose(np.nan_to_num(fitted.fit_result_.standard_errors), error, rtol=1e-5)


@pytest.mark.parametrize(("a", "b"), [(3.0, 2.0), (-1e3, 1e-6), (5.0, -1.0), (0.0, -1e5)])
def test_response(case, a, b):
    X, y, k, fitted = case
    moved = fit(X, a + b * y, k)
    d = X.shape[1]
    expected = fitted.log_likelihood_ - len(y) * np.log(abs(b))
    assert moved.log_likelihood_ == pytest.approx(expected, rel=LIKELIHOOD)
    assert_same(moved, *mapped(fitted, np.eye(d), np.zeros(d), a, b))


@pytest.mark.parametrize("kind", ["columns", "matrix"])
def test_features(case, kind):
    X, y, k, fitted = case
    d = X.shape[1]
    rng = np.random.default_rng(2)
    A = np.diag([1e-4, -3.0, 1e5][:d]) if kind == "columns" else rng.normal(size=(d, d)) + 2 * np.eye(d)
    c = 10.0 * rng.normal(size=d) * np.abs(A).sum(axis=1)
    moved = fit(X @ A.T + c, y, k)
    assert moved.log_likelihood_ == pytest.approx(fitted.log_likelihood_, rel=LIKELIHOOD)
    assert_same(moved, *mapped(fitted, A, c, 0.0, 1.0))


def test_order_of_rows_and_columns(case):
    X, y, k, fitted = case
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(y)), np.roll(np.arange(X.shape[1]), 1)
    for moved in (fit(X[rows], y[rows], k), fit(X[:, columns], y, k)):
        assert moved.log_likelihood_ == pytest.approx(fitted.log_likelihood_, rel=LIKELIHOOD)
    A = np.eye(X.shape[1])
    assert_same(fit(X[rows], y[rows], k), *mapped(fitted, A, np.zeros(len(A)), 0.0, 1.0))
    assert_same(fit(X[:, columns], y, k), *mapped(fitted, A[columns], np.zeros(len(A)), 0.0, 1.0))


def test_labels(case):
    X, y, k, fitted = case
    start = fitted.model_.parameters
    order = np.roll(np.arange(k), 1)
    moved = fit(X, y, k, init=GMoE(start.reorder(order)).canonical().parameters)
    assert moved.log_likelihood_ == pytest.approx(fitted.log_likelihood_, rel=LIKELIHOOD)
    # Reported in the documented order again, by falling share.
    assert_same(moved, start.gate, start.expert, start.variance, covariance(fitted))
    responsibilities = fitted.responsibilities(X, y)[:, order]
    again = fit(X, y, k, init=responsibilities)
    assert_same(again, start.gate, start.expert, start.variance, covariance(fitted))


def test_gate_shift_of_a_start_changes_nothing(case):
    """One vector added to all gate parameters is the same model."""
    X, y, k, fitted = case
    start = fitted.model_.parameters
    moved = fit(X, y, k, init=start.with_gate(start.gate + np.arange(1.0, X.shape[1] + 2) / np.r_[1, X.std(axis=0)]))
    assert moved.log_likelihood_ == pytest.approx(fitted.log_likelihood_, rel=LIKELIHOOD)
    assert_same(moved, start.gate, start.expert, start.variance, covariance(fitted))


@pytest.mark.parametrize(("a", "b"), [(1e90, 1e-75), (1.0, 1e-85), (1e-90, 1e75), (1e150, 1e140), (1e-150, 1e-120)])
@pytest.mark.parametrize("experts", ["gaussian", "student:df=4"])
def test_standard_errors_whose_squares_overflow(a, b, experts):
    """Standard errors and z values follow the units as far as the fit does; their squares are beyond doubles here."""
    X, y = DATA["simulated"][0][:300], DATA["simulated"][1][:300]
    one, moved = (
        GaussianMoERegressor(2, experts=experts, n_init=2, random_state=0).fit(u * X, v * y)
        for u, v in ((1.0, 1.0), (a, b))
    )
    r, s = one.fit_result_, moved.fit_result_
    assert (r.notes, r.status) == (s.notes, s.status)
    # Estimates agree to 1e-6 as above, and z values are their ratios to standard errors of the same digits.
    for left, right in zip(one.summary().rows(), moved.summary().rows(), strict=True):
        assert right["z"] == pytest.approx(left["z"], rel=1e-5, nan_ok=True)
        assert (right["std_error"] > 0.0) == (left["std_error"] > 0.0)
        relative = [row["std_error"] / abs(row["estimate"] or 1.0) for row in (left, right)]
        assert relative[1] == pytest.approx(relative[0], rel=1e-5, nan_ok=True)
    np.testing.assert_allclose(s.correlation, r.correlation, atol=1e-5)
