"""EM and Newton: monotone, to the maximum, never worse than an independent optimiser, limits kept and recorded."""

import numpy as np
import pytest
from likelihood import read, value_and_gradient
from scipy.optimize import minimize, minimize_scalar
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, Parameters, SoftmaxGate
from gmoe.datasets import load_penguins, load_temperature_anomalies, make_gmoe
from gmoe.solvers.fit import fit as fit_arrays
from gmoe.solvers.newton import trust_region_step

REGULAR = {"noise": 1.0, "gate_scale": 1.0, "expert_scale": 2.0}


def fit(X, y, k, weight=None, **options):
    """The solver without the estimator's warnings: here stops and bounds are the matter, not the messages."""
    columns = np.arange(X.shape[1])
    return fit_arrays(
        X, y, weight, gate=SoftmaxGate(), gate_columns=columns, expert_columns=columns, n_experts=k, **options
    )


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
        p.gate_intercept, p.gate_coef / x_scale, p.intercept * y_scale, p.coef * y_scale / x_scale, p.variance * y_scale**2
    )
    return X, y, k, weight, start


def test_em_never_falls_on_500_random_problems():
    fall, rise = 0.0, 0
    for seed in range(500):
        X, y, k, weight, start = random_problem(seed)
        result = fit(X, y, k, weight, init=start, solver="em", max_iter=40)
        history = np.array(result.history)
        fall = max(fall, np.max(-np.diff(history) / (1 + np.abs(history[:-1])), initial=0.0))
        rise += history[-1] > history[0] + 1e-3
        # The history is the likelihood: both its ends, by the oracle.
        for value, parameters in [(history[0], start), (history[-1], result.model.parameters)]:
            oracle, _ = value_and_gradient(table(parameters), X, X, y, weight)
            # Variances at their bound of 1e-6 magnify rounding of the residuals by 1e3.
            assert value == pytest.approx(oracle, rel=1e-9, abs=1e-9), seed
    assert fall <= 1e-10
    assert rise > 450


def test_first_em_step_of_the_experts_is_weighted_least_squares():
    X, y, k, weight, start = random_problem(33)
    result = fit(X, y, k, weight, init=start, solver="em", max_iter=1)
    logit = start.gate_intercept + X @ start.gate_coef.T
    residual = y[:, None] - start.intercept - X @ start.coef.T
    joint = np.exp(logit - logit.max(axis=1, keepdims=True) - 0.5 * residual**2 / start.variance) / np.sqrt(start.variance)
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
def test_em_and_newton_end_at_the_same_optimum(seed):
    k, d = 1 + seed % 4, 1 + seed % 3
    X, y, truth, _ = make_gmoe(50 if seed % 2 else 500, d, k, random_state=seed, **REGULAR)
    em = fit(X, y, k, init=truth.parameters, solver="em", max_iter=3000)
    mle = fit(X, y, k, init=truth.parameters)
    # No stop short of the limit: either the gradient is small, or every iteration was used.
    assert em.gradient <= 1e-8 or em.n_iter == 3000
    assert mle.gradient <= 1e-8
    if em.gradient > 1e-8 or mle.status != "converged":
        return
    # Average value: gradient**2 / curvature; parameters: gradient / curvature.
    assert em.log_likelihood == pytest.approx(mle.log_likelihood, abs=1e-6)
    tolerance = max(1e-6, 1e-7 / mle.smallest_eigenvalue)
    np.testing.assert_allclose(table(em.model.parameters), table(mle.model.parameters), rtol=tolerance, atol=tolerance)


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
    result = fit(X, y, k)
    assert result.status in ("converged", "gate_separated", "variance_at_bound")
    _, gradient = value_and_gradient(table(result.model.parameters), X, X, y)
    # 1e-8 in every scaled coordinate; rotated, at most sqrt(d) times that, and the last is in the log of the variance.
    assert np.abs(gradient).max() / len(y) <= 1e-8 * max(2.0, np.sqrt(d))
    assert result.gradient <= 1e-8


@pytest.mark.parametrize(("n", "d", "k", "n_fitted"), [(200, 1, 2, 2), (300, 2, 2, 3), (400, 1, 3, 3), (300, 1, 1, 2)])
def test_an_independent_optimiser_is_never_better(n, d, k, n_fitted):
    X, y, _, _ = make_gmoe(n, d, k, random_state=n + d, **REGULAR)
    ours = fit(X, y, n_fitted).log_likelihood
    residual = y - X @ np.linalg.lstsq(X, y)[0]
    floor = np.log(1e-6 * residual.var())
    rng = np.random.default_rng(0)

    def negative(theta):
        rows = theta.reshape(n_fitted, -1).copy()
        rows[:, -1] = np.exp(rows[:, -1])
        value, gradient = value_and_gradient(rows, X, X, y)
        return -value, -gradient.ravel()

    ends = []
    for _ in range(20):
        start = rng.normal(size=(n_fitted, 2 * d + 3)) * y.std()
        start[:, -1] = np.log(y.var() * rng.uniform(0.1, 1.0, n_fitted))
        bounds = ([(-200.0, 200.0)] * (2 * d + 2) + [(floor, None)]) * n_fitted
        options = {"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-7}
        end = minimize(negative, start.ravel(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        # A spike at the bound is no estimate.
        if end.x.reshape(n_fitted, -1)[:, -1].min() > floor + np.log(10.0):
            ends.append(-end.fun)
    # The independent search works: most starts end inside and near the best; and none beats ours.
    assert len(ends) >= 10
    assert max(ends) > ours - 0.5
    assert max(ends) <= ours + 1e-6


DATA_SETS = {
    "co2": read("co2data", "GNP", "CO2"),
    "no": read("nodata", "NO", "Equivalence"),
    "temperature": load_temperature_anomalies(return_X_y=True),
    "penguins": (load_penguins().data[:, :1], load_penguins().target),
    "one expert": make_gmoe(300, 2, 1, random_state=1, **REGULAR)[:2],
    "two experts": make_gmoe(300, 1, 2, random_state=2, **REGULAR)[:2],
    "noise": (np.random.default_rng(5).normal(size=(100, 1)), np.random.default_rng(6).standard_t(3, 100)),
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_one_expert_more_never_fits_worse(name):
    X, y = DATA_SETS[name]
    values = [fit(X, y, k, seed=1).log_likelihood for k in range(1, 5)]
    assert np.diff(values).min() >= -1e-6, values


@pytest.mark.parametrize("solver", ["mle", "em"])
def test_limits_are_recorded(solver):
    X, y, _, _ = make_gmoe(200, 1, 2, random_state=0, **REGULAR)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        fitted = GaussianMoERegressor(2, solver=solver, max_iter=1, random_state=0).fit(X, y)
    assert fitted.fit_result_.status == "max_iter"
    assert not fitted.converged_
    assert fitted.fit_result_.gradient > 1e-8


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
    "nearly so": ([-2.0, 1.0, 3.0], [1e-14, 0.5, 0.5], 1.0),
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
