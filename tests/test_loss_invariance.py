"""Losses of every gate respect what that gate leaves open, and nothing else."""

from dataclasses import replace

import numpy as np
import own
import pytest
from problems import representatives

from gmoe import GMoE, Parameters, TopK
from gmoe.gates import Gate
from gmoe.metrics import block_errors, match_experts, voronoi_loss

D = 2
#: A gate intercept inside the activation has no loss.
GATES = {
    name: gate
    for name, gate in representatives(3).items()
    if gate.intercept == "outside" and (gate.n_active or not gate.selection.selects)
}
each_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
# Moved parameters of size 10 are rounded at 1e-15, and so is what remains of errors of 0.1 after translation.
RELATIVE, ZERO = 1e-12, 1e-13
FIELDS = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")
#: Blocks of the parametrisation as given, which an open scale changes.
RAW = ("gate_coef", "gate_intercept", "temperature", "gate_coef/temperature", "gate_intercept/temperature")


def mirror(coef):
    """Exchange the rows of two experts, with changed sign: outside intercepts keep their difference."""
    return -coef[::-1]


def draw(rng, k, gate, d=D):
    temperature = rng.uniform(0.5, 2.0) if gate.estimated else gate.temperature
    return GMoE(
        Parameters(
            rng.normal(size=k), rng.normal(size=(k, d)), 3 * rng.normal(size=k), rng.normal(size=(k, d)),
            rng.uniform(0.3, 1, k), temperature,
        ),
        gate,
    )  # fmt: skip


def near(rng, true, k, gate):
    """A fit with every true expert once, the rest doubled, and noise."""
    cell = np.concatenate([np.arange(true.n_experts), rng.integers(0, true.n_experts, k - true.n_experts)])
    p, noise = true.parameters.reorder(cell), draw(rng, k, gate).parameters
    noisy = {name: getattr(p, name) + 0.1 * getattr(noise, name) for name in FIELDS}
    return GMoE(replace(p, **noisy, temperature=p.temperature * (1.1 if gate.estimated else 1.0)), gate)


def member(rng, model):
    """Another representative: everything that the gate says it leaves open, at random, and the labels."""
    gate, p = model.gate, model.parameters
    coef, k = p.gate, model.n_experts
    if k == 2 and gate.activation.odd and rng.random() < 0.5:
        coef = mirror(coef)
    natural, shared = gate.natural(coef, p.temperature)
    flat = gate.symmetry(*coef.shape).flat
    step = flat @ rng.normal(size=flat.shape[1])
    coef, temperature = gate.raw(natural + step[: coef.size].reshape(coef.shape), shared + step[coef.size :])
    factor = rng.uniform(0.3, 3.0)
    degree = gate.activation.degree
    powers = np.array([degree or 1.0] + [1.0] * (coef.shape[1] - 1))
    if gate.is_hard(k):
        if gate.selection.by.name == "score" or degree is not None:
            coef = coef * factor**powers
        temperature = temperature * (rng.uniform(0.3, 3.0) if gate.estimated else 1.0)
    elif gate.estimated and degree is not None:
        coef, temperature = coef * factor**powers, temperature * factor**degree
    elif gate.estimated and k == 1:
        temperature = temperature * factor
    return replace(model, parameters=p.with_gate(coef, temperature).reorder(rng.permutation(k)))


def same_density(a, b, rng):
    X = rng.uniform(-1, 1, size=(50, a.parameters.gate_coef.shape[1]))
    y = rng.normal(size=50)
    return np.allclose(a.log_density(X, y), b.log_density(X, y), rtol=1e-9, atol=1e-9)  # logits of size 30


def suits(gate, k):
    return gate.n_active is None or gate.n_active <= k


@each_gate
@pytest.mark.parametrize("k", [1, 2, 3])
def test_zero_exactly_for_members_of_the_class(gate, k):
    if not suits(gate, k):
        return
    rng = np.random.default_rng(k)
    X = rng.normal(size=(30, D))
    for _ in range(3):
        true = draw(rng, k, gate)
        copy, other = member(rng, true), member(rng, true)
        assert same_density(copy, true, rng)
        for options in ({}, {"kind": "exact"}, {"weights": "gate_probability", "X": X}):
            assert voronoi_loss(copy, other, **options).value < ZERO
        errors = block_errors(copy, other)
        assert np.all(errors.error[~np.isin(errors.block, RAW)] < ZERO)
        assert match_experts(copy, other).cost.min(axis=0).max() < ZERO
        assert voronoi_loss(true, true).value == 0.0
        for changed in perturbed(rng, true):
            assert voronoi_loss(changed, true).value > 1e-6


def perturbed(rng, model):
    """Models that differ by 1e-3 in one identified parameter."""
    gate, p, k = model.gate, model.parameters, model.n_experts
    for name in ("intercept", "coef", "variance"):
        value = getattr(p, name).copy()
        value.flat[0] += 1e-3
        yield replace(model, parameters=replace(p, **{name: value}))
    by_score = gate.is_hard(k) and gate.selection.by.name == "score"
    if k > 1 and not by_score:
        yield replace(model, parameters=replace(p, gate_intercept=p.gate_intercept + 1e-3 * np.eye(k)[0]))
    # By score, two slopes have but a direction; in two features one of two entries turns it.
    if k > 1:
        turned = p.gate_coef.copy()
        turned[0] += 1e-3 * np.array([1.0, -1.0]) * (turned[0] - turned[1])[::-1]
        yield replace(model, parameters=replace(p, gate_coef=turned))
    if k > 1 and gate.estimated and not gate.scale_free:
        yield replace(model, parameters=replace(p, temperature=p.temperature + 1e-3))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "arctan"])
def test_mirror_images_of_a_truth_with_fewer_experts(activation):
    """Three atoms in the places of two experts, or of their mirror image: the same density."""
    rng = np.random.default_rng(1)
    true = draw(rng, 2, Gate(activation))
    p = true.parameters
    order = [0, 0, 1]
    weights = p.gate_intercept[order] - np.log([2.0, 2.0, 1.0])
    fitted = replace(true, parameters=replace(p.reorder(order), gate_intercept=weights))
    image = replace(true, parameters=p.with_gate(mirror(p.gate)))
    for other in (true, image):
        assert same_density(fitted, other, rng)
        assert voronoi_loss(fitted, other).value < ZERO
        errors = block_errors([fitted] * 2, other)
        assert errors.error.max() < ZERO


def test_experts_are_matched_alike_under_a_common_scale_of_rows_inside():
    """By logit, with the intercept inside, intercepts and slopes have one scale, whatever the activation's degree."""
    rng = np.random.default_rng(2)
    gate = Gate(own.ACTIVATIONS["cube"], "inside", n_active=1, select_on="logit")
    a, b = draw(rng, 3, gate), draw(rng, 3, gate)
    scaled = replace(a, parameters=a.parameters.with_gate(1.7 * a.parameters.gate, 1.0))
    assert same_density(scaled, a, rng)
    assert np.allclose(match_experts(scaled, b).cost, match_experts(a, b).cost, rtol=RELATIVE)


def fitted_gate(gate, k, n_true):
    """The gate of a fit that is comparable: dense where the truth is."""
    return replace(gate, selection=TopK(k, gate.selection.by)) if gate.n_active == n_true else gate


@each_gate
@pytest.mark.parametrize("sizes", [(2, 2), (3, 3), (3, 2), (2, 1)], ids=str)
def test_unchanged_by_what_the_gates_leave_open(gate, sizes):
    k, n_true = sizes
    if not suits(gate, min(sizes)):
        return
    rng = np.random.default_rng(sum(sizes))
    X = rng.normal(size=(30, D))
    for _ in range(3):
        true = draw(rng, n_true, gate)
        fitted = near(rng, true, k, fitted_gate(gate, k, n_true))
        for options in ({}, {"kind": "exact"}, {"weights": "gate_probability", "X": X}):
            value = voronoi_loss(fitted, true, **options).value
            for a, b in [
                (member(rng, fitted), true),
                (fitted, member(rng, true)),
                (member(rng, fitted), member(rng, true)),
            ]:
                assert voronoi_loss(a, b, **options).value == pytest.approx(value, rel=RELATIVE)


# --- one active expert ---

HARD = {name: gate for name, gate in GATES.items() if gate.n_active == 1}
each_hard_gate = pytest.mark.parametrize("gate", HARD.values(), ids=HARD)
TOP = {select_on: Gate(n_active=1, select_on=select_on) for select_on in ("score", "logit")}
each_selection = pytest.mark.parametrize("select_on", TOP)


@each_hard_gate
def test_doubled_atoms_under_more_active_ones_are_the_truth(gate):
    """Four atoms, two of them active, for two experts of which one is: in the truth's place, the loss is 0."""
    rng = np.random.default_rng(5)
    wider = replace(gate, selection=TopK(2, gate.selection.by))
    for _ in range(3):
        true = draw(rng, 2, gate)
        doubled = GMoE(true.parameters.reorder([1, 0, 0, 1]), wider)
        # The truth's scale is not known, so that the fit may have any; by score, its masses are not known either.
        if gate.selection.by.name == "score":
            p = doubled.parameters
            free = replace(p, gate_intercept=p.gate_intercept + rng.normal(size=4), gate_coef=1.7 * p.gate_coef + 0.3)
            doubled = GMoE(free, wider)
        for true_copy in (true, member(rng, true)):
            assert voronoi_loss(doubled, true_copy).value < ZERO
            noisy = GMoE(near(rng, true, 4, gate).parameters, wider)
            value = voronoi_loss(noisy, true_copy, rbar={4: 8}).value
            assert value == pytest.approx(voronoi_loss(noisy, true, rbar={4: 8}).value, rel=RELATIVE)
            assert value > 1e-9


def test_hand_computed_by_score():
    # Extents 5 and 10: gates alike.  Two atoms share cell 0 with weights 1/4 and 3/4, errors 0.1 in the intercepts.
    true = GMoE(
        Parameters([7.0, -3.0], [[0.0, 0.0], [3.0, 4.0]], [0.0, 50.0], np.zeros((2, 2)), [1.0, 1.0]), TOP["score"]
    )
    fitted = Parameters(
        [0.0, np.log(3.0), 20.0, 0.0], np.ones((4, 2)) + [[0, 0], [0, 0], [6, 8], [6, 8]], [0.1, 0.1, 50, 50],
        np.zeros((4, 2)), np.ones(4),
    )  # fmt: skip
    loss = voronoi_loss(GMoE(fitted, Gate(n_active=2)), true, kind="exact")
    assert loss.value == pytest.approx(0.1, rel=1e-14)
    assert np.allclose(loss.translation_coef, [0.1, 0.1], rtol=0, atol=1e-15)  # of slopes over their extent
    assert loss.translation_intercept == 0.0
    # Atoms far off: the cell that is left empty costs its mass of 1, and nothing else does.
    alone = GMoE(replace(fitted, intercept=[0.0, 0.0, 0.0, 0.0], gate_coef=np.zeros((4, 2))), Gate(n_active=2))
    missed = voronoi_loss(alone, true, kind="exact")
    assert missed.value == pytest.approx(1.0, rel=1e-15)
    assert missed.contributions[1, -1] == 1.0


def test_hand_computed_by_logit():
    # The boundary 0.32 of slopes (25, 0) moves to 0.36: intercepts of extent 9 / 25 against 8 / 25, slopes of extent 1.
    true = GMoE(Parameters([-8.0, 0.0], [[25.0], [0.0]], [15, -5], [[-20], [20]], [0.09, 0.16]), TOP["logit"])
    fitted = replace(true, parameters=replace(true.parameters, gate_intercept=[-9.0, 0.0]))
    loss = voronoi_loss(fitted, true)
    # The largest of both atoms' errors is least where they share it.
    assert loss.value == pytest.approx(0.02, rel=1e-12)
    errors = block_errors(fitted, true)
    assert "gate_intercept/extent" in errors.block
    found = errors.error[errors.block == "gate_intercept/extent"]
    assert found.sum() == pytest.approx(0.04, rel=1e-12)


@each_selection
def test_published_form_is_left_as_it_was(select_on):
    rng = np.random.default_rng(3)
    true = draw(rng, 2, TOP[select_on])
    p = true.parameters
    scaled = replace(true, parameters=p.with_gate(2.0 * p.gate))
    weight = np.exp(2.0 * p.gate_intercept)
    rows = weight * np.linalg.norm(p.gate_coef, axis=1) + np.abs(weight - np.exp(p.gate_intercept))
    for scale in (None, "raw"):
        loss = voronoi_loss(scaled, true, kind="exact", translation="none", scale=scale)
        assert loss.value == pytest.approx(rows.max(), rel=1e-14)
    assert voronoi_loss(scaled, true).value < ZERO
    assert voronoi_loss(scaled, true, scale="raw").value > 0.01
    shifted = replace(true, parameters=p.with_gate(p.gate + 1.0))
    assert voronoi_loss(shifted, true, scale="free", translation="none").value > 0.1
