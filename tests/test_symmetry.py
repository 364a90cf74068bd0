"""What gates state to leave their probabilities unchanged does, and nothing else: the package's, and other kinds."""

from dataclasses import dataclass

import numpy as np
import pytest
import reference
from problems import pipeline, representatives

from gmoe import Gate, GMoE, Parameters
from gmoe.gates import (
    Exchange,
    GroupGate,
    Scale,
    Symmetry,
    TreeGate,
    mirrored,
    ordered,
    pinned,
    representative,
)
from gmoe.metrics import match_experts, voronoi_loss
from gmoe.part import Size
from gmoe.theory import predict

# Probabilities of logits of size 10, which are rounded at 2e-15, and so are, relatively, their exponentials.
UNCHANGED = 1e-12
# Central differences of values rounded at 1e-16 are zero up to 1e-10 (1e-9 with the smaller step), and sums over 300
# observations up to 1e-8; third derivatives times a step's square are as small. What changes something is at 0.01.
ZERO, SOME = 2e-7, 1e-3


def rows(theta, shape):
    return theta[: np.prod(shape)].reshape(shape), theta[np.prod(shape) :]


def affine(coef, X):
    return coef[:, 0] + X @ coef[:, 1:].T


def of_gate(gate, k, q):
    """Probabilities by the definition, in natural coordinates."""

    def proba(theta, X):
        coef, shared = rows(theta, (k, q))
        problem = reference.Problem(X, X[:, :0], X[:, 0] if q > 1 else X, X, gate=pipeline(gate))
        return reference.gate_proba(problem, np.append(np.column_stack([coef, np.zeros((k, 2))]).ravel(), shared))

    return proba


# --- gates of other kinds, as a user might write them ---


def laplace(theta, X):
    """Nearness to a centre: intercepts, centres, the log of a width."""
    coef, shared = rows(theta, (3, 3))
    distance = np.linalg.norm(X[:, None] - coef[:, 1:], axis=2)
    return reference.softmax(coef[:, 0] - distance / np.exp(shared[0]))


def tree(theta, X):
    """Three nodes, all shared: left or right; then which of two, on either side."""
    right, *of_sides = 1.0 / (1.0 + np.exp(-affine(theta.reshape(3, 3), X))).T
    sides = zip((1.0 - right, right), of_sides, strict=True)
    return np.column_stack([side * leaf for side, second in sides for leaf in (1.0 - second, second)])


def noise(theta, X):
    """Three experts, and one of known logit 0 whose row says nothing."""
    return reference.softmax(np.column_stack([affine(theta.reshape(4, 3)[:3], X), np.zeros(len(X))]))


def groups(theta, X):
    """Two groups, with rows of their own, of two experts each."""
    coef, shared = rows(theta, (4, 3))
    group, within = reference.softmax(affine(shared.reshape(2, 3), X)), affine(coef, X).reshape(-1, 2, 2)
    return (group[:, :, None] * reference.softmax(within)).reshape(-1, 4)


def ellipses(theta, X):
    """Only the expert of the largest key, of degree 1 in some parameters and of degree 2 in others."""
    coef, shared = rows(theta, (3, 3))
    key = np.hypot(coef[:, 1] * X[:, [0]], coef[:, 2] ** 2 * X[:, [1]]) + shared[0] * np.arange(3)
    return np.eye(3)[key.argmax(axis=1)]


@dataclass(frozen=True)
class Other:
    proba: object
    symmetry: Symmetry


def swaps(pairs, k, n_shared):
    """Of the rows of two of k experts, with three columns."""
    for i, j in pairs:
        order = np.arange(k)
        order[[i, j]] = j, i
        yield Exchange.of_rows(order.tolist(), 3, n_shared)


def blocks(order, sign):
    """Of three nodes with three parameters each."""
    return tuple(3 * i + c for i in order for c in range(3)), tuple(float(s) for s in sign for _ in range(3))


OTHERS = {
    "laplace": Other(
        laplace, Symmetry(3, 3, 1, ((0, 3, 6),), exchanges=tuple(swaps([(0, 1), (1, 2)], 3, 1)))
    ),
    "tree": Other(
        tree,
        Symmetry(
            4, 0, 9,
            exchanges=(
                Exchange((2, 3, 0, 1), *blocks((0, 2, 1), (-1, 1, 1))),
                Exchange((1, 0, 2, 3), *blocks((0, 1, 2), (1, -1, 1))),
                Exchange((0, 1, 3, 2), *blocks((0, 1, 2), (1, 1, -1))),
            ),
        ),
    ),
    "noise": Other(
        noise, Symmetry(4, 3, void=(9, 10, 11), exchanges=tuple(swaps([(0, 1), (1, 2)], 4, 0)))
    ),
    "groups": Other(
        groups,
        Symmetry(
            4, 3, 6,
            tuple((c, 3 + c) for c in range(3)) + tuple((6 + c, 9 + c) for c in range(3))
            + tuple((12 + c, 15 + c) for c in range(3)),
            exchanges=(
                *swaps([(0, 1), (2, 3)], 4, 6),
                Exchange((2, 3, 0, 1), (*range(6, 12), *range(6), 15, 16, 17, 12, 13, 14), (1.0,) * 18),
            ),
        ),
    ),
    "ellipses": Other(
        ellipses,
        Symmetry(3, 3, 1, (), (0, 3, 6), Scale((0.0, 1.0, 0.5), (1.0,), (0.0,)), hard=True),
    ),
}  # fmt: skip


def shared_alone(gate, k):
    """A gate all of whose parameters are shared."""

    def proba(theta, X):
        return gate.probabilities(np.empty((k, 0)), theta, X.T).T

    return Other(proba, gate.symmetry_of(Size(k, 2)))


OTHERS |= {
    f"{gate!r}, {k} experts": shared_alone(gate, k)
    for gate, k in [
        (TreeGate(), 2), (TreeGate(), 3), (TreeGate(), 4), (TreeGate(), 5), (TreeGate(((2, (0, 4)), ((1, 5), 3))), 6),
        (TreeGate("0+(1+(2+3))"), 4), (GroupGate(), 1), (GroupGate((2, 3)), 5), (GroupGate((2, 1, 2)), 5),
        (GroupGate((1, 1, 1)), 3), (GroupGate((3,), 0.3), 4), (GroupGate((2, 2), "estimate"), 5),
    ]
}  # fmt: skip


# --- the contract ---


def features(n=300, q=3, size=2.0):
    # Scores up to 6: near 0 a sigmoid is almost linear, and its temperature almost free.
    return size * np.random.default_rng(1).uniform(-1, 1, size=(n, q - 1))


def point(proba, X, draw):
    """One at which every expert has a share, so that all of its parameters matter."""
    for seed in range(1000):
        theta = draw(np.random.default_rng(seed))
        if proba(theta, X).mean(axis=0).min() > 0.05:
            return theta
    raise AssertionError("some expert never is active")


def members(symmetry, theta):
    """Each stated change by itself, with what it does to the experts."""
    same = np.arange(symmetry.n_experts)
    for direction in symmetry.flat.T:
        for size in (-3.0, 1e-3, 5.0):
            yield theta + size * direction, same
    if symmetry.free_scale is not None:
        for factor in (0.3, 2.0):
            own = rows(theta, (symmetry.n_experts, symmetry.n_columns))
            yield theta + symmetry.free_scale.change(*own, factor), same
    for exchange in symmetry.exchanges:
        yield exchange.of(theta), np.array(exchange.experts)


def assert_unchanged(symmetry, proba, theta, X):
    before = proba(theta, X)
    for moved, experts in members(symmetry, theta):
        np.testing.assert_allclose(proba(moved, X), before[:, experts], rtol=0, atol=UNCHANGED)


def changes(symmetry, proba, theta, X):
    """Jacobian of the probabilities, and of the places between points where the active experts change.

    Of a selection that compares logits with a number of its own, only the places tell where the logits are; of one
    that leaves a single expert, only where that one changes.
    """
    found = [] if symmetry.hard else [slopes(probabilities, proba, theta, X, 1e-5, 1e3)]
    if symmetry.hard or np.any(proba(theta, X) == 0.0):
        # Points that move by 1 / (a number that vanishes with a parameter), along a boundary, bend more.
        found.append(slopes(crossings, proba, theta, X, 1e-6, 10.0))
    return np.hstack(found)


def slopes(own, proba, theta, X, step, limit):
    """Jacobian by differences, without the observations that jump: whose selection changes within the step."""
    ends = [[own(proba, theta + s * unit, X) for unit in np.eye(theta.size)] for s in (step, -step)]
    jacobian = np.subtract(*ends).reshape(theta.size, len(X), -1) / (2.0 * step)
    return jacobian[:, np.all(np.abs(jacobian) < limit, axis=(0, 2))].reshape(theta.size, -1)


def probabilities(proba, theta, X):
    return proba(theta, X)


def crossings(proba, theta, X):
    """On the way from each observation to the next, where the active experts first are others, by bisection."""
    following = np.roll(X, 1, axis=0)
    first = proba(theta, X) > 0.0
    low, high = np.zeros(len(X)), np.ones(len(X))
    for _ in range(50):
        middle = 0.5 * (low + high)
        same = np.all((proba(theta, X + middle[:, None] * (following - X)) > 0.0) == first, axis=1)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low


def assert_nothing_else(symmetry, proba, theta, X):
    jacobian = changes(symmetry, proba, theta, X)
    values = np.append(np.linalg.svd(jacobian, compute_uv=False), np.zeros(theta.size))[: theta.size]
    rank = symmetry.n_free
    assert np.all(values[:rank] > SOME)
    assert np.all(values[rank:] < ZERO)
    flat = symmetry.flat_at(*rows(theta, (symmetry.n_experts, symmetry.n_columns)))
    assert flat.shape == (theta.size, theta.size - rank)
    np.testing.assert_allclose(flat.T @ flat, np.eye(flat.shape[1]), rtol=0, atol=1e-14)
    np.testing.assert_allclose(flat.T @ jacobian, 0.0, rtol=0, atol=ZERO)


def assert_one_of_each_class(symmetry, theta):
    """All changes but relabellings have the same representative."""
    shape = symmetry.n_experts, symmetry.n_columns
    form = np.append(*representative(symmetry, *rows(theta, shape)))
    np.testing.assert_allclose(np.append(*representative(symmetry, *rows(form, shape))), form, rtol=0, atol=1e-14)
    assert not np.any(form[: np.prod(shape)].reshape(shape)[pinned(symmetry)])
    for moved, experts in members(symmetry, theta):
        if np.array_equal(experts, np.arange(shape[0])):
            # Moved by 5, and rounded there.
            np.testing.assert_allclose(np.append(*representative(symmetry, *rows(moved, shape))), form, atol=1e-13)


def usable(gate, k, q):
    try:
        gate.check(k, q - 1)
    except ValueError:
        return False
    return True


SHAPES = {
    f"{name}, {k} experts, {q} columns": (gate, k, q)
    for name, gate in representatives(3).items() for k in (1, 2, 3) for q in (1, 3) if usable(gate, k, q)
}  # fmt: skip
each_shape = pytest.mark.parametrize(("gate", "k", "q"), SHAPES.values(), ids=SHAPES)
each_other = pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)


@each_shape
def test_a_gate_leaves_open_what_it_states_and_nothing_else(gate, k, q):
    symmetry, proba = gate.symmetry(k, q), of_gate(gate, k, q)
    # Boundaries on both sides of a kink.
    X = features(q=q, size=6.0 if symmetry.hard else 2.0)
    theta = point(
        proba,
        X,
        lambda rng: np.append(rng.normal(size=k * q), rng.uniform(-0.7, 0.7, gate.n_shared)),
    )
    assert theta.size == symmetry.size
    # Ties go to the lower index: a relu that sees the intercept ties experts on whole regions.
    dense = np.sort(of_gate(gate.dense(), k, q)(theta, X), axis=1)
    assert_unchanged(symmetry, proba, theta, X[np.all(np.diff(dense, axis=1) > 0.0, axis=1)])
    assert_one_of_each_class(symmetry, theta)
    assert gate.n_free(k, q) == symmetry.n_free
    # Experts with a positive score alone pass a threshold, and there a relu is affine: only regions tell translations.
    passed = gate.is_sparse(k) and gate.n_active is None and gate.activation.degree is not None
    if gate.intercept == "inside" and gate.selection.sees_logit and (symmetry.hard or passed):
        # As far as the activation increases it changes no rank, and translations of its argument do not either: what
        # such a gate leaves open besides, at some points or all, it does not state.
        assert np.linalg.matrix_rank(changes(symmetry, proba, theta, X), tol=SOME) <= symmetry.n_free
    else:
        assert_nothing_else(symmetry, proba, theta, X)


@each_other
def test_other_kinds_of_gates_leave_open_what_they_state_and_nothing_else(other):
    X = features()
    theta = point(other.proba, X, lambda rng: rng.normal(size=other.symmetry.size))
    assert_unchanged(other.symmetry, other.proba, theta, X)
    assert_nothing_else(other.symmetry, other.proba, theta, X)
    assert_one_of_each_class(other.symmetry, theta)


def test_a_tree_states_what_was_written_by_hand():
    stated, by_hand = TreeGate().symmetry_of(Size(4, 2)), OTHERS["tree"].symmetry
    assert sorted(map(repr, stated.exchanges)) == sorted(map(repr, by_hand.exchanges))
    assert stated.n_free == by_hand.n_free == 9


@pytest.mark.parametrize(
    ("gate", "k", "n_orders"),
    [
        (TreeGate(), 4, 8), (TreeGate(), 3, 2), (TreeGate(), 8, 128), (TreeGate(((2, (0, 4)), ((1, 5), 3))), 6, 8),
        (GroupGate((2, 3)), 5, 12), (GroupGate((2, 1, 2)), 5, 8), (GroupGate((1, 1, 1), 0.5), 4, 6),
    ],
)  # fmt: skip
def test_orders_of_the_experts_that_can_be_had(gate, k, n_orders):
    """All that the stated exchanges generate: subtrees of one shape, and equal groups, may change places."""
    found, moves = {tuple(range(k))}, [exchange.experts for exchange in gate.symmetry_of(Size(k, 1)).exchanges]
    while more := {tuple(order[i] for i in move) for order in found for move in moves} - found:
        found |= more
    assert len(found) == n_orders


def test_a_false_statement_is_found_out():
    # The tests above can fail: an activation that is not odd has no mirror image, and a tanh no translation.
    theta, X, gate = np.random.default_rng(0).normal(size=6), features(), Gate("gelu")
    for false in (
        Symmetry(2, 3, exchanges=(Exchange.of_rows((1, 0), 3, 0, -1.0, (0, 1)),)),
        Symmetry(2, 3, translations=((0, 3), (1, 4))),
    ):
        with pytest.raises(AssertionError, match="tolerance"):
            assert_unchanged(false, of_gate(gate, 2, 3), theta, X)
    with pytest.raises(AssertionError):
        assert_nothing_else(Symmetry(2, 3), of_gate(gate, 2, 3), theta, X)


def test_overlapping_statements_are_refused():
    for moved in ({"translations": ((0, 2),), "void": (2,)}, {"void": (4,)}):
        with pytest.raises(ValueError, match="must be disjoint sets of parameters 0 to 3: 2 rows of 2, then 0 shared"):
            Symmetry(2, 2, **moved)


def test_flat_directions_by_hand():
    assert np.array_equal(Gate().symmetry(2, 2).flat, 2**-0.5 * np.array([[1, 0], [0, 1], [1, 0], [0, 1]]))
    hard = Gate(n_active=1).symmetry(2, 2)
    assert hard.void == (0, 2) and hard.translations == ((1, 3),) and hard.n_free == 0
    assert np.array_equal(hard.translated, [True, True])
    assert np.array_equal(Gate("tanh").symmetry(2, 2).translated, [True, False])
    assert len(Gate("tanh").symmetry(2, 2).mirrors) == 1 and not Gate("tanh").symmetry(3, 2).mirrors


@pytest.mark.parametrize(
    ("symmetry", "places", "expected"),
    [
        (Gate().symmetry(4, 2), [2, 0, 3, 1], [1, 3, 0, 2]),
        # The left pair has the first place; within a pair all is free.
        (OTHERS["tree"].symmetry, [3, 1, 2, 0], [3, 2, 1, 0]),
        # The noise expert stays last.
        (OTHERS["noise"].symmetry, [2, 1, 3, 0], [1, 0, 2, 3]),
        (Symmetry(4, 2, stated=False), [2, 0, 3, 1], [0, 1, 2, 3]),
    ],
    ids=["softmax", "tree", "noise", "unstated"],
)
def test_experts_are_ordered_as_far_as_they_may(symmetry, places, expected):
    assert np.array_equal(ordered(symmetry, places), expected)


@pytest.mark.parametrize("coef", [[[0, 1], [0, -3]], [[0, 2], [0, -2]], [[-1, 2], [-3, -2]]])
def test_the_mirror_image_by_hand(coef):
    """Slopes whose sum is negative; where it is 0, intercepts inside decide, and outside there is nothing to decide."""
    for gate in (Gate("tanh"), Gate("tanh", "inside")):
        rows, symmetry = np.array(coef, dtype=float), gate.symmetry(2, 2)
        decided = rows[:, 1].sum() < 0 or (gate.intercept == "inside" and rows[:, 0].sum() < 0)
        assert mirrored(symmetry, rows, np.empty(0)) == (0 if decided else None)


class Silent(Gate):
    """A gate of which nothing is known."""

    def symmetry(self, n_experts, n_columns):
        return Symmetry(n_experts, n_columns, self.n_shared, stated=False)


def test_of_a_gate_that_states_nothing_nothing_is_assumed():
    gate, coef = Silent(), np.random.default_rng(0).normal(size=(3, 2))
    assert gate.n_free(3, 2) == 6
    assert np.array_equal(gate.canonical(coef)[0], coef)
    model = GMoE(Parameters(coef[:, 0], coef[:, 1:], np.arange(3), np.ones((3, 1)), np.ones(3)), gate)
    for call in (voronoi_loss, match_experts):
        with pytest.raises(ValueError, match="states no symmetry"):
            call(model, model)
    with pytest.raises(ValueError, match="states no symmetry"):
        predict(gate, (1, 1))
