"""The tree of logistic regressions: a hierarchical mixture of experts."""

import numpy as np
import pytest
from links import (
    assert_derivatives,
    assert_follows_frames,
    assert_is_a_value,
    assert_objective,
    assert_weights_sum_to_one,
    drawn,
)
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.gates import GroupGate, SoftmaxGate, TreeGate, as_gate
from gmoe.part import Size

UNEVEN = TreeGate((((4, 0), 2), (1, 3)))
CASES = {
    "one": (TreeGate(), 1), "two": (TreeGate(), 2), "four": (TreeGate(), 4), "five": (TreeGate(), 5),
    "chain": (TreeGate("((0+1)+2)+3"), 4), "uneven": (UNEVEN, 5),
}  # fmt: skip
each = pytest.mark.parametrize(("gate", "k"), CASES.values(), ids=CASES)
each_d = pytest.mark.parametrize("d", [0, 1, 3])


@each
@each_d
def test_log_weights_derivatives_and_frames(gate, k, d):
    assert_weights_sum_to_one(gate, k, d)
    assert_derivatives(gate, k, d)
    assert_follows_frames(gate, k, d)


@each
@pytest.mark.parametrize("columns", [((0, 2), (1,)), ((0, 1), (0, 1)), ((), (0,))], ids=["apart", "same", "constant"])
def test_score_and_hessian_of_a_mixture(gate, k, columns):
    assert_objective(gate, k, *columns)


def test_weights_by_hand():
    """Products of probabilities on the way to a leaf, nodes from the root down."""
    own, shared, x = drawn(UNEVEN, 5, 2)
    root, left, lower, right = expit(shared.reshape(4, 3) @ np.vstack([np.ones(x.shape[1]), x]))
    expected = [
        (1 - root) * (1 - left) * lower, root * (1 - right), (1 - root) * left, root * right,
        (1 - root) * (1 - left) * (1 - lower),
    ]  # fmt: skip
    np.testing.assert_allclose(UNEVEN.probabilities(own, shared, x), expected, rtol=1e-12)


def test_far_leaves_have_finite_log_weights():
    """The log of a weight of exp(-2000) is -2000, and its slope 1."""
    own, x, shared = np.empty((3, 0)), np.array([[1000.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    gate = TreeGate(((0, 1), 2))
    np.testing.assert_array_equal(gate.value(own, shared, x)[:, 0], [-2000.0, -1000.0, 0.0])
    np.testing.assert_array_equal(gate.jacobian(own, shared, x)[0, :, 0], [-1.0, -1000.0, -1.0, -1000.0])


@pytest.mark.parametrize("d", [0, 1, 3])
def test_two_leaves_are_a_softmax_gate(d):
    own, shared, x = drawn(TreeGate(), 2, d)
    rows = np.vstack([np.zeros(1 + d), shared])
    softmax = SoftmaxGate()
    np.testing.assert_allclose(
        TreeGate().probabilities(own, shared, x), softmax.probabilities(rows, np.empty(0), x), rtol=1e-10
    )
    # Slopes of the log of a probability of the first, in the second row.
    slope = softmax.jacobian(rows, np.empty(0), x) * softmax.probabilities(rows, np.empty(0), x)[::-1, None]
    np.testing.assert_allclose(TreeGate().jacobian(own, shared, x)[1], slope[1], rtol=1e-10)


def test_four_leaves_are_two_groups_of_two():
    own, shared, x = drawn(GroupGate((2, 2)), 4, 2)
    rows = shared.reshape(6, 3)
    nodes = np.concatenate([rows[1] - rows[0], rows[3] - rows[2], rows[5] - rows[4]])
    expected = GroupGate((2, 2)).value(own, shared, x)
    np.testing.assert_allclose(TreeGate().value(own, nodes, x), expected, rtol=0, atol=1e-13)


def maximise(gate, shared, x, r):
    """Labels' log-likelihood by Newton's method with the gate's own derivatives."""
    own = np.empty((r.shape[1], 0))
    for _ in range(50):
        gradient = np.einsum("mj,jtm->t", r, gate.jacobian(own, shared, x))
        shared = shared - np.linalg.solve(gate.curvature(own, shared, r.T, x).sum(axis=0), gradient)
    assert np.abs(gradient).max() < 1e-8
    return shared


@pytest.mark.parametrize(("gate", "k"), [(TreeGate(), 4), (UNEVEN, 5)], ids=["balanced", "uneven"])
def test_a_node_is_a_logistic_regression(gate, k):
    """With the responsibilities of its two subtrees as weights of the two labels."""
    own, shared, x = drawn(gate, k, 2, n=400)
    rng = np.random.default_rng(5)
    r = rng.dirichlet(np.ones(k), 400) * (0.2 + gate.probabilities(own, shared, x).T) * rng.uniform(0.5, 2.0, (400, 1))
    fitted = maximise(gate, gate.guess(x, r)[1], x, r).reshape(k - 1, 3)
    nodes = {
        4: [((0, 1), (2, 3)), ((0,), (1,)), ((2,), (3,))],
        5: [((4, 0, 2), (1, 3)), ((4, 0), (2,)), ((4,), (0,)), ((1,), (3,))],
    }
    for row, (first, second) in zip(fitted, nodes[k], strict=True):
        weight = np.concatenate([r[:, list(first)].sum(axis=1), r[:, list(second)].sum(axis=1)])
        # No penalty; its stopping rule bounds the gradient.
        slow = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
        slow.fit(np.vstack([x.T, x.T]), np.repeat([0, 1], 400), sample_weight=weight)
        np.testing.assert_allclose(row, [*slow.intercept_, *slow.coef_[0]], rtol=0, atol=1e-6)


def test_a_guess_tells_groups_apart():
    """Soft labels of a tree's own: a guess, with a ridge of 1e-3, is nearly as likely as the best gate."""
    gate = TreeGate()
    own, shared, x = drawn(gate, 4, 2, n=2000)
    p = gate.probabilities(own, shared, x).T
    guess = gate.start(x, p)[1]
    assert np.sum(p * gate.value(own, guess, x).T) > np.sum(p * np.log(p)) - 0.005 * 2000
    nobody = np.zeros((2000, 4))
    nobody[:, 0] = 1.0  # no observation below a node
    assert np.all(np.isfinite(gate.start(x, nobody)[1]))


def test_groups_are_arranged_as_the_features_tell_them_apart():
    """Four clusters at the corners of a square longer than wide: the root cuts its long side, whatever their labels."""
    rng = np.random.default_rng(0)
    corners = np.array([[-4.0, -2.0], [-4.0, 2.0], [4.0, -2.0], [4.0, 2.0]])
    label = rng.integers(4, size=400)
    x = (corners[label] + 0.3 * rng.normal(size=(400, 2))).T
    for order in ([0, 2, 1, 3], [3, 0, 1, 2]):
        r = 0.9 * np.eye(4)[np.argsort(order)[label]] + 0.025
        placed = TreeGate().arranged(x, r)
        assert sorted(map(tuple, placed.T)) == sorted(map(tuple, r.T))
        sides = (x.mean(axis=1)[:, None] < (x @ placed / placed.sum(axis=0)))[0]
        assert sides[0] == sides[1] != sides[2] == sides[3]


def test_a_fit_from_data_is_certified():
    """The simulated truth is found again, and the reported maximum is one of the density that users see."""
    gate, rng = TreeGate(), np.random.default_rng(1)
    node = np.array([[0.0, 4.0, 0.0], [0.5, 0.0, 4.0], [-0.5, 1.0, -4.0]])
    truth = Parameters(
        intercept=[3.0, -1.0, 0.0, -4.0], coef=[[1.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [1.0, 1.0]],
        variance=[0.3, 0.2, 0.3, 0.4], gate_node_intercept=node[:, 0], gate_node_coef=node[:, 1:],
    )  # fmt: skip
    X = rng.uniform(-2, 2, (1000, 2))
    y, _ = GMoE(truth, gate).sample(X, rng)
    fitted = GaussianMoERegressor(4, gate, n_init=2, random_state=0).fit(X, y)
    result, model = fitted.fit_result_, fitted.model_
    assert result.status == "converged" and result.n_free_parameters == 3 * 3 + 4 * 4
    # A chi squared of 25 degrees of freedom is above 68 with probability 1e-5.
    gain = 2.0 * (result.log_likelihood - GMoE(truth, gate).log_density(X, y).sum())
    assert 0.0 < gain < 68.0
    assert model.log_density(X, y).sum() == pytest.approx(result.log_likelihood, rel=1e-9)
    arrays = dict(model.parameters.arrays)
    for name in ("gate_node_intercept", "gate_node_coef", "intercept", "coef", "variance"):
        for at in np.ndindex(arrays[name].shape):
            ends = []
            for step in (1e-4, -1e-4):
                moved = arrays[name].copy()
                moved[at] += step
                ends.append(GMoE(Parameters(**arrays | {name: moved}), gate).log_density(X, y).sum())
            # Differences: third derivatives of some 1e6 times the step's square, and rounding of 1e-12 over it.
            assert abs(ends[0] - ends[1]) / 2e-4 < 0.05
            assert max(ends) < result.log_likelihood


def test_trees_are_values():
    tree = ((0, 2), 1)
    assert_is_a_value(TreeGate(tree), TreeGate([[0, 2], 1]), TreeGate((0, (1, 2))))
    assert TreeGate("(0+2)+1") == TreeGate(tree) == as_gate("tree:tree=(0+2)+1") == eval(repr(TreeGate(tree)))
    assert as_gate("tree") == TreeGate() == eval(repr(TreeGate()))
    assert TreeGate().of(5) == (((0, 1), 2), (3, 4))
    assert TreeGate().shared_parameters(Size(5, 3)) == 16 and TreeGate().own_parameters(Size(5, 3)) == 0


@pytest.mark.parametrize("tree", [(0,), (0, 1, 2), (0, 2), (0, (0, 1)), "0+", "a+b", "(0+1", (0, 1.5), "0-1"])
def test_what_is_no_tree_is_refused(tree):
    with pytest.raises(ValueError, match=r"nested pairs of leaves, each of 0, 1, \.\. once, as \(\(0, 1\), 2\)"):
        TreeGate(tree)


@pytest.mark.parametrize("k", [2, 4])
def test_a_tree_of_other_leaves_is_refused(k):
    with pytest.raises(ValueError, match=rf"has 3 leaves, but there are {k} experts: use n_experts=3, another tree"):
        TreeGate(((0, 1), 2)).check(k, 1)
    TreeGate().check(k, 1)
