"""Voronoi cells and losses: hand-computed cases, what leaves them unchanged, ties, empty cells."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import voronoi_reference as reference

from gmoe import GMoE, Parameters
from gmoe.gates import ActivationGate, DenseToSparseGate, SoftmaxGate, TopKGate
from gmoe.metrics import ParameterStack, block_errors, voronoi_cells, voronoi_loss

TRUE = Parameters([0.0, 0.0], [[0.0], [2.0]], [0.0, 0.0], [[1.0], [-1.0]], [1.0, 1.0])
FIELDS = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")
MASS = 5
RBAR = {4: 8, 5: 9}
each_kind = pytest.mark.parametrize("kind", ["exact", "over", "power"])
each_seed = pytest.mark.parametrize("seed", range(12))


def draw(rng, n, d):
    return Parameters(
        rng.normal(size=n), rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=(n, d)), rng.uniform(0.3, 1, n)
    )


def around(rng, true, k, size=0.3):
    """A fit with every true atom once, the rest doubled at random, and noise."""
    n, noise = true.n_experts, draw(rng, k, true.coef.shape[1])
    cell = np.concatenate([np.arange(n), rng.integers(0, n, k - n)])
    return Parameters(*(getattr(true, name)[cell] + size * getattr(noise, name) for name in FIELDS))


def moved(p, t1, t2):
    return replace(p, gate_intercept=p.gate_intercept + t1, gate_coef=p.gate_coef + t2)


def pair(seed, d=None):
    rng = np.random.default_rng(seed)
    d, n = d or 1 + seed % 3, int(rng.integers(1, 4))
    true = draw(rng, n, d)
    return around(rng, true, n + int(rng.integers(0, 3)), rng.choice([0.1, 0.5, 1.0])), true, rng


# --- hand-computed ---


def test_one_error_of_one_expert():
    # Weights 1 and 1; no translation makes the sum sqrt(t2^2 + 0.01) + |t2| smaller than 0.1.
    fitted = replace(TRUE, intercept=[0.1, 0.0])
    loss = voronoi_loss(fitted, TRUE, kind="exact")
    assert loss.value == pytest.approx(0.1, rel=1e-15)
    assert loss.blocks[2] == "intercept"
    expected = np.zeros((2, 6))
    expected[0, 2] = 0.1
    assert np.allclose(loss.contributions, expected, rtol=0, atol=1e-16)  # one rounding of 0.1


def test_masses_by_weighted_median():
    # Total mass 2 splits 0.5 and 1.5: |0.5 - s| + |1.5 - s| = 1 for every s between.
    fitted = replace(TRUE, gate_intercept=[0.0, np.log(3.0)])
    assert voronoi_loss(fitted, TRUE).value == pytest.approx(1.0, rel=1e-15)
    # As they are: |1 - 1| + |3 - 1|.
    assert voronoi_loss(fitted, TRUE, translation="none").value == pytest.approx(2.0, rel=1e-15)


def test_powers_in_a_cell_of_two():
    # Two atoms of mass 1/2 at +-0.1 in the intercept: 2 x 1/2 x 0.1^4; variance off by 0.2: 2 x 1/2 x 0.2^2.
    fitted = Parameters(
        [np.log(0.5)] * 2 + [0.0], [[0.0], [0.0], [2.0]], [0.1, -0.1, 0.0], [[1.0], [1.0], [-1.0]], [1.2, 1.2, 1.0]
    )
    loss = voronoi_loss(fitted, TRUE)
    assert loss.value == pytest.approx(1e-4 + 0.04, rel=1e-13)
    assert list(loss.cells) == [0, 0, 1]
    assert voronoi_loss(fitted, TRUE, joint_norm=False).value == pytest.approx(1e-4 + 0.04, rel=1e-13)
    # First powers: joint norm sqrt(0.1^2 + 0.2^2), or 0.1 + 0.2.
    assert voronoi_loss(fitted, TRUE, kind="exact").value == pytest.approx(np.hypot(0.1, 0.2), rel=1e-13)
    assert voronoi_loss(fitted, TRUE, kind="exact", joint_norm=False).value == pytest.approx(0.3, rel=1e-13)
    # With an activation: 0.1^4 and 0.2^2 stay, as intercept and variance keep their powers.
    assert voronoi_loss(fitted, TRUE, gate=ActivationGate()).value == pytest.approx(1e-4 + 0.04, rel=1e-13)


def test_slopes_in_a_cell_of_two_with_an_activation():
    # |d gate_coef|^2 and |d coef|^2, the gate without translation: 2 x 1/2 x (0.1^2 + 0.3^2).
    fitted = Parameters([np.log(0.5)] * 2 + [0.0], [[0.1], [0.1], [2.0]], [0.0] * 3, [[1.3], [1.3], [-1.0]], [1.0] * 3)
    assert voronoi_loss(fitted, TRUE, gate=ActivationGate()).value == pytest.approx(0.1, rel=1e-13)


def test_the_constant_of_the_published_form():
    # Two atoms share the first cell, the last fitted gate is pinned: mass 2 against 1, unless t1 moves the truth.
    fitted = Parameters([0.0, 0.0, np.log(2.0)], [[0.0], [0.0], [2.0]], [0.0] * 3, [[1.0], [1.0], [-1.0]], [1.0] * 3)
    pinned = moved(fitted, -np.log(2.0), 0.0)
    assert voronoi_loss(moved(pinned, np.log(2.0), 0.0), TRUE, translation="none").value == pytest.approx(2.0)
    assert voronoi_loss(pinned, TRUE).value == pytest.approx(0.0, abs=1e-15)


def test_power_and_temperature():
    # Only the temperature is off: each of two atoms of weight 1 adds 0.5^3.
    fitted = ParameterStack(*(getattr(TRUE, name)[None] for name in FIELDS), temperature=1.5)
    assert voronoi_loss(fitted, TRUE, kind="power", power=3).value[0] == pytest.approx(0.25, rel=1e-14)
    # gate_coef / temperature: 2 / 1.5 against 2, at t2 = 0 (or 2/3 with the other atom at fault).
    free = voronoi_loss(fitted, TRUE, kind="exact", scale="free")
    assert free.value[0] == pytest.approx(2 / 3, rel=1e-13)


# --- zero, and what changes nothing ---


@each_kind
@each_seed
def test_zero_for_relabelled_and_translated_copies(kind, seed):
    _, true, rng = pair(seed)
    n, d = true.gate_coef.shape
    assert voronoi_loss(true, true, kind=kind).value == 0.0
    assert voronoi_loss(true.reorder(rng.permutation(n)), true, kind=kind).value == 0.0
    copy = moved(true, 2.5, rng.normal(0, 10, d))
    loss = voronoi_loss(copy, true, kind=kind)
    assert loss.value < 1e-13  # rounding of slopes of size 30
    assert loss.translation_intercept == pytest.approx(2.5, abs=1e-14)
    assert np.allclose(loss.translation_coef, copy.gate_coef[0] - true.gate_coef[0], rtol=0, atol=1e-13)
    assert voronoi_loss(copy, true, kind=kind, translation="none").value > 0.1


@each_kind
@pytest.mark.parametrize("block", FIELDS)
def test_positive_as_soon_as_one_entry_differs(kind, block):
    true = draw(np.random.default_rng(0), 3, 2)
    value = getattr(true, block).copy()
    value.reshape(-1)[0] += 1e-3
    assert voronoi_loss(replace(true, **{block: value}), true, kind=kind).value > 1e-5


@each_kind
@each_seed
def test_unchanged_by_labels_and_translations(kind, seed):
    fitted, true, rng = pair(seed)
    d = true.gate_coef.shape[1]
    value = voronoi_loss(fitted, true, kind=kind, rbar=RBAR).value
    left, right = rng.permutation(fitted.n_experts), rng.permutation(true.n_experts)
    copies = [
        (fitted.reorder(left), true.reorder(right)),
        (moved(fitted, 3.0, rng.normal(0, 5, d)), true),
        (fitted, moved(true, -2.0, rng.normal(0, 5, d))),
    ]
    for a, b in copies:
        # Slopes of size 10 are rounded at 1e-15, and the errors of 0.1 that remain, to some power, at 1e-13.
        assert voronoi_loss(a, b, kind=kind, rbar=RBAR).value == pytest.approx(value, rel=1e-12)


@each_seed
def test_top_k_is_unchanged_too(seed):
    fitted, true, rng = pair(seed + 100, d=2)
    if true.n_experts < 2:
        true = draw(rng, 3, 2)
        fitted = around(rng, true, 4)
    options = {"gate": TopKGate(max(1, true.n_experts - 1)), "rbar": RBAR}
    value = voronoi_loss(fitted, true, **options).value
    copy = moved(fitted.reorder(rng.permutation(fitted.n_experts)), 1.0, [2.0, -3.0])
    assert voronoi_loss(copy, true, **options).value == pytest.approx(value, rel=1e-12)


def test_only_the_intercept_moves_with_an_activation():
    gate = ActivationGate("sigmoid")
    assert voronoi_loss(moved(TRUE, 1.0, 0.0), TRUE, gate=gate).value < 1e-15
    loss = voronoi_loss(moved(TRUE, 0.0, 0.5), TRUE, gate=gate)
    assert loss.value == pytest.approx(1.0, rel=1e-15)  # 0.5 for each atom
    assert np.array_equal(loss.translation_coef, [0.0])


def test_mirror_images_of_an_odd_activation():
    rng = np.random.default_rng(6)
    gate = ActivationGate("tanh")
    true = replace(draw(rng, 2, 2), temperature=1.0)
    fitted = around(rng, true, 2)

    def mirror(p):
        return replace(p, gate_coef=-p.gate_coef[::-1])

    X = rng.normal(size=(20, 2))
    proba = GMoE(fitted, gate).gate_proba(X)
    assert np.allclose(GMoE(mirror(fitted), gate).gate_proba(X), proba, rtol=0, atol=1e-15)
    assert voronoi_loss(mirror(true), true, gate=gate).value == 0.0
    value = voronoi_loss(fitted, true, gate=gate).value
    for a, b in [(mirror(fitted), true), (fitted, mirror(true)), (mirror(fitted), mirror(true))]:
        assert voronoi_loss(a, b, gate=gate).value == value
        errors, same = block_errors(a, b, gate=gate), block_errors(fitted, true, gate=gate)
        assert np.allclose(errors.error, same.error, rtol=0, atol=1e-15)
    assert voronoi_loss(mirror(true), true, gate=gate, translation="none").value > 0.1
    # Three experts have no such image, and neither has an activation that is not odd.
    three = draw(rng, 3, 2)
    assert voronoi_loss(mirror(three), three, gate=gate).value > 0.1
    assert voronoi_loss(mirror(true), true, gate=ActivationGate("gelu")).value > 0.1


def test_free_scale_of_a_linear_temperature():
    rng = np.random.default_rng(5)
    true = draw(rng, 2, 2)
    fitted = around(rng, true, 3)
    stack = ParameterStack.of([fitted] * 3)
    c = np.array([1.0, 0.3, 20.0])
    scaled = replace(
        stack,
        gate_coef=stack.gate_coef * c[:, None, None],
        gate_intercept=stack.gate_intercept * c[:, None],
        temperature=c,
    )
    gate = DenseToSparseGate()
    free = voronoi_loss(scaled, true, gate=gate, scale="free").value
    assert np.allclose(free, free[0], rtol=1e-13, atol=0)  # a product and a quotient each
    assert np.array_equal(voronoi_loss(scaled, true, gate=gate).value, free)  # the default, where the scale is open
    raw = voronoi_loss(scaled, true, gate=gate, scale="raw").value
    assert raw[1] > 1.5 * raw[0]
    assert raw[2] > 10 * raw[0]
    assert free[0] == pytest.approx(voronoi_loss(fitted, true, gate=SoftmaxGate(), joint_norm=True).value, rel=1e-13)


def test_triangle():
    # Equal weights and cells of one atom: a translation-invariant sum of norms.
    rng = np.random.default_rng(2)
    for _ in range(20):
        true = replace(draw(rng, 3, 2), gate_intercept=np.zeros(3))
        true = replace(true, intercept=10.0 * np.arange(3))  # so that cells are never in doubt
        b, c = (replace(around(rng, true, 3), gate_intercept=np.zeros(3)) for _ in range(2))
        ab, bc, ac = (voronoi_loss(p, q, kind="exact").value for p, q in ((b, true), (c, b), (c, true)))
        assert ac <= (ab + bc) * (1 + 1e-12)
        assert bc == pytest.approx(voronoi_loss(b, c, kind="exact").value, rel=1e-12)  # and symmetric


# --- cells, ties, parts ---


def test_cells_by_definition():
    for seed in range(30):
        fitted, true, rng = pair(seed)
        shift = rng.normal(size=true.gate_coef.shape[1])
        assert np.array_equal(voronoi_cells(fitted, true), reference.cells(fitted, true, 0.0))
        assert np.array_equal(voronoi_cells(fitted, true, translation=shift), reference.cells(fitted, true, shift))


def test_ties_go_to_the_lower_index():
    between = Parameters([0.0], [[1.0]], [0.0], [[0.0]], [1.0])
    assert list(voronoi_cells(between, TRUE)) == [0]
    assert list(voronoi_cells(between, TRUE.reorder([1, 0]))) == [0]


def test_an_empty_cell_contributes_its_weight():
    true = replace(TRUE, gate_intercept=[0.0, np.log(0.25)])
    fitted = Parameters([0.0], [[0.0]], [0.0], [[1.0]], [1.0])
    loss = voronoi_loss(fitted, true, translation="none")
    assert loss.value == pytest.approx(0.25, rel=1e-15)
    assert loss.contributions[1, MASS] == loss.value
    # The truth has mass 1.25, and so has the fit; s = 1.25 for the first atom leaves 1.25 x 0.25 for the empty cell.
    assert voronoi_loss(fitted, true).value == pytest.approx(0.3125, rel=1e-14)


@pytest.mark.parametrize("translation", ["infimum", "none"])
@pytest.mark.parametrize("joint", [True, False])
@each_kind
def test_parts_add_up(kind, joint, translation):
    for seed in range(12):
        fitted, true, _ = pair(seed)
        loss = voronoi_loss(fitted, true, kind=kind, joint_norm=joint, rbar=RBAR, translation=translation)
        assert loss.contributions.sum() == pytest.approx(loss.value, rel=1e-14)
        if kind == "power":
            continue
        # The parts are those of the definition at the translation and cells that are reported.
        if translation == "infimum":
            w, v = reference.normalised(fitted, true)
            shift = np.log(np.exp(fitted.gate_intercept).sum() / np.exp(true.gate_intercept).sum())
            s = np.exp(loss.translation_intercept - shift)
        else:
            w, v, s = np.exp(fitted.gate_intercept), np.exp(true.gate_intercept), 1.0
        rows = reference.rows(fitted, true, loss.cells, w, v, loss.translation_coef, s, kind, joint)
        assert np.allclose(loss.contributions.sum(axis=1), rows, rtol=1e-12, atol=1e-15)


def test_a_table_is_its_rows():
    rng = np.random.default_rng(3)
    true = draw(rng, 2, 2)
    fits = [around(rng, true, 3) for _ in range(40)]
    rows = [voronoi_loss(fit, true) for fit in fits]
    for table in (fits, [GMoE(fit) for fit in fits], ParameterStack.of(fits)):
        loss = voronoi_loss(table, true)
        for name in (
            "value",
            "cells",
            "translation_intercept",
            "translation_coef",
            "contributions",
            "active",
            "mirrored",
        ):
            assert np.array_equal(getattr(loss, name), [getattr(row, name) for row in rows])
        assert np.array_equal(voronoi_cells(table, true), [voronoi_cells(fit, true) for fit in fits])


@pytest.mark.parametrize("n_true", [2, 5, 12])
def test_maximum_over_subsets(n_true):
    rng = np.random.default_rng(n_true)
    true = draw(rng, n_true, 2)
    for k in range(1, n_true):
        fitted = around(rng, true, n_true + 1)
        loss = voronoi_loss(fitted, true, gate=TopKGate(k), translation="none", kind="exact")
        rows = loss.contributions.sum(axis=1)
        every = [rows[list(c)].sum() for c in itertools.combinations(range(n_true), k)]
        assert loss.value == pytest.approx(max(every), rel=1e-14)  # sums in another order
        assert loss.active.sum() == k
        assert rows[loss.active].sum() == pytest.approx(loss.value, rel=1e-14)


def test_a_top_k_fit_with_more_active_experts():
    # The truth says over how many of its atoms the maximum goes; a fit may have any number active, also all of them.
    rng = np.random.default_rng(8)
    true = draw(rng, 3, 1)
    fitted = around(rng, true, 4)
    losses = [voronoi_loss(GMoE(fitted, TopKGate(n)), GMoE(true, TopKGate(2))) for n in (2, 3, 4)]
    assert len({loss.value for loss in losses}) == 1
    assert losses[0].active.sum() == 2
    # And a top-K gate that leaves no expert out is a softmax gate.
    dense = voronoi_loss(GMoE(fitted, TopKGate(4)), GMoE(true, SoftmaxGate())).value
    assert dense == voronoi_loss(fitted, true).value


def test_weights_by_gate_probability():
    rng = np.random.default_rng(4)
    true = GMoE(draw(rng, 2, 1))
    fitted = GMoE(around(rng, true.parameters, 2))
    X = rng.normal(size=(50, 1))
    loss = voronoi_loss(fitted, true, weights="gate_probability", X=X, kind="exact", translation="none")
    w, v = fitted.gate_proba(X).mean(axis=0), true.gate_proba(X).mean(axis=0)
    cells = voronoi_cells(fitted, true)
    rows = reference.rows(fitted.parameters, true.parameters, cells, w, v, 0.0, 1.0, "exact")
    assert loss.value == pytest.approx(rows.sum(), rel=1e-13)
    # With the infimum: no translation changes it, by either side.
    free = {"weights": "gate_probability", "X": X, "kind": "exact"}
    value = voronoi_loss(fitted, true, **free).value
    assert value <= loss.value
    copy = GMoE(moved(fitted.parameters, 2.0, 3.0))
    assert voronoi_loss(copy, true, **free).value == pytest.approx(value, rel=1e-12)
    # A blind spot of exp(gate_intercept): weight exp(-8) for the expert with two thirds of the observations.
    truth = Parameters([-8, 0], [[25], [0]], [15, -5], [[-20], [20]], [0.09, 0.16])
    off = replace(truth, variance=[0.19, 0.16])
    x = np.linspace(0, 1, 200)[:, None]
    assert (
        voronoi_loss(off, truth).value < 1e-4 < 0.05 < voronoi_loss(off, truth, weights="gate_probability", X=x).value
    )


def test_hopeless_weights_stay_finite():
    fitted = replace(TRUE, gate_intercept=[900.0, -900.0])
    assert voronoi_loss(fitted, TRUE).value == pytest.approx(2.0, rel=1e-14)  # mass (2, 0): |2 - s| + |0 - s|
    assert np.isfinite(voronoi_loss(fitted, replace(TRUE, gate_intercept=[-800.0, 0.0])).value)


def test_a_large_cell_that_cannot_matter_needs_no_rbar():
    # Some translations would put four atoms into one cell, but at the price of a mass that rules them out.
    rng = np.random.default_rng(0)
    true = draw(rng, 2, 1)
    fitted = around(rng, true, 4, 0.01)
    cells = voronoi_loss(fitted, true).cells
    assert np.bincount(cells).max() <= 3
    assert voronoi_loss(fitted, true).value == voronoi_loss(fitted, true, rbar=RBAR).value


@pytest.mark.parametrize("scale", ["raw", "free"])
def test_one_norm_or_several_is_no_matter_of_the_other_fits(scale):
    off = replace(TRUE, intercept=[0.3, 0.0], variance=[1.4, 1.0])
    options = {"gate": DenseToSparseGate(), "kind": "exact", "scale": scale}
    alone, table = (
        voronoi_loss(off, TRUE, **options),
        voronoi_loss([off, replace(TRUE, temperature=1.5)], TRUE, **options),
    )
    # With a temperature's own error the norms add up, without it they join: 0.3 and 0.4.
    assert alone.value == pytest.approx({"raw": 0.7, "free": 0.5}[scale], rel=1e-13)
    assert table.value[0] == alone.value


def test_bare_parameters_see_the_columns_of_the_other_measure():
    model = GMoE(TRUE, gate_columns=[1], expert_columns=[0])
    X = np.random.default_rng(0).normal(size=(20, 2))
    for fitted, true in [(TRUE, model), (model, TRUE)]:
        assert voronoi_loss(fitted, true, weights="gate_probability", X=X).value == 0.0


def test_mirrored_is_against_the_truth_as_given():
    for sign in (1.0, -1.0):
        slopes = sign * np.array([[1.0], [2.0]])
        true = GMoE(replace(TRUE, gate_coef=slopes), ActivationGate("tanh"))
        image = replace(true, parameters=replace(true.parameters, gate_coef=-slopes[::-1]))
        loss = voronoi_loss([true, image], true)
        assert np.array_equal(loss.value, [0.0, 0.0])
        assert list(loss.mirrored) == [False, True]
