"""Groups of experts, and a shared one."""

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
from scipy.special import expit, softmax

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.gates import GroupGate, SoftmaxGate, as_gate
from gmoe.part import Size

CASES = {
    "one": (GroupGate(), 1), "two": (GroupGate(), 2), "halves": (GroupGate(), 5), "2+3": (GroupGate((2, 3)), 5),
    "2+1+1": (GroupGate("2+1+1"), 4), "shared": (GroupGate((3,), 0.5), 4), "halves, shared": (GroupGate(None, 0.2), 5),
    "estimated": (GroupGate((1, 2), "estimate"), 4), "one and a shared one": (GroupGate((1,), "estimate"), 2),
}  # fmt: skip
each = pytest.mark.parametrize(("gate", "k"), CASES.values(), ids=CASES)
each_d = pytest.mark.parametrize("d", [0, 1, 3])


@each
@each_d
def test_log_weights_derivatives_and_frames(gate, k, d):
    gate.check(k, d)
    assert_weights_sum_to_one(gate, k, d)
    assert_derivatives(gate, k, d)
    assert_follows_frames(gate, k, d)


@each
@pytest.mark.parametrize("columns", [((0, 2), (1,)), ((0, 1), (0, 1)), ((), (0,))], ids=["apart", "same", "constant"])
def test_score_and_hessian_of_a_mixture(gate, k, columns):
    assert_objective(gate, k, *columns)


def scores(rows, x):
    return rows @ np.vstack([np.ones(x.shape[1]), x])


@pytest.mark.parametrize("weight", [None, 0.3, "estimate"])
def test_weights_by_hand(weight):
    k = 5 + (weight is not None)
    gate = GroupGate((2, 3), weight)
    own, shared, x = drawn(gate, k, 2)
    rows = shared[: 3 * (2 + k)].reshape(-1, 3)
    group, own_score = softmax(scores(rows[:2], x), axis=0), scores(rows[2:], x)
    within = softmax(own_score[:2], axis=0), softmax(own_score[2:5], axis=0)
    routed = np.vstack([p * part for p, part in zip(group, within, strict=True)])
    if weight is not None:
        alpha = expit(shared[-1]) if weight == "estimate" else weight
        routed = np.vstack([(1 - alpha) * routed, np.full(x.shape[1], alpha)])
    np.testing.assert_allclose(gate.probabilities(own, shared, x), routed, rtol=1e-12)


@pytest.mark.parametrize("sizes", [(4,), (1, 1, 1, 1)])
def test_one_group_and_groups_of_one_are_a_softmax_gate(sizes):
    gate = GroupGate(sizes)
    own, shared, x = drawn(gate, 4, 2)
    rows = shared.reshape(-1, 3)
    rows = rows[1:] if sizes == (4,) else rows[:4]
    expected = SoftmaxGate().probabilities(rows, np.empty(0), x)
    np.testing.assert_allclose(gate.probabilities(own, shared, x), expected, rtol=1e-12)
    assert gate.symmetry_of(Size(4, 2)).n_free == SoftmaxGate().symmetry(4, 3).n_free == 9


def test_two_levels_are_no_softmax_gate():
    """Log-ratios within a group are affine, as all are of a softmax gate; those of two groups are not."""
    gate = GroupGate((2, 1))
    own, shared, x = drawn(gate, 3, 2, n=200)
    design, value = np.vstack([np.ones(200), x]).T, gate.value(own, shared, x)
    residual = [
        np.abs(ratio - design @ np.linalg.lstsq(design, ratio, rcond=None)[0]).max()
        for ratio in (value[0] - value[1], value[0] - value[2])
    ]
    assert residual[0] < 1e-12 and residual[1] > 0.1
    # With as many identified parameters.
    assert gate.symmetry_of(Size(3, 2)).n_free == SoftmaxGate().symmetry(3, 3).n_free


def test_a_guess_tells_groups_apart():
    """Soft labels of a gate's own: a guess, with a ridge of 1e-3, is nearly as likely as the best gate."""
    gate = GroupGate((2, 2), "estimate")
    own, shared, x = drawn(gate, 5, 2, n=2000)
    p = gate.probabilities(own, shared, x).T
    guess = gate.start(x, p)[1]
    assert np.sum(p * gate.value(own, guess, x).T) > np.sum(p * np.log(p)) - 0.005 * 2000
    assert guess[-1] == pytest.approx(shared[-1], abs=1e-9)  # the weight is that of the labels
    nobody = np.zeros((2000, 5))
    nobody[:, 0] = 1.0
    assert np.all(np.isfinite(gate.start(x, nobody)[1]))


def test_a_shared_expert_is_found():
    """Of a known weight, and of an estimated one, within five of its standard errors."""
    rng = np.random.default_rng(1)
    gate = GroupGate((2,), "estimate")
    truth = Parameters(
        intercept=[3.0, -3.0, 0.0], coef=[[1.0], [1.0], [-2.0]], variance=[0.2, 0.2, 0.2],
        gate_intercept=[0.0, 0.5, 0.0], gate_coef=[[0.0], [3.0], [0.0]], gate_group_intercept=[0.0],
        gate_group_coef=[[0.0]], gate_shared_weight=0.3,
    )  # fmt: skip
    X = rng.uniform(-2, 2, (1000, 1))
    y, _ = GMoE(truth, gate).sample(X, rng)
    fitted = GaussianMoERegressor(3, gate, n_init=2, random_state=0).fit(X, y)
    free = fitted.fit_result_
    assert free.status == "converged" and free.n_free_parameters == 2 + 1 + 3 * 3
    model = fitted.model_.parameters
    # The shared expert stays the last.
    np.testing.assert_allclose(model.coef[2], [-2.0], atol=0.2)
    weight = float(model.arrays["gate_shared_weight"])
    assert abs(weight - 0.3) < 5.0 * np.sqrt(0.3 * 0.7 / 1000)
    assert free.log_likelihood > GMoE(truth, gate).log_density(X, y).sum()
    fixed = GaussianMoERegressor(3, GroupGate((2,), weight), n_init=2, random_state=0).fit(X, y).fit_result_
    # The same maximum, with one parameter less.
    assert fixed.log_likelihood == pytest.approx(free.log_likelihood, rel=1e-9)
    assert fixed.n_free_parameters == free.n_free_parameters - 1


def test_group_gates_are_values():
    assert_is_a_value(GroupGate((2, 3), 0.5), GroupGate([2, 3], 0.5), GroupGate((2, 3), "estimate"))
    gate = as_gate("groups:sizes=2+3,shared_weight=estimate")
    assert gate == GroupGate("2+3", "estimate") == eval(repr(gate))
    assert as_gate("groups") == GroupGate() == eval(repr(GroupGate()))
    assert as_gate("groups:sizes=3,shared_weight=0.5") == GroupGate((3,), 0.5)
    # Two groups and six experts, the last of which has a row without effect; and a weight.
    assert gate.shared_parameters(Size(6, 3)) == 8 * 4 + 1
    assert gate.symmetry_of(Size(6, 3)).n_free == 4 * (1 + 1 + 2) + 1


@pytest.mark.parametrize("sizes", [(), (0, 2), (2, -1), "2+a", (1.5, 2), 0])
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"sizes must be numbers of experts of each group, as \(2, 3\) or '2\+3'"):
        GroupGate(sizes)


@pytest.mark.parametrize("weight", [0.0, 1.0, -0.5, 2, "free"])
def test_a_wrong_weight_is_refused(weight):
    with pytest.raises(ValueError, match="shared_weight must be"):
        GroupGate((2, 3), weight)


@pytest.mark.parametrize(
    ("gate", "k", "message"),
    [
        (
            GroupGate((2, 3)),
            4,
            r"GroupGate\(\(2, 3\)\) has 5 experts, but there are 4: use n_experts=5, or other sizes",
        ),
        (GroupGate((2, 3), 0.5), 5, "has 6 experts, the shared one among them, but there are 5: use n_experts=6"),
        (GroupGate(None, 0.5), 1, "has at least 2 experts, the shared one among them, but there are 1"),
    ],
)
def test_groups_of_other_sizes_are_refused(gate, k, message):
    with pytest.raises(ValueError, match=message):
        gate.check(k, 2)
