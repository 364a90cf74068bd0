"""EM and Newton from one start: monotone, to the maximum, limits kept and recorded."""

import numpy as np
import pytest
from likelihood import REGULAR, fit_arrays, value_and_gradient
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, Parameters
from gmoe.datasets import make_gmoe


def random_parameters(rng, k, d):
    return Parameters(
        gate_intercept=rng.normal(size=k),
        gate_coef=rng.normal(size=(k, d)) * 2,
        intercept=rng.normal(size=k),
        coef=rng.normal(size=(k, d)),
        variance=rng.uniform(0.05, 2.0, k),
    )


def table(p):
    return np.column_stack([p.gate_intercept, p.gate_coef, p.intercept, p.coef, p.variance])


def random_problem(seed):
    rng = np.random.default_rng(seed)
    k, d = 1 + seed % 5, 1 + seed // 5 % 3
    n = int(rng.integers(8, 60))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4, d)
    y = rng.standard_t(3, n) * 10.0 ** rng.integers(-3, 4)
    weight = rng.uniform(0.0, 3.0, n) if seed % 2 else None
    # A start in the scale of the data.
    p = random_parameters(rng, k, d)
    x_scale, y_scale = X.std(axis=0), y.std()
    start = Parameters(
        p.gate_intercept,
        p.gate_coef / x_scale,
        p.intercept * y_scale,
        p.coef * y_scale / x_scale,
        p.variance * y_scale**2,
    )
    return X, y, k, weight, start


def test_em_never_falls_on_500_random_problems():
    fall, rise = 0.0, 0
    for seed in range(500):
        X, y, k, weight, start = random_problem(seed)
        result = fit_arrays(X, y, k, weight, init=start, solver="em", max_iter=40)
        history = np.array(result.history)
        fall = max(fall, np.max(-np.diff(history) / (1 + np.abs(history[:-1])), initial=0.0))
        rise += history[-1] > history[0] + 1e-3
        # The history is the likelihood: both its ends, by the oracle.
        for value, parameters in [(history[0], start), (history[-1], result.model.parameters)]:
            oracle, _ = value_and_gradient(table(parameters), X, X, y, weight)
            # Variances at their bound of 1e-12 magnify rounding of the residuals by 1e6.
            assert value == pytest.approx(oracle, rel=1e-6, abs=1e-6), seed
    assert fall <= 1e-10
    assert rise > 450


def test_first_em_step_of_the_experts_is_weighted_least_squares():
    X, y, k, weight, start = random_problem(33)
    result = fit_arrays(X, y, k, weight, init=start, solver="em", max_iter=1)
    logit = start.gate_intercept + X @ start.gate_coef.T
    residual = y[:, None] - start.intercept - X @ start.coef.T
    joint = np.exp(logit - logit.max(axis=1, keepdims=True) - 0.5 * residual**2 / start.variance) / np.sqrt(
        start.variance
    )
    r = weight[:, None] * joint / joint.sum(axis=1, keepdims=True)
    design = np.column_stack([np.ones(len(y)), X])
    expected = []
    for column in r.T:
        root = np.sqrt(column)
        coef = np.linalg.lstsq(design * root[:, None], y * root)[0]
        expected.append([*coef, column @ (y - design @ coef) ** 2 / column.sum()])
    found = np.column_stack([result.model.parameters.expert, result.model.parameters.variance])
    # Experts are reported by share: match by the first column. 1e-7: rounding times the conditioning of raw columns.
    expected = np.array(expected)
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], expected[np.argsort(expected[:, 0])], rtol=1e-7)


@pytest.mark.parametrize("seed", range(24))
def test_em_ends_by_its_gradient_or_its_limit(seed):
    """Near the end the value gains less than its rounding; an EM that watches the value alone stops short there."""
    k, d = 1 + seed % 4, 1 + seed % 3
    X, y, truth, _ = make_gmoe(50, d, k, random_state=seed, **REGULAR)
    result = fit_arrays(X, y, k, init=truth.parameters, solver="em", max_iter=3000)
    assert result.gradient <= 1e-8 or result.n_iter == 3000


@pytest.mark.parametrize("seed", range(8))
def test_em_and_newton_end_at_the_same_optimum(seed):
    # Well separated, started at the truth: one basin.
    k, d = 1 + seed % 3, 1 + seed % 2
    X, y, truth, _ = make_gmoe(2000, d, k, noise=0.5, gate_scale=1.0, expert_scale=3.0, random_state=seed)
    em = fit_arrays(X, y, k, init=truth.parameters, solver="em", max_iter=5000, tol=1e-9)
    mle = fit_arrays(X, y, k, init=truth.parameters, tol=1e-9)
    assert em.status == mle.status == "converged"
    # A gradient g leaves g**2 / curvature in the average value and g / curvature in the scaled parameters.
    assert mle.smallest_eigenvalue > 1e-3
    assert em.log_likelihood == pytest.approx(mle.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(table(em.model.parameters), table(mle.model.parameters), rtol=1e-5, atol=1e-5)


def whitened(n, d, k, seed):
    """Data whose scaled coordinates are the raw ones, up to a rotation."""
    X, y, _, _ = make_gmoe(n, d, k, random_state=seed, **REGULAR)
    X = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(X.T @ X / n)
    X = X @ (vectors / np.sqrt(values))
    y = y - y.mean() - X @ (X.T @ y / n)
    return X, y / y.std()


@pytest.mark.parametrize(("d", "k", "seed"), [(1, 2, 0), (1, 4, 1), (2, 3, 2), (3, 2, 3), (2, 5, 4)])
def test_the_gradient_is_as_small_as_the_certificate_says(d, k, seed):
    X, y = whitened(1000, d, k, seed)
    result = fit_arrays(X, y, k)
    assert result.status in ("converged", "gate_separated", "variance_at_bound")
    _, gradient = value_and_gradient(table(result.model.parameters), X, X, y)
    # 1e-8 in every scaled coordinate, means in units of their own standard deviation; rotated, at most sqrt(d) times
    # that, and the last is in the log of the variance.
    gradient[:, 1 + d : -1] *= np.sqrt(result.model.parameters.variance)[:, None]
    assert np.abs(gradient).max() / len(y) <= 1e-8 * max(2.0, np.sqrt(d))
    assert result.gradient <= 1e-8


@pytest.mark.parametrize("solver", ["mle", "em"])
def test_limits_are_recorded(solver):
    X, y, _, _ = make_gmoe(200, 1, 2, random_state=0, **REGULAR)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        fitted = GaussianMoERegressor(2, solver=solver, max_iter=1, random_state=0).fit(X, y)
    assert fitted.fit_result_.status == "max_iter"
    assert not fitted.converged_
    assert fitted.fit_result_.gradient > 1e-8


def test_em_does_not_call_a_saddle_converged():
    """Equal experts: the gradient is zero by symmetry, the likelihood is 100 above elsewhere."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 1))
    y = np.where(rng.random(100) < 0.5, X[:, 0], -X[:, 0]) * 2 + 0.3 * rng.normal(size=100)
    result = fit_arrays(X, y, 2, init=np.full((100, 2), 0.5), solver="em")
    best = fit_arrays(X, y, 2, init=np.full((100, 2), 0.5))
    assert best.status == "converged"
    assert best.smallest_eigenvalue > 0.01
    # Either it found the way off the saddle, or it says that it has not: nothing is separated here either.
    if result.log_likelihood < best.log_likelihood - 1e-6:
        assert result.status not in ("converged", "gate_separated")
