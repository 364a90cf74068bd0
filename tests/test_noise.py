"""A noise component: its density, its void parameters, and what the solvers make of it."""

import pickle

import numpy as np
import pytest
from expert_checks import (
    check_density,
    check_derivatives,
    check_frame,
    check_objective,
    draw,
    objective_of,
    random_frame,
)
from scipy import stats

from gmoe import ParameterSpace
from gmoe.experts import (
    GAUSSIAN,
    HeteroscedasticExperts,
    NoiseExperts,
    NormalDensity,
    StudentExperts,
    UniformDensity,
    as_experts,
)
from gmoe.part import Size
from gmoe.solvers.evidence.undetermined import determined
from gmoe.solvers.problem.objective import SCORE, Objective
from gmoe.solvers.search.standing import price, rows_held
from gmoe.solvers.starts.given import beside_given, given_last
from gmoe.solvers.starts.kinds import from_responsibilities, grow, twin
from gmoe.solvers.starts.sample import Sample

UNIFORM, WIDE = UniformDensity(-30.0, 40.0), NormalDensity(1.0, 20.0)
FAMILIES = {
    "uniform": NoiseExperts(UNIFORM),
    "normal": NoiseExperts(WIDE),
    "beside t": NoiseExperts(UNIFORM, StudentExperts("estimate")),
    "beside heteroscedastic": NoiseExperts(WIDE, HeteroscedasticExperts()),
}
each_family = pytest.mark.parametrize("experts", FAMILIES.values(), ids=FAMILIES)


@each_family
def test_derivatives(experts):
    if type(experts.experts) is type(GAUSSIAN):
        assert experts.closed
    check_derivatives(experts)


@each_family
def test_frames(experts):
    check_frame(experts)


@each_family
def test_score_and_hessian_of_the_mixture(experts):
    check_objective(experts)


def test_densities_are_those_of_scipy():
    y = np.array([[-30.0, -3.0, 0.0, 40.0, 41.0]])
    own, shared, x, _ = draw(FAMILIES["uniform"], m=5)
    # The range is wider by a billionth.
    expected = stats.uniform(-30.0, 70.0).logpdf(y[0])
    np.testing.assert_allclose(FAMILIES["uniform"].value(own, shared, x, y)[-1], expected, rtol=1e-9)
    np.testing.assert_allclose(FAMILIES["normal"].value(own, shared, x, y)[-1], stats.norm(1.0, 20.0).logpdf(y[0]))
    np.testing.assert_allclose(FAMILIES["normal"].value(own, shared, x, y)[:-1], GAUSSIAN.value(own[:-1], shared, x, y))
    for density, other in ((UNIFORM, stats.uniform(-30.0, 70.0)), (WIDE, stats.norm(1.0, 20.0))):
        assert (density.mean, density.variance) == pytest.approx((other.mean(), other.var()), rel=1e-8)
        # False alarm with probability 1e-3; the seed is fixed.
        assert stats.kstest(density.draw(2000, np.random.default_rng(3)), other.cdf).pvalue > 1e-3


def test_densities_integrate_to_one():
    check_density(FAMILIES["uniform"], -30.0 - 7e-8, 40.0 + 7e-8)
    check_density(FAMILIES["normal"])


def test_ends_of_the_range_are_inside_in_any_coordinates():
    frame = random_frame(2)
    experts = NoiseExperts(UniformDensity(-1 / 3, 1e5 / 7)).scaled(frame)
    own, shared, x, _ = draw(experts, k=2, m=50)
    for end in (-1 / 3, 1e5 / 7):
        y = frame.whiten @ (end - frame.centre_y[:, None] - frame.slope @ x)
        assert np.isfinite(experts.value(own, shared, x, y)[-1]).all()


def test_void_parameters_are_known():
    objective, theta = objective_of(FAMILIES["uniform"])
    void = np.zeros(len(theta), bool)
    void[objective.void] = True
    assert void.sum() == 4 and not objective.split(void[None].T[:, 0])[1][:-1].any()
    at = objective.evaluate(theta)
    assert not at.gradient[void].any() and not at.hessian[void].any()
    moved = theta.copy()
    moved[void] = 7.0
    assert objective.evaluate(moved).value == at.value
    # Neither the climb's directions, nor what the data leave open, nor the walls contain them.
    assert objective.identified.shape == (21, 21 - 4 - 3) and np.abs(objective.identified[void]).max() < 1e-15
    assert not determined(objective, at)[1][void].any()
    space = ParameterSpace(variance_ratio=0.1, min_variance=0.1, max_variance=10.0)
    bounded = Objective(objective.blocks, objective.gate, 3, space, experts=objective.experts)
    assert len(bounded.flat_wall.rows) == 6 and not bounded.flat_wall.rows[:, void].any()


def test_noise_needs_no_rows():
    objective, theta = objective_of(FAMILIES["uniform"])
    objective.split(theta)[0][-1, 0] = -40.0
    at = objective.evaluate(theta)
    assert objective.shares(at)[-1] < 1e-12 and objective.least_share > 1e-3
    assert not objective.outside(at) and not rows_held(objective, at).any() and price(objective, at) == 0.0
    objective.split(theta)[0][0, 0] = -40.0
    at = objective.evaluate(theta)
    assert objective.outside(at) and rows_held(objective, at).tolist() == [True, False, False]
    assert len(objective.walls(at)) == 2 and objective.walls(at)[1].values(theta).shape == (2,)


def test_noise_stays_the_last_expert():
    objective, theta = objective_of(FAMILIES["uniform"])
    before = objective.evaluate(theta, SCORE).value
    larger = Objective(objective.blocks, objective.gate, 4, experts=objective.experts)
    # The same density, with expert 0 twice and the noise still last: to rounding.
    doubled = twin(objective, theta, 0)
    assert larger.evaluate(doubled, SCORE).value == pytest.approx(before, abs=1e-13)
    np.testing.assert_array_equal(larger.split(doubled)[0][-1], objective.split(theta)[0][-1])
    sample = Sample.of(objective.blocks)
    for r in grow(objective, theta, sample, 8, np.random.default_rng(0)):
        assert r.shape == (len(sample.y), 4)
        np.testing.assert_allclose(r.sum(axis=1), 1.0, atol=1e-12)
        start = from_responsibilities(larger, sample, r)
        assert np.isfinite(larger.evaluate(start, SCORE).value)
        # What was noise is no other expert's: it kept its observations, but for those of a new expert.
        assert np.corrcoef(r[:, -1], posterior_of_noise(objective, theta, sample))[0, 1] > 0.5
    assert given_last([0, 1, 2, 3, 4], 1, 2) == [0, 1, 3, 4, 2]
    assert given_last([0, 1, 2], 0, 1) == [0, 1, 2]


def posterior_of_noise(objective, theta, sample):
    gate, own = objective.split(theta)
    joint = objective.gate.value(gate, objective.shared(theta), sample.x_gate.T)
    joint = joint + objective.experts.value(own, objective.expert_shared(theta), sample.x_expert.T, sample.y.T)
    r = np.exp(joint - joint.max(axis=0))
    return (r / r.sum(axis=0))[-1]


def test_starts_give_noise_the_observations_far_from_lines():
    rng = np.random.default_rng(1)
    objective, _ = objective_of(FAMILIES["uniform"], k=2, weighted=False)
    sample = Sample.of(objective.blocks)
    one = np.ones((len(sample.y), 1))
    even, far = (beside_given(one, 1, sample, rng, number) for number in (0, 1))
    np.testing.assert_allclose(even, [[0.9, 0.1]] * len(one))
    assert np.isclose(far[:, 1], 0.9).mean() == pytest.approx(0.1, abs=0.01)
    assert beside_given(one, 0, sample, rng, 1) is one


def test_values_and_names():
    assert as_experts("noise:low=-30,high=40") == FAMILIES["uniform"]
    assert as_experts("noise:mean=1,sd=20,experts=heteroscedastic") == FAMILIES["beside heteroscedastic"]
    assert as_experts("noise:low=-30,high=40,experts=student:df=estimate") == FAMILIES["beside t"]
    for experts in FAMILIES.values():
        assert pickle.loads(pickle.dumps(experts)) == experts
    expected = "NoiseExperts(UniformDensity(low=-30.0, high=40.0), experts=GaussianExperts())"
    assert repr(FAMILIES["uniform"]) == expected
    raw = GAUSSIAN.arrays(Size(2, 1))
    assert FAMILIES["uniform"].arrays(Size(3, 1)) == raw


def test_bad_input():
    with pytest.raises(ValueError, match="low must be below high"):
        UniformDensity(1.0, 1.0)
    with pytest.raises(ValueError, match="high must be finite"):
        UniformDensity(1.0, np.inf)
    with pytest.raises(TypeError, match="low must be a number"):
        UniformDensity("a", 1.0)
    with pytest.raises(ValueError, match="sd must be positive"):
        NormalDensity(0.0, 0.0)
    with pytest.raises(ValueError, match="need low and high, the range of y, or mean and sd; got low"):
        as_experts("noise:low=1")
    with pytest.raises(ValueError, match="n_experts=1"):
        FAMILIES["uniform"].check(1, 1, 1)
    with pytest.raises(ValueError, match="2 columns"):
        FAMILIES["uniform"].check(2, 1, 2)
