"""Errors by block, and the matching of experts."""

from dataclasses import replace

import numpy as np
import pytest

from gmoe import GMoE, Parameters
from gmoe.gates import ActivationGate, DenseToSparseGate
from gmoe.metrics import ParameterStack, block_errors, match_experts

TRUE = Parameters([0.5, 0.0], [[3.0], [0.0]], [1.0, -2.0], [[1.0], [-1.0]], [0.5, 1.0])
BLOCKS = ["gate_coef", "gate_intercept", "coef", "intercept", "variance", "temperature"]
FREE = ["gate_coef/temperature", "gate_intercept/temperature"]


def lookup(errors, block, expert=0, fit=0):
    (row,) = np.flatnonzero((errors.block == block) & (errors.expert == expert) & (errors.fit == fit))
    return errors.error[row]


def moved(p, t1, t2):
    return replace(p, gate_intercept=p.gate_intercept + t1, gate_coef=p.gate_coef + t2)


def test_errors_by_hand():
    # The heavier expert, 0, is the reference of the gate: all of the gate's error is at expert 1.
    fitted = Parameters([0.5, 0.3], [[3.0], [0.2]], [1.1, -2.0], [[1.0], [-1.4]], [0.5, 1.5])
    expected = {
        "gate_coef": (0.0, 0.2), "gate_intercept": (0.0, 0.3), "coef": (0.0, 0.4), "intercept": (0.1, 0.0),
        "variance": (0.0, 0.5), "temperature": (0.0, 0.0),
    }  # fmt: skip
    # Joint norms spread a slope's error over both experts; norms that add up leave it with the lighter one.
    errors = block_errors(moved(fitted, 4.0, -7.0), TRUE, joint_norm=False)
    for block, values in expected.items():
        for expert, value in enumerate(values):
            # Differences of numbers up to 7.
            assert lookup(errors, block, expert) == pytest.approx(value, abs=1e-14)
    assert set(errors.block) == {*BLOCKS, *FREE}
    assert set(errors.cell_size) == {1}
    for column in vars(errors).values():
        assert column.shape == (2 * 8,)


def test_largest_atom_and_cell_mass_count():
    # Two atoms of weights 1/3 and 2/3 of expert 0: no error of the mass, the largest of the others.
    log_weight = 0.5 + np.log([1 / 3, 2 / 3])
    fitted = Parameters([*log_weight, 0.0], [[3.0], [3.0], [0.0]], [1.1, 0.8, -2], [[1], [1], [-1]], [0.5, 0.5, 1])
    errors = block_errors(fitted, TRUE)
    assert lookup(errors, "intercept") == pytest.approx(0.2, abs=1e-15)
    assert lookup(errors, "gate_intercept") == pytest.approx(0.0, abs=1e-15)
    assert lookup(errors, "gate_intercept", 1) == pytest.approx(0.0, abs=1e-15)
    assert list(np.unique(errors.cell_size[errors.expert == 0])) == [2]
    assert list(np.unique(errors.cell_size[errors.expert == 1])) == [1]


def test_an_empty_cell_is_nan():
    far = replace(TRUE, intercept=[1.0, 1e6])
    fitted = Parameters([0.0], [[3.0]], [1.0], [[1.0]], [0.5])
    errors = block_errors(fitted, far)
    empty = (errors.expert == 1) & (errors.block != "temperature")
    assert np.all(np.isnan(errors.error[empty]))
    assert np.all(errors.cell_size[errors.expert == 1] == 0)
    assert np.all(np.isfinite(errors.error[errors.expert == 0]))


def test_temperature_and_free_scale():
    c = 2.5
    stack = ParameterStack.of([TRUE])
    fitted = replace(stack, gate_intercept=c * stack.gate_intercept, gate_coef=c * stack.gate_coef, temperature=c)
    errors = block_errors(fitted, TRUE, gate=DenseToSparseGate())
    assert lookup(errors, "temperature") == pytest.approx(1.5, rel=1e-15)
    assert lookup(errors, "gate_coef") + lookup(errors, "gate_coef", 1) > 1
    for block in FREE:
        for expert in (0, 1):
            assert lookup(errors, block, expert) == pytest.approx(0.0, abs=1e-15)
    # Nothing is free where the activation is not homogeneous.
    assert set(block_errors(TRUE, TRUE, gate=ActivationGate()).block) == set(BLOCKS)


def test_alignment_by_gate_probability():
    X = np.linspace(-1, 1, 50)[:, None]
    fitted, true = GMoE(moved(TRUE, 2.0, 1.5)), GMoE(TRUE)
    errors = block_errors([fitted] * 2, true, weights="gate_probability", X=X)
    assert np.all(errors.error < 1e-14)  # rounding of numbers of size 5
    assert list(np.unique(errors.fit)) == [0, 1]
    # Without translation, as they are.
    raw = block_errors(fitted, true, translation="none")
    assert lookup(raw, "gate_intercept") == pytest.approx(2.0, rel=1e-14)
    assert lookup(raw, "gate_coef") == pytest.approx(1.5, rel=1e-14)


def test_average_is_by_weight():
    truth = GMoE(TRUE)
    # Two atoms at the first expert: one at it, one away from it with a share of 1/4 of its mass.
    p = TRUE.reorder([0, 0, 1])
    p = replace(p, gate_intercept=p.gate_intercept + np.log([0.75, 0.25, 1.0]), intercept=p.intercept + [0, 0.1, 0])
    errors = block_errors(GMoE(p), truth)
    row = (errors.expert == 0) & (errors.block == "intercept")
    assert errors.cell_size[row] == 2
    assert errors.error[row] == pytest.approx(0.1, rel=1e-12)
    assert errors.average[row] == pytest.approx(0.025, rel=1e-12)
    alone = errors.cell_size == 1
    np.testing.assert_array_equal(errors.average[alone], errors.error[alone])


def test_frame_is_the_table():
    errors = block_errors([TRUE] * 3, TRUE)
    frame = errors.to_frame()
    assert list(frame.columns) == ["fit", "expert", "cell_size", "block", "error", "average"]
    assert len(frame) == 3 * 2 * 8
    assert np.array_equal(frame["error"], errors.error)


# --- matching ---


def experts(k, seed=0):
    rng = np.random.default_rng(seed)
    return Parameters(
        rng.normal(size=k), rng.normal(size=(k, 2)), 3 * rng.normal(size=k), rng.normal(size=(k, 2)),
        rng.uniform(0.2, 1, k),
    )  # fmt: skip


@pytest.mark.parametrize("by", ["parameters", "responsibilities"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_matching_undoes_a_permutation(by, k):
    reference, rng = GMoE(experts(k)), np.random.default_rng(1)
    X = rng.normal(size=(300, 2))
    y, _ = reference.sample(X, rng)
    for _ in range(5):
        order = rng.permutation(k)
        p = moved(reference.parameters, 3.0, [4.0, -5.0]).reorder(order)
        fitted = GMoE(replace(p, intercept=p.intercept + 0.01 * rng.normal(size=k)))
        match = match_experts(fitted, reference, X, y, by=by)
        aligned = fitted.parameters.reorder(match.order)
        assert np.allclose(aligned.coef, reference.parameters.coef, rtol=0, atol=0)
        assert match.cost.shape == (k, k)


def test_translations_of_the_gate_cost_nothing():
    p = GMoE(experts(3))
    cost = match_experts(GMoE(moved(p.parameters, 3.0, [4.0, -5.0])), p).cost
    assert np.allclose(cost, match_experts(p, p).cost, rtol=1e-13, atol=1e-13)  # differences of numbers up to 6


def test_matching_of_unequal_numbers():
    reference = GMoE(experts(3))
    more = GMoE(experts(3).reorder([2, 0, 0, 1]))
    match = match_experts(more, reference)
    assert match.order[2] == 0
    assert match.order[1] == 3
    assert match.order[0] in (1, 2)
    fewer = match_experts(GMoE(experts(3).reorder([1])), reference)
    assert list(fewer.order) == [-1, 0, -1]


def test_units_of_the_columns_do_not_matter():
    p, noise = experts(4), experts(4, 9)
    q = replace(p.reorder([3, 1, 0, 2]), intercept=p.intercept[[3, 1, 0, 2]] + 0.3 * noise.intercept)

    def rescaled(m):  # y in thousandths, columns of x in other units
        unit = np.array([1e4, 1e-3])
        return GMoE(
            Parameters(m.gate_intercept, m.gate_coef / unit, 1e3 * m.intercept, 1e3 * m.coef / unit, 1e6 * m.variance)
        )

    plain, other = match_experts(GMoE(q), GMoE(p)), match_experts(rescaled(q), rescaled(p))
    assert np.array_equal(plain.order, other.order)
    assert np.allclose(plain.cost, other.cost, rtol=1e-9, atol=1e-12)  # quotients of the same spread


def test_messages():
    one = GMoE(Parameters([0], [[0.0]], [0], [[0.0]], [1]))
    for match, call in [
        (r"gate_coef has 1 features in fitted and 2 in reference", lambda: match_experts(one, GMoE(experts(1)))),
        (r"pass observations X and y", lambda: match_experts(one, one, by="responsibilities")),
        (r"Unknown by 'label'", lambda: match_experts(one, one, by="label")),
    ]:
        with pytest.raises(ValueError, match=match):
            call()
    with pytest.raises(ValueError, match="pass them as X"):
        block_errors(TRUE, TRUE, weights="gate_probability")


def test_equal_costs_keep_the_given_order():
    """Fitted intercepts are all equal: every assignment costs the same, and SciPy alone takes (2, 1, 0)."""
    flat = {"gate_intercept": [0.0] * 3, "gate_coef": [[0.0]] * 3, "coef": [[0.0]] * 3, "variance": [1.0] * 3}
    fitted, reference = (GMoE(Parameters(intercept=values, **flat)) for values in ([1.0] * 3, [0.0, 0.0, 1.0]))
    assert match_experts(fitted, reference).order.tolist() == [0, 1, 2]
