"""Gaussian experts with a log-linear variance: against scipy, differences, and an optimiser of another kind."""

import pickle

import numpy as np
import pytest
import scipy
from expert_checks import check_density, check_derivatives, check_frame, check_objective, draw
from scipy import stats

from gmoe._arrays import Blocks, Design
from gmoe.experts import GAUSSIAN, HeteroscedasticExperts, as_experts
from gmoe.gates import SoftmaxGate
from gmoe.part import Size
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.search.climb import Settings, climb
from gmoe.solvers.starts.kinds import from_responsibilities
from gmoe.solvers.starts.sample import Sample

EXPERTS = HeteroscedasticExperts()
each_d = pytest.mark.parametrize("d", [0, 1, 3])


@each_d
def test_derivatives(d):
    check_derivatives(EXPERTS, d=d)


def test_density_integrates_to_one():
    check_density(EXPERTS)


@each_d
def test_frames(d):
    check_frame(EXPERTS, d=d)


def test_score_and_hessian_of_the_mixture():
    check_objective(EXPERTS)


def test_density_is_that_of_scipy():
    own, shared, x, y = draw(EXPERTS)
    mean, log_variance = own[:, :1] + own[:, 1:3] @ x, own[:, 3:4] + own[:, 4:] @ x
    normal = stats.norm(mean, np.exp(0.5 * log_variance))
    # A few roundings of numbers of size 100.
    np.testing.assert_allclose(EXPERTS.value(own, shared, x, y), normal.logpdf(y), rtol=0, atol=1e-12)
    np.testing.assert_allclose(EXPERTS.mean(own, shared, x)[:, 0], mean)
    np.testing.assert_allclose(EXPERTS.covariance(own, shared, x)[:, 0, 0], np.exp(log_variance))


def test_without_slopes_of_the_variance_it_is_gaussian():
    own, shared, x, y = draw(EXPERTS)
    own[:, 4:] = 0.0
    np.testing.assert_allclose(EXPERTS.value(own, shared, x, y), GAUSSIAN.value(own[:, :4], shared, x, y), atol=1e-12)
    np.testing.assert_allclose(EXPERTS.level(own)[:, :4], GAUSSIAN.level(own[:, :4]))


def test_draws():
    own, shared, x, _ = draw(EXPERTS, m=4000)
    which = np.arange(4000) % 3
    y = EXPERTS.draw(own, shared, x, which, np.random.default_rng(11))[0]
    design = np.vstack([np.ones(4000), x])
    z = (y - np.sum(own[which, :3].T * design, axis=0)) / np.exp(0.5 * np.sum(own[which, 3:].T * design, axis=0))
    # False alarm with probability 1e-3; the seed is fixed.
    assert stats.kstest(z, "norm").pvalue > 1e-3


def single(n=400):
    """One expert's data, standardised, and their objective."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 2))
    y = 1.0 + X @ [0.5, -1.0] + np.exp(0.5 * (0.3 + X @ [0.8, -0.4])) * rng.normal(size=n)
    design = Design(np.arange(2), np.zeros(2), np.eye(2), np.ones(2))
    return X, y, Objective(Blocks(X, y, None, design, design), SoftmaxGate(), 1, experts=EXPERTS)


@pytest.mark.parametrize("solver", ["mle", "em"])
def test_one_expert_is_the_maximum_of_another_optimiser(solver):
    X, y, objective = single()
    start = from_responsibilities(objective, Sample.of(objective.blocks), np.ones((len(y), 1)))
    end = climb(objective, start, Settings(solver, 5, ("kmeans",), 1e-10, 5000, None, 0))
    assert end.converged
    design = np.column_stack([np.ones(len(y)), X])

    def loss(p):
        sd = np.exp(0.5 * design @ p[3:])
        return -np.mean(stats.norm(design @ p[:3], sd).logpdf(y))

    least = scipy.optimize.minimize(loss, np.zeros(6), method="Nelder-Mead", options={"maxiter": 1})
    for _ in range(3):  # Powell needs no derivatives; restarts reach its tolerance.
        least = scipy.optimize.minimize(loss, least.x, method="Powell", options={"xtol": 1e-12, "ftol": 1e-15})
    own = objective.split(end.evaluation.theta)[1][0]
    assert end.evaluation.value == pytest.approx(-least.fun, abs=1e-11)
    # A value exact to 1e-15 tells parameters to its root.
    np.testing.assert_allclose(own, least.x, atol=1e-6)


def test_variance_bounds_hold_to_both_sides_of_the_mean():
    rows = EXPERTS.log_variance_rows(Size(2, 2))
    own, shared, _, _ = draw(EXPERTS, k=1)
    ends = 2.0 * np.array([[1, -1, 0, 0], [0, 0, 1, -1]])
    np.testing.assert_allclose(np.exp(rows @ own[0]), EXPERTS.covariance(own, shared, ends)[0, 0, 0])
    assert EXPERTS.log_variance_rows(Size(2, 0)).tolist() == [[0.0, 1.0]]


def test_values_and_names():
    assert as_experts("heteroscedastic") == EXPERTS == pickle.loads(pickle.dumps(EXPERTS))
    assert repr(EXPERTS) == "HeteroscedasticExperts()"
    names = [array.name for array in EXPERTS.arrays(Size(2, 1))]
    assert names == ["intercept", "coef", "log_variance_intercept", "log_variance_coef"]
    with pytest.raises(ValueError, match="one response"):
        EXPERTS.check(2, 1, 2)
