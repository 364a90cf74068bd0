"""Bad and extreme input to distances, matching and theory, and to the losses where a gate is involved."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from gmoe import Gate, GMoE, Parameters
from gmoe.gates import ActivationGate, DenseToSparseGate, SoftmaxGate, TopKGate
from gmoe.metrics import (
    ParameterStack,
    hellinger,
    kl_divergence,
    match_experts,
    total_variation,
    voronoi_cells,
    voronoi_loss,
)
from gmoe.theory import check_activation, predict, required_n_active

TRUE = Parameters([0.0, 0.0], [[0.0], [2.0]], [0.0, 0.0], [[1.0], [-1.0]], [1.0, 1.0])
ONE = Parameters([3.0], [[1.0]], [0.0], [[1.0]], [1.0])
MODEL = GMoE(TRUE)
X = np.linspace(-1, 1, 20)[:, None]
RNG = np.random.default_rng(0)


def law(rng, size):
    return rng.normal(size=(size, 1))


VALUES = {
    r"weights='gate_probability'.*pass them as X": lambda: voronoi_loss(
        TRUE, TRUE, weights="gate_probability", X=np.empty((0, 1))
    ),
    r"n_active=5 is more than n_experts=2": lambda: voronoi_loss(TRUE, TRUE, gate=TopKGate(5)),
    r"needs a gate feature": lambda: voronoi_loss(*[replace(TRUE, gate_coef=np.empty((2, 0)))] * 2, gate=TopKGate(1)),
    r"rbar maps.*'8'": lambda: voronoi_loss(TRUE, TRUE, rbar={4: "8"}),
    r"rbar maps.*inf": lambda: voronoi_loss(TRUE, TRUE, rbar={np.inf: 8}),
    r"translation must be finite.*shape \(1,\) or \(1, 1\)": lambda: voronoi_cells(TRUE, TRUE, translation=[1, 2]),
    r"translation must be finite": lambda: voronoi_cells(TRUE, TRUE, translation=np.nan),
    r"y contains NaN": lambda: match_experts(MODEL, MODEL, X, np.full(20, np.nan), by="responsibilities"),
    r"got no observations": lambda: match_experts(MODEL, MODEL, X[:0], [], by="responsibilities"),
    r"gate_columns are \(1,\) in fitted and \(0,\)": lambda: match_experts(GMoE(TRUE, gate_columns=[1]), MODEL),
    r"X must have shape \(n, >=1\), got \(\)": lambda: hellinger(MODEL, MODEL, 3.0),
    r"law of x must return 1000 rows.*\(3, 1\)": lambda: hellinger(MODEL, MODEL, lambda *_: np.zeros((3, 1)), rng=RNG),
    r"n_draws must be >= 4, got 2": lambda: hellinger(MODEL, MODEL, X, method="monte_carlo", n_draws=2, rng=RNG),
    r"X contains NaN": lambda: hellinger(MODEL, MODEL, np.full((3, 1), np.nan)),
    r"standard deviation 1e-150 at row 0.*monte_carlo": lambda: total_variation(
        GMoE(replace(TRUE, intercept=[5.0, 5.0], variance=[1e-300, 1.0])), MODEL, X
    ),
    r"Expert 0 has mean 1e\+160": lambda: total_variation(GMoE(replace(TRUE, intercept=[1e160] * 2)), MODEL, X),
    r"n_active=5 is more": lambda: predict(TopKGate(5), (1, 1)),
    r"fitted_n_active=7 is more than the 2 fitted atoms": lambda: predict(TopKGate(1), (1, 1), fitted_n_active=7),
    r"fitted_n_active must be >= 1": lambda: predict(SoftmaxGate(), (1, 1), fitted_n_active=0),
    r"n_active must be >= 1": lambda: required_n_active((1, 2), 0),
    r"pattern is empty": lambda: required_n_active((), 1),
    r"gate_coef contains NaN": lambda: check_activation("tanh", X, [np.nan]),
    r"first and second derivative; got 2": lambda: check_activation(lambda z: (z, z), X, [1.0]),
    r"Unknown activation 'foo'": lambda: check_activation("foo", X, [1.0]),
}
TYPES = {
    r"gate must be a name or a Gate, got int": lambda: voronoi_loss(TRUE, TRUE, gate=3),
    r"rbar maps sizes.*\[8\]": lambda: voronoi_loss(TRUE, TRUE, rbar=[8]),
    r"joint_norm must be True, False or None": lambda: voronoi_loss(TRUE, TRUE, joint_norm="yes"),
    r"made of Parameters, got \['int'\]": lambda: ParameterStack.of([3]),
    r"fitted must be a GMoE, got Parameters": lambda: match_experts(TRUE, MODEL),
    r"true must be a GMoE, got Parameters; .*GMoE\(parameters, gate\)": lambda: hellinger(MODEL, TRUE, X),
    r"rng must be a numpy.random.Generator": lambda: hellinger(MODEL, MODEL, law, rng=0),
    r"pattern holds the number.*got 3": lambda: predict(SoftmaxGate(), 3),
    r"activation must be a name.*got int": lambda: check_activation(3, X, [1.0]),
}


@pytest.mark.parametrize("match", VALUES)
def test_values(match):
    with pytest.raises(ValueError, match=match):
        VALUES[match]()


@pytest.mark.parametrize("match", TYPES)
def test_types(match):
    with pytest.raises(TypeError, match=match):
        TYPES[match]()


def test_names_are_as_good_as_gates():
    assert voronoi_loss(TRUE, TRUE, gate="topk").value == 0.0
    assert predict("softmax", (2, 1)) == predict(SoftmaxGate(), (2, 1))
    assert check_activation("tanh", X, [1.0]) == check_activation(Gate("tanh").activation, X, [1.0])


def test_bare_parameters_are_read_as_a_model_reads_them():
    # A gate of fixed temperature 2: weights exp(gate_intercept / 2), whoever brings the gate.
    off = replace(TRUE, gate_intercept=[0.0, 1.0])
    gate = DenseToSparseGate(2.0)
    expected = voronoi_loss(GMoE(off, gate), GMoE(TRUE, gate)).value
    assert expected == pytest.approx(2 * np.tanh(0.25), rel=1e-14)  # 2 (1 - s) / (1 + s), s = exp(-1/2)
    for loss in (voronoi_loss(off, TRUE, gate=gate), voronoi_loss(off, GMoE(TRUE, gate))):
        assert loss.value == expected
    # In a table too, whatever the temperatures of its other fits.
    assert voronoi_loss([off, replace(TRUE, temperature=2.0)], TRUE, gate=gate).value[0] == expected


def test_gates_of_two_fixed_temperatures():
    warm = replace(TRUE, gate_intercept=2 * TRUE.gate_intercept, gate_coef=2 * TRUE.gate_coef)
    fitted, true = GMoE(warm, DenseToSparseGate(2.0)), GMoE(TRUE)
    assert float(hellinger(fitted, true, X)) == 0.0
    assert voronoi_loss(fitted, true).value == 0.0
    # As they are, on request: the slopes 2 apart at the second atom, the temperatures 1 at both.
    assert voronoi_loss(fitted, true, scale="raw", kind="exact", translation="none").value == pytest.approx(4.0)


def test_fewer_experts_than_the_truth_has_active():
    true = TRUE.reorder([0, 1, 1])
    loss = voronoi_loss(ONE, GMoE(true, TopKGate(2)))
    # As for a model of its own: one expert is active everywhere.
    assert loss.value == voronoi_loss(GMoE(ONE, TopKGate(1)), GMoE(true, TopKGate(2))).value
    assert loss.value == voronoi_loss(GMoE(ONE), GMoE(true, TopKGate(2))).value
    assert np.isfinite(loss.value)


def test_parameters_at_the_edge_of_floating_point():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Squares overflow: the loss of a table's one hopeless fit is inf, that of the others as it is.
        hopeless = replace(TRUE, gate_coef=[[0.0], [1e200]])
        off = replace(TRUE, intercept=[0.1, 0.0])
        value = voronoi_loss([hopeless, off], TRUE).value
        assert value[0] == np.inf
        assert value[1] == voronoi_loss(off, TRUE).value
        # One active expert: only the sign of the steepness matters, however large or small.
        for slope in (1e200, 1e-200):
            steep = replace(TRUE, gate_coef=[[0.0], [slope]])
            assert voronoi_loss(steep, TRUE, gate=TopKGate(1)).value == 0.0
        assert np.all(match_experts(GMoE(replace(TRUE, intercept=[0.0, 1e200])), MODEL).order == [0, 1])


def test_every_cell_of_unknown_power():
    # Nothing may be read of cells that were never written: a crash, or cells beyond the true atoms.
    many = Parameters(np.zeros(4), np.zeros((4, 1)), np.zeros(4), np.ones((4, 1)), np.ones(4))
    for _ in range(20):
        with pytest.raises(ValueError, match=r"rbar=\{4: value\}"):
            voronoi_loss([many] * 3, ONE)


@pytest.mark.parametrize("distance", [hellinger, total_variation, kl_divergence])
def test_separated_gates(distance):
    # Slopes of 1e5 and 1e300: the same regions at the points given, and so has a top-1 gate.
    steep = replace(TRUE, gate_coef=[[0.0], [1e5]], intercept=[0.0, 10.0])
    infinite = replace(steep, gate_coef=[[0.0], [1e300]])
    models = [GMoE(steep), GMoE(infinite), GMoE(steep, TopKGate(1))]
    for other in models[1:]:
        assert float(distance(models[0], other, X)) < 1e-8  # the accuracy that is stated
    reverse = GMoE(replace(steep, gate_coef=[[1.0], [0.0]]), TopKGate(1))
    # The other expert everywhere, whose mean is 8 to 12 standard deviations off.
    assert float(distance(reverse, models[2], X)) > 0.9999


def test_a_narrow_expert_that_is_not_active_does_no_harm():
    narrow = replace(TRUE, gate_intercept=[-100.0, 0.0], intercept=[5.0, 0.0], variance=[1e-300, 1.0])
    wide = replace(narrow, variance=[1.0, 1.0])
    assert float(hellinger(GMoE(narrow), GMoE(wide), X)) < 1e-8


def test_temperature_that_nothing_identifies():
    for gate, pattern in [(ActivationGate("tanh"), (2,)), (Gate("tanh", temperature="estimate", n_active=1), (1, 1))]:
        (row,) = [row for row in predict(gate, pattern) if row.quantity == "temperature"]
        assert row.rate == "not identified"
