"""What every gate must be, whatever it is: the tests find all gates that have a name, and know nothing else of them."""

import pickle
from inspect import isabstract

import numpy as np
import pytest
from problems import all_gates, data, designs
from scipy.special import logsumexp

from gmoe import as_gate, gates, list_gates
from gmoe._arrays import Blocks
from gmoe.frames import Change, Frame
from gmoe.gates import BaseGate, gate_text
from gmoe.part import Axis, Size
from gmoe.solvers.problem.objective import OBSERVED, SCORE, Objective

K, D = 3, 2
# Settings that make another gate of a class: of what has none, its name says all.
SETTINGS = [
    "laplace:scale=1.5", "cosine:tau=0.3", "quadratic:monomial=true", "tree:tree=1+(2+0)", "groups:sizes=1+2",
    "groups:sizes=2,shared_weight=0.3", "groups:shared_weight=estimate", "entmax:alpha=1",
    "entmax:alpha=1.25", "smooth_tree:tree=1+(2+0)",
]  # fmt: skip
# Every 7th combination of the dense gates by scores, which have tests of their own: a prime, so that all axes occur.
COMBINATIONS = [gate for gate in all_gates(K).values() if not gate.is_sparse(K)][::7]
CHOSEN = [*(as_gate(name) for name in [*list_gates(), *SETTINGS]), *COMBINATIONS]
GATES = {gate_text(gate): gate for gate in CHOSEN}
DENSE = {name: gate for name, gate in GATES.items() if not gate.is_sparse(K)}


def suits(gate, k):
    try:
        gate.check(k, D)
    except ValueError:
        return False
    return True


# With one expert nothing is identified; with two some gates have mirror images.
SIZES = {f"{name}, {k} experts": (gate, k) for name, gate in GATES.items() for k in (1, 2, K) if suits(gate, k)}
# Probabilities of the others jump: tests/test_symmetry.py.
SMOOTH = {name: (gate, k) for name, (gate, k) in SIZES.items() if not gate.is_sparse(k)}
# Central differences: off by the square of the step, and by 1e-16 over it.
STEP = 1e-5


def each(gates):
    return pytest.mark.parametrize("gate", gates.values(), ids=gates)


def parameters(gate, k=K, d=D, seed=0):
    """A generic point."""
    rng, size = np.random.default_rng(seed), Size(k, d)
    return rng.normal(size=(k, gate.own_parameters(size))), rng.normal(0.0, 0.4, gate.shared_parameters(size))


def features(m=300, d=D):
    # Wide enough for what bends to bend.
    return np.random.default_rng(1).uniform(-2.5, 2.5, (d, m))


def inside(gate, own, shared, x):
    """Features without those at which some weight is 0, or nearly: its log has no differences there."""
    p = gate.probabilities(own, shared, x)
    return x if p.min() > 0.0 else x[:, p.min(axis=0) > 1e-2]


def moved(own, shared, direction):
    """Parameters and a flat direction, added."""
    return own + direction[: own.size].reshape(own.shape), shared + direction[own.size :]


def probability_slopes(gate, own, shared, x):
    """Jacobian of all probabilities in all parameters, (k m, P), by central differences."""
    columns = np.empty((own.size + len(shared), len(own) * x.shape[1]))
    for column, direction in zip(columns, np.eye(len(columns)), strict=True):
        ahead, behind = (gate.probabilities(*moved(own, shared, step * direction), x) for step in (STEP, -STEP))
        column[:] = (ahead - behind).ravel() / (2.0 * STEP)
    return columns.T


def frame(change, d=D):
    """A random change of features that a gate may say it follows."""
    rng = np.random.default_rng(2)
    centre, matrix, factors = rng.normal(size=d), rng.normal(size=(d, d)) + 2.0 * np.eye(d), rng.uniform(0.5, 2.0, d)
    transform = matrix if change.mixes else np.diag(factors) if change.by_column else np.eye(d)
    if change is Change.SIMILARITY or change is Change.SCALE:
        transform = factors[0] * transform
    return Frame(centre * change.shifts, transform)


def objective(gate, n=300):
    """Weighted data that are neither centred nor whitened, and a generic parameter vector."""
    rng = np.random.default_rng(5)
    X, y, weight = data(rng, n, D)
    blocks = Blocks(
        X, y, weight, *designs(rng, [0, 1], [0, 1]), np.array([4.5]), np.array([[0.3, -0.2]]), np.eye(1) / 1.7
    )
    problem = Objective(blocks, gate, K)
    own, shared = parameters(gate)
    return problem, problem.join(own, rng.normal(0.0, 0.5, (K, D + 2)), shared)


def assert_close(values, expected, tolerance):
    """Within a tolerance of the largest entry."""
    size = np.abs(expected).max()
    assert np.abs(values - expected).max() <= tolerance * size, np.abs(values - expected).max() / size


def test_every_class_is_here():
    def classes(kind):
        yield from (kind, *(below for child in kind.__subclasses__() for below in classes(child)))

    ours = {kind for kind in classes(BaseGate) if not isabstract(kind) and kind.__module__.startswith("gmoe.")}
    assert ours == {type(gate) for gate in GATES.values()}


@each(DENSE)
def test_jacobian(gate):
    own, shared = parameters(gate)
    x = inside(gate, own, shared, features())
    found = gate.jacobian(own, shared, x)
    for t in range(found.shape[1]):
        direction = np.zeros(own.size + len(shared))
        # An expert's number depends on no other expert's own parameters: those of all move at once.
        direction[[*range(t, own.size, own.shape[1])] if t < own.shape[1] else [own.size + t - own.shape[1]]] = 1.0
        ahead, behind = (gate.value(*moved(own, shared, step * direction), x) for step in (STEP, -STEP))
        assert np.abs(found[:, t] - (ahead - behind) / (2.0 * STEP)).max() <= 1e-7 * np.abs(found).max()


@each(DENSE)
def test_curvature(gate):
    own, shared = parameters(gate)
    x = inside(gate, own, shared, features())
    weight = np.random.default_rng(3).normal(size=(K, x.shape[1]))
    found = gate.curvature(own, shared, weight, x)
    # The family's own default: differences of the Jacobian.
    expected = BaseGate.curvature(gate, own, shared, weight, x)
    assert np.abs(found - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1e-3)


@each(GATES)
def test_arrays_and_frames(gate):
    own, shared = parameters(gate)
    at, x = frame(gate.follows(K)), features()
    raw = gate.to_raw(own, shared, at)
    for array in gate.arrays(Size(K, D)):
        axes = {Axis.EXPERT: K, Axis.FEATURE: D}
        shape = [axes.get(axis) for axis in array.axes]
        assert np.ndim(raw[array.name]) == len(shape)
        assert all(n in (None, m) for n, m in zip(shape, np.shape(raw[array.name]), strict=True))
        assert array.name == "temperature" or array.name.startswith("gate_")
        assert not array.positive or np.all(raw[array.name] > 0.0)
    for found, given in zip(gate.from_raw(raw, at), (own, shared), strict=True):
        np.testing.assert_allclose(found, given, rtol=1e-12, atol=1e-12)
    logit = gate.raw_log_weights(raw, x)
    p = np.exp(logit - logit.max(axis=0))
    scaled = gate.probabilities(own, shared, at.transform @ (x - at.centre[:, None]))
    np.testing.assert_allclose(p / p.sum(axis=0), scaled, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(("gate", "k"), SIZES.values(), ids=SIZES)
def test_symmetry_holds(gate, k):
    gate = gate.with_experts(k)
    own, shared = parameters(gate, k)
    x, symmetry = features(), gate.symmetry_of(Size(k, D))
    p = gate.probabilities(own, shared, x)
    assert p.shape == (k, x.shape[1]) and np.allclose(p.sum(axis=0), 1.0, rtol=0.0, atol=1e-14)
    assert symmetry.stated and (symmetry.n_experts, symmetry.n_columns, symmetry.n_shared) == (*own.shape, len(shared))
    changes = [1.7 * direction for direction in symmetry.flat.T]
    if symmetry.free_scale is not None:
        changes.append(symmetry.free_scale.change(own, shared, 1.3))
    for change in changes:
        np.testing.assert_allclose(gate.probabilities(*moved(own, shared, change), x), p, rtol=0.0, atol=1e-12)
    theta = np.append(own, shared)
    for exchange in symmetry.exchanges:
        image = gate.probabilities(*moved(0.0 * own, 0.0 * shared, exchange.of(theta)), x)
        np.testing.assert_allclose(image, p[list(exchange.experts)], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(("gate", "k"), SMOOTH.values(), ids=SMOOTH)
def test_nothing_else_is_free(gate, k):
    """Singular values of the probabilities' Jacobian: as many as are free, clear of those that rounding leaves."""
    gate = gate.with_experts(k)
    own, shared = parameters(gate, k)
    slopes = probability_slopes(gate, own, shared, features(1000))
    values, free = np.linalg.svd(slopes, compute_uv=False), gate.symmetry_of(Size(k, D)).n_free
    # Differences of numbers of size 1 are off by 1e-16 over the step, times the root of as many rows.
    assert np.all(values[free:] < 1e-9) and np.all(values[:free] > 1e-4 * values.max(initial=0.0))


@each(DENSE)
def test_start_tells_groups_apart(gate):
    (own, shared), x = parameters(gate), features(2000)
    own = 2.0 * own
    p = gate.probabilities(own, shared, x)
    label = (np.random.default_rng(4).random(x.shape[1]) > np.cumsum(p, axis=0)[:-1]).sum(axis=0)
    r = np.eye(K)[label]
    for first in (gate.guess(x, r), gate.start(x, r)):
        assert all(np.all(np.isfinite(part)) for part in first)
        assert [part.shape for part in first] == [own.shape, shared.shape]

    def fit(p):
        return np.mean(np.log(p[label, np.arange(len(label))]))

    chance, truth = fit(np.tile(r.mean(axis=0)[:, None], len(label))), fit(p)
    # A few steps of an ascent, which a sine leads to a maximum nearby.
    assert fit(gate.probabilities(*gate.start(x, r), x)) > chance + 0.2 * (truth - chance)


@each(DENSE)
def test_start_of_an_empty_group_is_finite(gate):
    x, r = features(50), np.zeros((50, K))
    r[:25, 0], r[25:, 1] = 1.0, 0.5
    assert all(np.all(np.isfinite(part)) for part in gate.start(x, r))


@each(GATES)
def test_value_like(gate):
    """Equal, printed, named and pickled as what it is."""
    copy = pickle.loads(pickle.dumps(gate))
    assert copy == gate and hash(copy) == hash(gate) and repr(copy) == repr(gate)
    assert eval(repr(gate), vars(gates)) == gate
    assert as_gate(gate_text(gate)) == gate == as_gate(gate)
    assert all(other is gate or other != gate for other in GATES.values())
    with pytest.raises(AttributeError):
        gate.anything = 1


@each(DENSE)
def test_score_and_hessian(gate):
    """Of the whole mixture, as the solvers see it."""
    problem, theta = objective(gate)
    at = problem.evaluate(theta, OBSERVED)
    ends = [[problem.evaluate(theta + step * e, OBSERVED) for step in (STEP, -STEP)] for e in np.eye(len(theta))]
    assert_close(at.gradient, np.array([(a.value - b.value) / (2.0 * STEP) for a, b in ends]), 1e-7)
    assert_close(at.hessian, np.array([(a.gradient - b.gradient) / (2.0 * STEP) for a, b in ends]), 1e-5)
    direction = np.random.default_rng(6).normal(size=len(theta))
    # The same sums in another order.
    assert_close(problem.product(at, direction), at.hessian @ direction, 1e-12)


@each(DENSE)
def test_large_log_weights_leave_no_digits_behind(gate):
    """A gate of steps, with log-weights of 1e9: beside these nothing would be left of a log-density."""
    problem, theta = objective(gate)
    own, expert = problem.split(theta)
    own *= 1e9
    shared = problem.shared(theta)
    total = 0.0
    for x_gate, x_expert, y, weight, m in problem.blocks.all():
        logit = gate.value(own.copy(), shared, np.ascontiguousarray(x_gate[:, :m]))
        logit -= logit.max(axis=0)
        density = problem.experts.value(expert.copy(), problem.expert_shared(theta), x_expert[:, :m], y[:, :m])
        total += weight[:m] @ (logsumexp(logit + density, axis=0) - logsumexp(logit, axis=0))
    # The log-weights themselves are rounded at 1e-16 of 1e9; a log-density added to one would be off by as much in
    # every row, and is so here only in those at an edge.
    assert problem.evaluate(theta, SCORE).value == pytest.approx(total / problem.blocks.total_weight, rel=1e-8)
