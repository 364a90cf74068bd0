"""Gaussian experts of several responses against other software: least squares, SciPy, scikit-learn's mixtures."""

import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

from gmoe import GaussianMoERegressor, GMoE, Parameters, ParameterSpace
from gmoe._arrays import Blocks, Design
from gmoe.experts import GaussianExperts, MultivariateGaussianExperts
from gmoe.gates import SoftmaxGate
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.spread_wall import spread_wall

KINDS = ("full", "diagonal", "spherical", "tied")
SKLEARN = {"full": "full", "diagonal": "diag", "spherical": "spherical", "tied": "tied"}
each_kind = pytest.mark.parametrize("kind", KINDS)


def experts(kind):
    return MultivariateGaussianExperts(kind)


def mixture_data(seed=0, n=600):
    """Three clusters in two dimensions, near enough for their shapes to matter."""
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    root = np.array([[[1.0, 0.0], [0.6, 0.5]], [[0.7, 0.0], [-0.4, 0.9]], [[0.5, 0.0], [0.2, 0.4]]])
    centre = np.array([[0.0, 0.0], [3.0, 1.0], [0.5, 4.0]])
    return centre[label] + np.einsum("nab,nb->na", root[label], rng.normal(size=(n, 2)))


def regression_data(seed=0, n=400, d=2, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * [1.0, 30.0] + [0.0, 100.0]
    noise = rng.normal(size=(n, p)) @ rng.normal(size=(p, p))
    return X, X @ rng.normal(size=(d, p)) + rng.normal(size=p) + noise


@each_kind
def test_one_expert_is_least_squares(kind):
    X, y = regression_data()
    parameters = GaussianMoERegressor(1, experts=experts(kind)).fit(X, y).model_.parameters
    design = np.column_stack([np.ones(len(X)), X])
    expected = np.linalg.lstsq(design, y)[0]
    scatter = np.cov((y - design @ expected).T, bias=True)
    # 1e-10: rounding of the sums, times the condition of the raw columns.
    np.testing.assert_allclose(parameters.intercept[0], expected[0], rtol=1e-10)
    np.testing.assert_allclose(parameters.coef[0], expected[1:].T, rtol=1e-10)
    found, best = {
        "full": lambda: (parameters.covariance[0], scatter),
        "tied": lambda: (parameters.covariance, scatter),
        "diagonal": lambda: (parameters.variance[0], np.diag(scatter)),
        "spherical": lambda: (parameters.variance[0], np.trace(scatter) / 3.0),
    }[kind]()
    np.testing.assert_allclose(found, best, rtol=1e-10)


def as_parameters(kind, mixture):
    """Parameters of a mixture that scikit-learn has fitted, with constant gate and means."""
    k, p = mixture.means_.shape
    shape = {"full": "covariance", "tied": "covariance", "diagonal": "variance", "spherical": "variance"}[kind]
    return Parameters(
        gate_intercept=np.log(mixture.weights_),
        gate_coef=np.empty((k, 0)),
        intercept=mixture.means_,
        coef=np.empty((k, p, 0)),
        **{shape: mixture.covariances_},
    )


@each_kind
def test_constant_gate_and_means_are_a_gaussian_mixture(kind):
    y = mixture_data()
    X = np.zeros((len(y), 1))
    # No ridge on the covariances (it is 1e-6 by default), and EM until it stands still.
    mixture = GaussianMixture(
        3, covariance_type=SKLEARN[kind], reg_covar=0.0, tol=1e-13, max_iter=20_000, n_init=5, random_state=0
    ).fit(y)
    start = as_parameters(kind, mixture)
    model = GaussianMoERegressor(
        3, experts=experts(kind), gate_features=[], expert_features=[], init=start, tol=1e-11
    ).fit(X, y)
    assert model.fit_result_.status == "converged"
    # EM that gains 1e-13 per step has 1e-6 of the parameters to go.
    assert model.log_likelihood_ == pytest.approx(mixture.score(y) * len(y), abs=1e-6)
    found, order = model.model_.parameters.arrays, np.argsort(model.model_.parameters.intercept[:, 0])
    expected = start.arrays
    before = np.argsort(mixture.means_[:, 0])
    shares = np.exp(found["gate_intercept"]) / np.exp(found["gate_intercept"]).sum()
    np.testing.assert_allclose(shares[order], mixture.weights_[before], atol=1e-6)
    for name in ("intercept", "covariance", "variance"):
        if name in expected:
            per_expert = len(expected[name]) == 3
            left = found[name][order] if per_expert else found[name]
            np.testing.assert_allclose(left, expected[name][before] if per_expert else expected[name], atol=1e-6)
    np.testing.assert_allclose(model.model_.log_density(X, y), mixture.score_samples(y), atol=1e-5)


@each_kind
def test_log_density_is_scipys(kind):
    X, y = regression_data(1)
    rng = np.random.default_rng(2)
    root = rng.normal(size=(2, 3, 3))
    variance = rng.uniform(0.5, 2.0, (2, 3))
    arrays, covariance = {
        "full": ({"covariance": root @ root.transpose(0, 2, 1)}, root @ root.transpose(0, 2, 1)),
        "tied": ({"covariance": root[0] @ root[0].T}, [root[0] @ root[0].T] * 2),
        "diagonal": ({"variance": variance}, [np.diag(v) for v in variance]),
        "spherical": ({"variance": variance[:, 0]}, [v * np.eye(3) for v in variance[:, 0]]),
    }[kind]
    parameters = Parameters(rng.normal(size=2), rng.normal(size=(2, 2)), rng.normal(size=(2, 3)),
                            rng.normal(size=(2, 3, 2)), **arrays)  # fmt: skip
    model = GMoE(parameters, experts=experts(kind))
    log_gate = model.log_gate_proba(X)
    joint = [
        stats.multivariate_normal.logpdf(
            y - parameters.intercept[j] - X @ parameters.coef[j].T, np.zeros(3), covariance[j]
        )
        + log_gate[:, j]
        for j in range(2)
    ]
    np.testing.assert_allclose(model.log_density(X, y), np.logaddexp(*joint), rtol=1e-11)


@pytest.mark.parametrize("kind", ["full", "diagonal", "spherical"])
def test_one_response_is_the_univariate_family(kind):
    X, y = regression_data(3)
    x, r = X.T / 30.0, np.random.default_rng(4).dirichlet(np.ones(2), len(X))
    many, one = experts(kind), GaussianExperts()
    for found, expected in zip(many.start(r, x, y[:, :1].T), one.start(r, x, y[:, :1].T), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    own, shared = one.start(r, x, y[:, :1].T)
    for method in ("value", "jacobian"):
        left, right = (getattr(family, method)(own, shared, x, y[:, :1].T) for family in (many, one))
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-11)


def test_responses_in_other_units_and_mixed_give_the_same_fit():
    X, y = regression_data(5)
    y[::3] = y[::3] @ np.diag([1.0, -1.0, 1.0]) + 8.0
    turn = np.array([[2.0, 0.0, 1.0], [0.0, 1e3, 0.0], [-1.0, 0.0, 1e-2]])
    first, second = (
        GaussianMoERegressor(2, experts="multivariate", n_init=4, random_state=0).fit(X, response)
        for response in (y, y @ turn.T)
    )
    assert first.fit_result_.status == second.fit_result_.status == "converged"
    shift = len(y) * np.linalg.slogdet(turn)[1]
    # Log-likelihoods move by the log of the volume, coefficients and covariances with the responses.
    assert second.log_likelihood_ == pytest.approx(first.log_likelihood_ - shift, abs=1e-6)
    p, q = first.model_.parameters, second.model_.parameters
    np.testing.assert_allclose(q.coef, turn @ p.coef, rtol=1e-5, atol=1e-5 * np.abs(q.coef).max())
    expected = turn @ p.covariance @ turn.T
    np.testing.assert_allclose(q.covariance, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def collapsing(seed=6, n=300):
    """A third of the responses on a line: the full covariance of their expert has no inverse."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    y = np.column_stack([X[:, 0], -X[:, 0]]) + rng.normal(size=(n, 2))
    flat = np.arange(n) % 3 == 0
    y[flat] = 6.0 + np.outer(rng.normal(size=flat.sum()), [1.0, 1.0])
    return X, y


@pytest.mark.parametrize("ratio", [1e-2, 1e-4])
def test_eigenvalue_ratio_is_held_and_named(ratio):
    X, y = collapsing()
    space = ParameterSpace(variance_ratio=ratio)
    with pytest.warns(UserWarning, match="lower bound"):
        model = GaussianMoERegressor(2, experts="multivariate", parameter_space=space, random_state=0).fit(X, y)
    result = model.fit_result_
    assert result.status == "variance_at_bound"
    # The bound is on covariances relative to that of the residuals of one regression, whatever the units of y.
    design = np.column_stack([np.ones(len(X)), X])
    residual = y - design @ np.linalg.lstsq(design, y)[0]
    white = np.linalg.inv(np.linalg.cholesky(np.cov(residual.T, bias=True)))
    values = np.linalg.eigvalsh(white @ model.model_.parameters.covariance @ white.T)
    assert values.min() / values.max() == pytest.approx(ratio, rel=1e-6)
    # What is left of the gradient along the wall.
    assert result.gradient <= 1e-8
    assert result.smallest_eigenvalue > 0.0


def test_eigenvalue_wall_has_right_derivatives():

    X, y = collapsing()
    design = Design(np.arange(1), np.zeros(1), np.eye(1), np.ones(1))
    for kind in ("full", "tied"):
        objective = Objective(Blocks(X, y, None, design, design), SoftmaxGate(), 2, experts=experts(kind))
        wall, theta = spread_wall(objective), np.random.default_rng(7).normal(size=objective.n_parameters)
        which = np.arange(len(wall.values(theta)))
        step = 1e-5 * np.eye(len(theta))
        normals = np.array([(wall.values(theta + h) - wall.values(theta - h)) / 2e-5 for h in step])
        # Central differences with a step of 1e-5: 1e-10 from the formula, 1e-11 from rounding.
        np.testing.assert_allclose(wall.normals(theta, which), normals, atol=1e-8)
        multipliers = np.random.default_rng(8).uniform(size=len(which))
        bend = np.array(
            [(wall.normals(theta + h, which) - wall.normals(theta - h, which)) @ multipliers / 2e-5 for h in step]
        )
        np.testing.assert_allclose(wall.bend(theta, which, multipliers), bend, atol=1e-6)


def test_what_cannot_work_is_refused():
    X, y = regression_data()
    with pytest.raises(ValueError, match="Unknown covariance 'round'; known: full, diagonal, spherical, tied"):
        MultivariateGaussianExperts("round")
    with pytest.raises(TypeError, match="covariance must be one of"):
        MultivariateGaussianExperts(3)
    space = ParameterSpace(variance_ratio=1.0)
    with pytest.raises(ValueError, match="covariance='tied'"):
        GaussianMoERegressor(2, experts="multivariate", parameter_space=space).fit(X, y)
    space = ParameterSpace(min_variance=0.1)
    with pytest.raises(ValueError, match="min_relative_variance"):
        GaussianMoERegressor(2, experts="multivariate", parameter_space=space).fit(X, y)
    with pytest.raises(ValueError, match="positive definite"):
        GMoE(
            Parameters([0.0], [[0.0]], np.zeros((1, 2)), np.zeros((1, 2, 1)), covariance=[[[1.0, 2.0], [2.0, 1.0]]]),
            experts="multivariate",
        ).log_density(X[:, :1], y[:, :2])
