"""Student t experts: against scipy.stats, differences, quadrature and the Gaussian limit."""

import pickle

import numpy as np
import pytest
from expert_checks import check_density, check_derivatives, check_frame, check_objective, draw
from scipy import stats

from gmoe.experts import GAUSSIAN, StudentExperts, as_experts
from gmoe.frames import ResponseFrame
from gmoe.part import Size

FAMILIES = {"df=4": StudentExperts(), "df=0.7": StudentExperts(0.7), "estimate": StudentExperts("estimate")}
each_family = pytest.mark.parametrize("experts", FAMILIES.values(), ids=FAMILIES)


@each_family
@pytest.mark.parametrize("d", [0, 2])
def test_derivatives(experts, d):
    check_derivatives(experts, d=d)


@each_family
def test_density_integrates_to_one(experts):
    check_density(experts)


@each_family
@pytest.mark.parametrize("d", [0, 2])
def test_frames(experts, d):
    check_frame(experts, d=d)


@each_family
def test_score_and_hessian_of_the_mixture(experts):
    check_objective(experts)


@each_family
def test_density_is_that_of_scipy(experts):
    own, shared, x, y = draw(experts)
    df, scale = experts.degrees(shared), np.exp(0.5 * own[:, -1:])
    t = stats.t(df, own[:, :1] + own[:, 1:-1] @ x, scale)
    # A few roundings of numbers of size 10.
    np.testing.assert_allclose(experts.value(own, shared, x, y), t.logpdf(y), rtol=0, atol=1e-13)
    np.testing.assert_allclose(experts.mean(own, shared, x)[:, 0], own[:, :1] + own[:, 1:-1] @ x)
    if df > 2:
        np.testing.assert_allclose(experts.covariance(own, shared, x)[:, 0, 0], t.var() * np.ones_like(y))


def test_no_variance_up_to_two_degrees_of_freedom():
    own, shared, x, _ = draw(StudentExperts(2.0))
    assert np.isposinf(StudentExperts(2.0).covariance(own, shared, x)).all()
    assert np.isfinite(StudentExperts(2.1).covariance(own, shared, x)).all()


def test_many_degrees_of_freedom_are_gaussian():
    own, shared, x, y = draw(StudentExperts())
    own[:, -1] += 1.0
    exact = GAUSSIAN.value(own, shared, x, y)
    z2 = -2.0 * (exact + 0.5 * own[:, -1:]) - np.log(2.0 * np.pi)
    for df in (1e3, 1e5):
        # log t - log normal = (z**4 - 2 z**2 - 1) / (4 df) + O(z**6 / df**2); Johnson, Kotz and Balakrishnan, ch. 28.
        first = (z2**2 - 2.0 * z2 - 1.0) / (4.0 * df)
        assert np.abs(StudentExperts(df).value(own, shared, x, y) - exact - first).max() < z2.max() ** 3 / df**2 + 1e-10
    rows, expected = StudentExperts(1e9).jacobian(own, shared, x, y), GAUSSIAN.jacobian(own, shared, x, y)
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_values_far_out_do_not_overflow():
    own, shared, x, y = draw(StudentExperts())
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(StudentExperts().value(own, shared, x, 1e200 * y)).all()
        assert np.isfinite(StudentExperts().jacobian(own, shared, x, 1e200 * y)).all()
        assert np.isfinite(StudentExperts().curvature(own, shared, np.ones((3, 7)), x, 1e200 * y)).all()


@each_family
def test_draws(experts):
    own, shared, x, _ = draw(experts, m=4000)
    which = np.arange(4000) % 3
    y = experts.draw(own, shared, x, which, np.random.default_rng(11))[0]
    location = own[which, 0] + np.sum(own[which, 1:-1] * x.T, axis=1)
    z = (y - location) / np.exp(0.5 * own[which, -1])
    # False alarm of each of the families with probability 1e-3; the seed is fixed.
    assert stats.kstest(z, stats.t(experts.degrees(shared)).cdf).pvalue > 1e-3


def test_estimated_degrees_of_freedom_stay_in_range():
    experts = StudentExperts("estimate")
    own, _, x, y = draw(experts)
    for shared in ([-800.0], [800.0]):
        assert 1.0 <= experts.degrees(np.array(shared)) <= 200.0
        assert np.isfinite(experts.curvature(own, np.array(shared), np.ones((3, 7)), x, y)).all()
    raw = experts.to_raw(own, np.array([0.3]), ResponseFrame.identity(2))
    for df in (1.0, 200.0):
        again, shared = experts.from_raw(raw | {"df": np.array(df)}, ResponseFrame.identity(2))
        assert experts.degrees(shared) == pytest.approx(df, rel=1e-12)
    with pytest.raises(ValueError, match="df must lie within 1 and 200, got 300"):
        experts.from_raw(raw | {"df": np.array(300.0)}, ResponseFrame.identity(2))


def test_values_and_names():
    assert as_experts("student:df=4") == StudentExperts() == StudentExperts(4) != StudentExperts(5)
    assert as_experts("student:df=estimate").estimated
    assert repr(StudentExperts(3)) == "StudentExperts(df=3.0)"
    for experts in FAMILIES.values():
        assert pickle.loads(pickle.dumps(experts)) == experts
    names = [array.name for array in StudentExperts("estimate").arrays(Size(2, 1))]
    assert names == ["intercept", "coef", "scale_squared", "df"]
    for wrong, error in (("many", ValueError), (0.0, ValueError), (None, TypeError)):
        with pytest.raises(error, match="df must be"):
            StudentExperts(wrong)
    with pytest.raises(ValueError, match="one response"):
        StudentExperts().check(2, 1, 2)
