"""The predicted rates against hand-written tables, and the conditions on activations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import erf

from gmoe.gates import Activation, ActivationGate, DenseToSparseGate, SoftmaxGate, TopKGate, as_activation
from gmoe.theory import check_activation, markdown_table, predict, required_n_active

DOCS = Path(__file__).parents[1] / "docs" / "losses.md"
# The cases of the table in docs/losses.md.
CASES = {
    "softmax": (SoftmaxGate(), (1, 1)),
    "softmax, one atom too many": (SoftmaxGate(), (2, 1)),
    "softmax, three in one cell": (SoftmaxGate(), (3, 1)),
    "softmax, four in one cell": (SoftmaxGate(), (4, 1)),
    "softmax, two in each cell": (SoftmaxGate(), (2, 2)),
    "top-2 of 3": (TopKGate(2), (2, 1, 1)),
    "top-1": (TopKGate(1), (1, 1)),
    "temperature, linear": (DenseToSparseGate(), (2, 1)),
    "temperature, sigmoid": (ActivationGate("sigmoid"), (1, 1)),
    "temperature, sigmoid, one atom too many": (ActivationGate("sigmoid"), (2, 1)),
    "temperature, relu": (ActivationGate("relu"), (1, 1)),
}


def exponent(rows, quantity, cell=None):
    (row,) = [row for row in rows if row.quantity == quantity and row.cell == cell]
    return row.exponent


@pytest.mark.parametrize(
    ("gate", "size", "expected"),
    [
        (SoftmaxGate(), 1, (-1 / 2, -1 / 2, -1 / 2, -1 / 2)),
        (SoftmaxGate(), 2, (-1 / 4, -1 / 4, -1 / 8, -1 / 4)),
        (SoftmaxGate(), 3, (-1 / 4, -1 / 4, -1 / 12, -1 / 6)),
        (SoftmaxGate(), 4, (-1 / 4, -1 / 4, -1 / 16, -1 / 8)),
        (TopKGate(2), 2, (-1 / 4, -1 / 4, -1 / 8, -1 / 4)),
        (ActivationGate("tanh"), 1, (-1 / 2, -1 / 2, -1 / 2, -1 / 2)),
        (ActivationGate("tanh"), 2, (-1 / 4, -1 / 4, -1 / 8, -1 / 4)),
        (ActivationGate("tanh", temperature=1.0), 3, (-1 / 4, -1 / 4, -1 / 12, -1 / 6)),
    ],
)
def test_blocks(gate, size, expected):
    rows = predict(gate, (1, size, 1))
    found = [exponent(rows, block, 1) for block in ("gate_coef", "coef", "intercept", "variance")]
    assert found == [None if e is None else pytest.approx(e) for e in expected]
    assert [exponent(rows, block, 0) for block in ("gate_coef", "coef", "intercept", "variance")] == [-0.5] * 4
    assert exponent(rows, "gate_intercept", 1) == -0.5
    assert exponent(rows, "density") == exponent(rows, "voronoi_loss") == -0.5


def test_rbar_of_the_user():
    rows = predict(SoftmaxGate(), (4, 1), rbar={4: 7})
    assert exponent(rows, "intercept", 0) == -1 / 14
    assert exponent(rows, "variance", 0) == -1 / 7
    # 2 m where the user has none.
    assert exponent(predict(SoftmaxGate(), (5, 1)), "intercept", 0) == -1 / 20


def test_linear_temperature():
    rows = predict(DenseToSparseGate(), (2, 1))
    slow = {row.quantity for row in rows if row.rate == "slower than polynomial"}
    assert slow == {"gate_coef", "gate_intercept", "temperature", "voronoi_loss"}
    assert all(row.bound == "lower bound" and row.exponent is None for row in rows if row.quantity in slow)
    assert exponent(rows, "gate_coef/temperature", 0) == -1 / 4
    assert exponent(rows, "gate_coef/temperature", 1) == -1 / 2
    assert exponent(rows, "voronoi_loss (free)") == -1 / 2
    # A fixed temperature is a unit of the gate, and the gate a softmax.
    assert predict(DenseToSparseGate(2.0), (2, 1)) == predict(SoftmaxGate(), (2, 1))


def test_temperature_of_an_activation():
    assert exponent(predict(ActivationGate("sigmoid"), (1, 1)), "temperature") == -0.5
    (row,) = [row for row in predict(ActivationGate("sigmoid"), (2, 2)) if row.quantity == "temperature"]
    # No paper states it: what is said is measured.
    assert (row.exponent, row.mark) == (-0.5, "measured")


def test_one_active_expert():
    rows = predict(TopKGate(1), (1, 1))
    assert exponent(rows, "gate boundary", 0) == -1.0
    unknown = {row.quantity for row in rows if row.rate == "not identified"}
    assert unknown == {"gate_coef", "gate_intercept", "voronoi_loss"}
    assert exponent(rows, "coef", 1) == -0.5
    # Two experts have one boundary, which is their gate up to translation and scale; more of them need not.
    assert exponent(rows, "voronoi_loss (free)") == -0.5
    assert "voronoi_loss (free)" not in {row.quantity for row in predict(TopKGate(1), (1, 1, 1))}


def test_one_expert_has_no_gate():
    # Its softmax is 1, whatever its gate parameters are.
    for gate in (SoftmaxGate(), ActivationGate("tanh")):
        unknown = {row.quantity for row in predict(gate, (1,)) if row.rate == "not identified"}
        assert {"gate_coef", "gate_intercept"} <= unknown
        assert "gate boundary" not in {row.quantity for row in predict(gate, (1,))}
        assert exponent(predict(gate, (1,)), "coef", 0) == -0.5


def test_sharp_only_where_it_is():
    assert {row.bound for row in predict(SoftmaxGate(), (1, 1))} == {"sharp"}
    over = predict(SoftmaxGate(), (2, 1))
    assert {row.bound for row in over if row.cell is not None} == {"upper bound"}
    # The theorems bound the loss from above; that it falls no faster they do not say.
    assert {row.quantity: row.bound for row in over if row.cell is None} == {
        "density": "sharp", "voronoi_loss": "upper bound", "cell_loss": "upper bound",
    }  # fmt: skip
    for gate, pattern in CASES.values():
        for row in predict(gate, pattern):
            assert row.mark in ("verified", "derived", "measured", "recalled")
            assert row.source
            assert (row.bound == "") == (row.rate in ("not stated", "not identified"))


@pytest.mark.parametrize("gate", [SoftmaxGate(), TopKGate(2), DenseToSparseGate()], ids=str)
def test_a_common_factor_of_all_cells_identifies_no_slopes(gate):
    pattern = (2, 2) if gate.n_active is None else (2, 2, 2)
    rows = predict(gate, pattern)
    unknown = {row.quantity for row in rows if row.rate == "not identified"}
    suffix, loss = ("/temperature", "voronoi_loss (free)") if gate.estimated else ("", "voronoi_loss")
    assert unknown == {"gate_coef" + suffix, loss}
    assert exponent(rows, "intercept", 0) == -1 / 8
    # The loss of cells does not see the factor. A bent activation has none.
    assert exponent(rows, "cell_loss") == -1 / 2
    assert exponent(predict(ActivationGate("tanh"), (2, 2)), "gate_coef", 0) == -1 / 4


def test_regular_models_have_no_logarithm():
    for gate in (SoftmaxGate(), ActivationGate("tanh")):
        for row in predict(gate, (1, 1)):
            assert row.logarithm == (row.quantity == "density")
            assert row.order == 1.0
    assert all(row.logarithm for row in predict(SoftmaxGate(), (2, 1)))


def test_enough_active_experts():
    assert required_n_active((3, 1, 2), 1) == 3
    assert required_n_active((3, 1, 2), 2) == 5
    rows = predict(TopKGate(1), (2, 1), fitted_n_active=1)
    # A third expert that is active nowhere leaves the density as it is: no convergence would be wrong.
    assert {row.rate for row in rows} == {"not stated"}
    assert exponent(predict(TopKGate(1), (2, 1), fitted_n_active=2), "density") == -0.5


def test_table_of_the_documentation():
    text = DOCS.read_text(encoding="utf-8")
    shown = text.split("<!-- theory table -->\n")[1]
    assert shown == markdown_table(CASES)


def test_bad_patterns():
    for match, call in [
        (r"pattern is empty.*\(2, 1\)", lambda: predict(SoftmaxGate(), ())),
        (r"every cell of the pattern must be >= 1, got 0", lambda: predict(SoftmaxGate(), (2, 0))),
        (r"use intercept='outside'", lambda: predict(ActivationGate(intercept="inside"), (1, 1))),
    ]:
        with pytest.raises(ValueError, match=match):
            call()


# --- activations ---


def power(p):
    def derivatives(z):
        yield np.abs(z) ** p
        yield p * np.abs(z) ** (p - 1) * np.sign(z)
        yield p * (p - 1) * np.abs(z) ** (p - 2)

    return derivatives


def affine(z):
    return 2 * z + 3, np.full_like(z, 2.0), np.zeros_like(z)


def gelu(z):
    density, cdf = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi), 0.5 * (1 + erf(z / np.sqrt(2)))
    return z * cdf, cdf + z * density, (2 - z * z) * density


def sine(z):
    return np.sin(z), np.cos(z), -np.sin(z)


def elu(z):
    return np.where(z > 0, z, np.expm1(z)), np.where(z > 0, 1, np.exp(z)), np.where(z > 0, 0, np.exp(z))


def hard_sigmoid(z):
    return np.clip(0.5 + z / 6, 0, 1), (np.abs(z) < 3) / 6, np.zeros_like(z)


FAIL = {"power 2": power(2), "power 1.5": power(1.5), "abs": power(1), "affine": affine}
FAIL |= {name: as_activation(name) for name in ("identity", "relu")}
PASS = {"gelu": gelu, "sine": sine, **{name: as_activation(name) for name in ("sigmoid", "tanh")}}


def points(d, size=4.0):
    return np.random.default_rng(d).uniform(-size, size, (2000, d))


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("name", [*FAIL, *PASS])
def test_conditions(name, d):
    coef = np.array([1.0, -0.5, 0.25])[:d]
    check = check_activation({**FAIL, **PASS}[name], points(d), coef)
    assert check.first_order == (name in PASS)
    assert check.second_order == (name in PASS)
    # Dependence shows as rounding of unit columns, independence on such a range as percents.
    assert check.first_singular_value < 1e-13 or check.first_singular_value > 1e-2


def test_piecewise_linear_ones_need_more_than_one_piece():
    for activation in (elu, hard_sigmoid):
        assert check_activation(activation, points(1), [1.0]).first_order
        assert not check_activation(activation, np.abs(points(1, 2.0)), [1.0]).first_order


def test_near_degenerate_places():
    # At a zero slope first-order independence is lost for every activation; near it, nearly.
    assert not check_activation(gelu, points(1), [0.0]).first_order
    small, large = (check_activation(as_activation("sigmoid"), points(1), [c]) for c in (0.01, 1.0))
    assert small.first_singular_value < 1e-4 * large.first_singular_value
    # Of several slopes the worst counts.
    both = check_activation(as_activation("sigmoid"), points(1), [[1.0], [0.01]])
    assert both.first_singular_value == small.first_singular_value
    assert both.score_range == large.score_range


def test_first_order_agrees_with_what_activations_say():
    for name in ("identity", "relu", "sigmoid", "tanh"):
        activation = as_activation(name)
        assert check_activation(activation, points(2), [1.0, 0.5]).first_order == activation.meets_first_order_condition


def test_check_messages():
    broken = Activation("broken", lambda z: (z / 0.0 * 0.0, z, z), check=False)
    for match, call in [
        (
            r"one slope per column of X \(2000, 2\), got shape \(1, 3\)",
            lambda: check_activation(gelu, points(2), [1, 2, 3]),
        ),
        (r"4 functions need as many rows of X, got 3", lambda: check_activation(gelu, points(2)[:3], [1.0, 1.0])),
        (r"activation's value must be finite", lambda: check_activation(broken, points(1), [1.0])),
        (r"tolerance must be positive", lambda: check_activation(gelu, points(1), [1.0], tolerance=0.0)),
    ]:
        with pytest.raises(ValueError, match=match), np.errstate(all="ignore"):
            call()
