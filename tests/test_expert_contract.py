"""The contract of every registered family of experts: a new name is found and tested without a line here."""

import itertools
import pickle

import numpy as np
import pytest

from gmoe._arrays import Blocks, Design
from gmoe.experts import VarianceBounds, as_experts, list_experts
from gmoe.experts._named import NAMED
from gmoe.frames import Frame, ResponseFrame
from gmoe.gates import SoftmaxGate
from gmoe.part import Axis, Size
from gmoe.solvers.problem.objective import COMPLETE, OBSERVED, PRODUCTS, SCORE, Objective

K, D, M = 3, 2, 240
WIDE = VarianceBounds(-60.0, 60.0, -120.0)


def suits(experts, p):
    try:
        experts.check(K, D, p)
    except ValueError:
        return False
    return True


MEMBERS = list(dict.fromkeys(member for family in NAMED.values() for member in family.representatives()))
CASES = [
    pytest.param(experts.sized(Size(K, D, p)), p, id=f"{experts!r}-{p}")
    for experts in MEMBERS
    for p in (1, 2, 3)
    if suits(experts, p)
]
each = pytest.mark.parametrize(("experts", "p"), CASES)
each_member = pytest.mark.parametrize("experts", MEMBERS, ids=repr)


def data(p, seed=0, m=M):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(D, m))
    return x, rng.normal(size=(p, D)) @ x + rng.normal(size=(p, p)) @ rng.normal(size=(p, m))


def groups(seed=1, m=M):
    return np.random.default_rng(seed).dirichlet(np.ones(K), m)


def point(experts, p, seed=2):
    """Parameters near those of random soft groups, where nothing is symmetric."""
    rng = np.random.default_rng(seed)
    own, shared = experts.start(groups(), *data(p))
    own = own + 0.2 * rng.normal(size=own.shape)
    # What has no effect.
    own[K - experts.n_given :] = 0.0
    return own, shared + 0.2 * rng.normal(size=shared.shape)


def derivatives(function, own, shared, step=1e-3):
    """Differences of fourth order in an expert's own and the shared parameters, on axis 1 of the result (k, b, ...)."""
    columns = []
    for t in range(own.shape[1] + len(shared)):

        def moved(size, t=t):
            one, two = own.copy(), shared.copy()
            (one.T if t < own.shape[1] else two)[t if t < own.shape[1] else t - own.shape[1]] += size
            return function(one, two)

        near, far = moved(step) - moved(-step), moved(2 * step) - moved(-2 * step)
        columns.append((8.0 * near - far) / (12.0 * step))
    return np.stack(columns, axis=1)


@each
def test_jacobian(experts, p):
    (own, shared), (x, y) = point(experts, p), data(p)
    rows = experts.jacobian(own, shared, x, y)
    expected = derivatives(lambda *at: experts.value(*at, x, y), own, shared)
    assert rows.shape == (K, own.shape[1] + len(shared), M)
    # Differences of fourth order with a step of 1e-3 leave 1e-11 of the values.
    assert np.abs(rows - expected).max() <= 1e-7 * np.abs(rows).max()


@each
def test_curvature(experts, p):
    (own, shared), (x, y), weight = point(experts, p), data(p), groups(3).T - 0.2
    found = experts.curvature(own, shared, weight, x, y)
    expected = derivatives(lambda *at: np.einsum("jm,jtm->jt", weight, experts.jacobian(*at, x, y)), own, shared)
    # Curvature may be differences itself, right to 1e-6.
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(found).max()
    if experts.has_exact_curvature:
        assert np.abs(found - expected).max() <= 1e-8 * np.abs(found).max()


@each
def test_densities_integrate_to_one(experts, p):
    own, shared = point(experts, p)
    at = np.array([[0.3], [-0.7]])
    mean, covariance = experts.mean(own, shared, at)[..., 0], experts.covariance(own, shared, at)[..., 0]
    nodes = {1: 4000, 2: 300, 3: 70}[p]
    # The real line as tangents of equally spaced angles: exponentially accurate, and it reaches into heavy tails.
    angle = np.pi * ((np.arange(nodes) + 0.5) / nodes - 0.5)
    t, weight = np.tan(angle), np.pi / nodes / np.cos(angle) ** 2
    points = np.array(list(itertools.product(t, repeat=p))).T
    weights = np.prod(np.array(list(itertools.product(weight, repeat=p))), axis=1)
    for j in range(K):
        spread = covariance[j] if np.isfinite(covariance[j]).all() else np.eye(p)
        root, centre = np.linalg.cholesky(spread), np.where(np.isfinite(mean[j]), mean[j], 0.0)
        y = centre[:, None] + root @ points
        total = np.zeros(1)
        for lo in range(0, y.shape[1], 50_000):
            part = y[:, lo : lo + 50_000]
            x = np.broadcast_to(at, (D, part.shape[1]))
            total += weights[lo : lo + 50_000] @ np.exp(experts.value(own, shared, x, part)[j])
        # 70 angles leave 1e-7 of a Gaussian in three dimensions.
        assert total[0] * np.linalg.det(root) == pytest.approx(1.0, abs=1e-6)


def response_frame(experts, p, seed=4):
    """Coordinates of features and response at random, of the kind that the family follows."""
    rng, change = np.random.default_rng(seed), experts.follows
    size = np.exp(rng.normal(size=p)) if change.by_column else np.full(p, np.exp(rng.normal()))
    whiten = np.diag(size) + (np.tril(rng.normal(size=(p, p)), -1) if change.mixes else 0.0)
    shift = 1.0 if change.shifts else 0.0
    features = Frame(rng.normal(size=D), rng.normal(size=(D, D)) + 2.0 * np.eye(D))
    return ResponseFrame(features, shift * rng.normal(size=p), shift * rng.normal(size=(p, D)), whiten)


@each
def test_arrays_are_as_declared(experts, p):
    arrays = experts.to_raw(*point(experts, p), response_frame(experts, p))
    declared = experts.arrays(Size(K, D, p))
    lengths = {Axis.EXPERT: K, Axis.FEATURE: D, Axis.OUTPUT: p}
    assert list(arrays) == [array.name for array in declared]
    for array in declared:
        assert arrays[array.name].shape == tuple(lengths[axis] for axis in array.axes)
        assert not array.positive or np.all(arrays[array.name] > 0.0)


@each
@pytest.mark.parametrize("seed", range(4))
def test_raw_arrays_and_back(experts, p, seed):
    (own, shared), frame = point(experts, p, seed), response_frame(experts, p, 10 + seed)
    arrays = experts.to_raw(own, shared, frame)
    back = experts.from_raw(arrays, frame)
    for found, expected in zip(back, (own, shared), strict=True):
        # Rounding of a few products of matrices with condition numbers of at most some hundred.
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(own).max() * 10)
    again = experts.to_raw(*back, frame)
    for name, values in arrays.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-11, atol=1e-11 * np.abs(values).max())


@each
def test_densities_are_the_same_in_both_coordinates(experts, p):
    (own, shared), frame, (x, y) = point(experts, p), response_frame(experts, p), data(p, 5)
    scaled_x = frame.features.transform @ (x - frame.features.centre[:, None])
    scaled_y = frame.whiten @ (y - frame.centre_y[:, None] - frame.slope @ scaled_x)
    expected = experts.scaled(frame).value(own, shared, scaled_x, scaled_y) + np.linalg.slogdet(frame.whiten)[1]
    found = experts.raw_log_density(experts.to_raw(own, shared, frame), x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@each
def test_draws_have_mean_and_covariance(experts, p):
    own, shared = point(experts, p)
    n, at = 40_000, np.array([[0.3], [-0.7]])
    x = np.broadcast_to(at, (D, n))
    for j in range(K):
        y = experts.draw(own, shared, x, np.full(n, j), np.random.default_rng(6 + j))
        mean, covariance = experts.mean(own, shared, at)[j, :, 0], experts.covariance(own, shared, at)[j, :, :, 0]
        assert y.shape == (p, n)
        error = np.abs(y.mean(axis=1) - mean) / np.sqrt(np.diag(covariance) / n)
        # Beyond 5.5 standard errors with probability 4e-8 each: a false alarm of 4e-6 over some hundred numbers.
        assert error.max() < 5.5
        products = (y - mean[:, None])[:, None] * (y - mean[:, None])[None]
        error = np.abs(products.mean(axis=2) - covariance) / (products.std(axis=2) / np.sqrt(n))
        assert error.max() < 5.5


def expected_density(experts, r, x, y):
    return lambda own, shared: float(np.sum(r.T * experts.value(own, shared, x, y)))


def sums(experts, own, shared, r, x, y):
    """Gradients, curvature and mass of the expected log-density of the complete data."""
    slopes = np.einsum("mj,jtm->jt", r, experts.jacobian(own, shared, x, y))
    q = own.shape[1]
    return slopes[:, :q], slopes[:, q:].sum(axis=0), experts.curvature(own, shared, r.T, x, y), r.sum(axis=0)


@each
def test_maximise_raises_the_expected_log_density(experts, p):
    (own, shared), (x, y), r = point(experts, p), data(p), groups(7)
    density = expected_density(experts, r, x, y)
    new, new_shared = experts.maximise(own, shared, *sums(experts, own, shared, r, x, y), WIDE)
    if not experts.closed:
        # A step that may be cut: some part of it rises.
        parts = [density(own + t * (new - own), shared + t * (new_shared - shared)) for t in 0.5 ** np.arange(12)]
        assert max(parts) > density(own, shared)
        return
    assert density(new, new_shared) > density(own, shared)
    gradient, shared_gradient, _, mass = sums(experts, new, new_shared, r, x, y)
    # Rounding of the sums of M rows.
    assert np.abs(gradient * experts.measures(new, new_shared)).max() <= 1e-10 * mass.sum()
    assert np.abs(shared_gradient).max(initial=0.0) <= 1e-10 * mass.sum()


@each
def test_a_closed_maximum_keeps_the_bounds(experts, p):
    if not experts.closed:
        return
    (own, shared), (x, y), r = point(experts, p), data(p), groups(7)
    at = sums(experts, own, shared, r, x, y)
    density, free = expected_density(experts, r, x, y), experts.maximise(own, shared, *at, WIDE)
    logs = experts.log_variances(*free, Size(K, D, p))
    for bounds in (
        VarianceBounds(float(np.median(logs)) - 0.01, 60.0, -120.0),
        VarianceBounds(-60.0, float(np.median(logs)) + 0.01, -120.0),
        VarianceBounds(-60.0, 60.0, 0.5 * float(logs.min() - logs.max())),
    ):
        held = experts.maximise(own, shared, *at, bounds)
        logs_held = experts.log_variances(*held, Size(K, D, p))
        assert logs_held.min() >= bounds.low - 1e-9
        assert logs_held.max() <= bounds.high + 1e-9
        assert logs_held.min() - logs_held.max() >= bounds.ratio - 1e-9
        assert density(*held) <= density(*free) + 1e-9


@each
def test_start_and_level(experts, p):
    x, y = data(p)
    hard = np.eye(K)[np.arange(M) % K] * 0.9 + 0.1 / K
    own, shared = experts.start(hard, x, y)
    size = Size(K, D, p)
    assert own.shape == (K, experts.own_parameters(size))
    assert shared.shape == (experts.shared_parameters(size),)
    assert np.isfinite(own).all()
    assert np.isfinite(shared).all()
    assert np.isfinite(experts.value(own, shared, x, y)).all()
    assert experts.measures(own, shared).shape == own.shape
    logs = experts.log_variances(experts.level(own), shared, size)
    np.testing.assert_allclose(logs, np.broadcast_to(logs[:1], logs.shape), atol=1e-10)


@each_member
def test_members_are_values(experts):
    again = pickle.loads(pickle.dumps(experts))
    assert again == experts
    assert repr(again) == repr(experts)
    assert hash(again) == hash(experts)
    assert type(experts).__name__ in repr(experts)
    assert as_experts(experts) is experts


def test_names():
    assert {"gaussian", "multivariate"} <= set(list_experts())
    for name in {"gaussian", "multivariate", "student", "heteroscedastic"}:
        assert as_experts(name) == as_experts(name)
    with pytest.raises(ValueError, match="Unknown experts 'normal'"):
        as_experts("normal")
    assert len(MEMBERS) >= len(list_experts())


def objective(experts, p, n=300):
    """Softmax gate over the experts, in blocks that end amid strips."""
    x, y = data(p, 8, n)
    design = Design(np.arange(D), np.zeros(D), np.eye(D), np.ones(D))
    weight = np.random.default_rng(9).uniform(0.5, 1.5, n)
    blocks = Blocks(x.T.copy(), y.T.copy() if p > 1 else y[0], weight, design, design, length=130)
    result = Objective(blocks, SoftmaxGate(), K, experts=experts)
    own, shared = point(experts, p)
    gate = np.random.default_rng(10).normal(size=(K, 1 + D))
    return result, result.join(gate, own, np.empty(0), shared)


def slope_of(function, theta, step=1e-4):
    """Differences of fourth order along each parameter, stacked on the last axis."""
    columns = []
    for unit in np.eye(len(theta)):
        near = function(theta + step * unit) - function(theta - step * unit)
        far = function(theta + 2 * step * unit) - function(theta - 2 * step * unit)
        columns.append((8.0 * near - far) / (12.0 * step))
    return np.stack(columns, axis=-1)


@each
def test_score_and_hessian_of_a_mixture(experts, p):
    problem, theta = objective(experts, p)
    at = problem.evaluate(theta, OBSERVED)
    score = slope_of(lambda t: np.array(problem.evaluate(t, SCORE).value), theta)
    assert np.abs(at.gradient - score).max() <= 1e-7 * np.abs(score).max()
    hessian = slope_of(lambda t: problem.evaluate(t, SCORE).gradient, theta)
    # Families without second derivatives take differences of first ones, right to 1e-6.
    assert np.abs(at.hessian - hessian).max() <= 1e-5 * np.abs(hessian).max()
    direction = np.random.default_rng(11).normal(size=len(theta))
    product = problem.product(problem.evaluate(theta, PRODUCTS), direction)
    np.testing.assert_allclose(product, at.hessian @ direction, atol=1e-9 * np.abs(at.hessian).max() * len(theta))


@each
def test_information_of_the_complete_data_is_no_saddle(experts, p):
    problem, theta = objective(experts, p)
    at = problem.evaluate(theta, COMPLETE)
    lower = np.tril(at.sums.bend_expert)
    bend = lower + np.swapaxes(np.tril(lower, -1), 1, 2)
    information = experts.information(problem.split(theta)[1], bend, at.sums.totals[0])
    np.testing.assert_allclose(information, np.swapaxes(information, 1, 2), atol=1e-12 * np.abs(information).max())
    assert np.linalg.eigvalsh(information).min() >= -1e-9 * np.abs(information).max()
