"""The infimum over translations against brute force: all assignments, a grid, and SciPy's optimisers."""

import numpy as np
import pytest
import voronoi_reference as reference
from scipy.optimize import minimize_scalar

from gmoe import Parameters
from gmoe.gates import TopKGate
from gmoe.metrics import voronoi_loss

FIELDS = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")
RBAR = {4: 8, 5: 9}


def draw(rng, n, d):
    return Parameters(
        rng.normal(size=n), rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=(n, d)), rng.uniform(0.3, 1, n)
    )


def pair(seed):
    """Every second fit is near the truth, every other anywhere; d 1 to 3, k 1 to 5, as many true atoms at most."""
    rng = np.random.default_rng(seed)
    d, k = 1 + seed % 3, int(rng.integers(1, 6))
    n_true = int(rng.integers(1, k + 1))
    true = draw(rng, n_true, d)
    if seed % 2:
        cell = np.concatenate([np.arange(n_true), rng.integers(0, n_true, k - n_true)])
        noise = draw(rng, k, d)
        fitted = Parameters(*(getattr(true, name)[cell] + 0.3 * getattr(noise, name) for name in FIELDS))
    else:
        fitted = draw(rng, k, d)
    return fitted, true, rng


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(lo, lo + 20) for lo in range(0, 200, 20)], ids=str)
def test_equals_brute_force(seeds):
    for seed in seeds:
        fitted, true, rng = pair(seed)
        kind, joint = ["exact", "over"][rng.integers(2)], bool(rng.integers(2))
        value = voronoi_loss(fitted, true, kind=kind, joint_norm=joint, rbar=RBAR).value
        expected = reference.brute_force(fitted, true, kind, joint)
        assert abs(value - expected) <= 1e-8 * max(1.0, expected), f"seed {seed}: {value} against {expected}"


def least_over_factor(fitted, true, cell, w, v, t2, kind, n_active):
    """Minimum over s = exp(t1) of the largest sum: convex, so a bounded search in one variable."""
    fixed = reference.rows(fitted, true, cell, w, v, t2, 0.0, kind, False)
    mass = np.bincount(cell, w, len(v))
    fixed -= mass

    def value(s):
        return reference.loss(fixed + np.abs(mass - s * v), n_active)

    top = (mass / v).max()
    inner = minimize_scalar(value, bounds=(0.0, top), method="bounded", options={"xatol": 1e-13}).fun
    return min([inner, *map(value, [0.0, *(mass / v)])])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_top_k_equals_brute_force_in_one_feature(seed):
    rng = np.random.default_rng(seed)
    n_true = 2 + seed % 2
    true = draw(rng, n_true, 1)
    fitted = draw(rng, n_true + int(rng.integers(0, 2)), 1)
    kind, n_active = ["exact", "over"][seed % 2], 1 + seed % (n_true - 1) if n_true > 2 else 1
    loss = voronoi_loss(fitted, true, kind=kind, gate=TopKGate(n_active), scale="raw", joint_norm=False, rbar=RBAR)
    w, v = reference.normalised(fitted, true)
    # All places where some atom changes its cell; between two of them the loss is convex in (t2, s).
    delta = fitted.gate_coef - true.gate_coef.T
    square = ((reference.theta(fitted)[:, None] - reference.theta(true)) ** 2).sum(-1)
    cuts = [
        (square[i, j] - square[i, m]) / (2 * (delta[i, j] - delta[i, m]))
        for i in range(len(w)) for j in range(n_true) for m in range(j)
    ]  # fmt: skip
    ends = np.sort([*cuts, delta.min() - 20, delta.max() + 20])
    best = np.inf
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        cell = reference.cells(fitted, true, 0.5 * (low + high))

        def value(t, cell=cell):
            return least_over_factor(fitted, true, cell, w, v, t, kind, n_active)

        kinks = [value(t) for t in delta.ravel() if low < t < high]
        inner = minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": 1e-11}).fun
        best = min([best, inner, value(low), value(high), *kinks])
    # Golden sections end within 1e-11 of a minimum with slopes of up to some hundreds.
    assert loss.value == pytest.approx(best, rel=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_one_active_expert_equals_brute_force_in_one_feature(seed):
    """By the definition: slopes over their extent, equal weights in a cell, the largest of the true atoms' sums."""
    rng = np.random.default_rng(seed)
    n_true = 2 + seed % 2
    true, fitted = draw(rng, n_true, 1), draw(rng, n_true + int(rng.integers(0, 3)), 1)
    kind = ["exact", "over"][seed % 2]
    loss = voronoi_loss(fitted, true, kind=kind, gate=TopKGate(1), joint_norm=False, rbar=RBAR)
    scaled = [np.column_stack([p.gate_intercept, p.gate_coef / np.ptp(p.gate_coef)]) for p in (fitted, true)]
    left, right = fitted.with_gate(scaled[0]), true.with_gate(scaled[1])

    def value(t, cell):
        size = np.bincount(cell, minlength=n_true)
        rows = reference.rows(left, right, cell, 1.0 / size[cell], np.ones(n_true), t, 1.0, kind, False)
        return reference.loss(rows, 1)

    delta = left.gate_coef - right.gate_coef.T
    square = ((reference.theta(left)[:, None] - reference.theta(right)) ** 2).sum(-1)
    cuts = [
        (square[i, j] - square[i, m]) / (2 * (delta[i, j] - delta[i, m]))
        for i in range(len(delta)) for j in range(n_true) for m in range(j)
    ]  # fmt: skip
    ends = np.sort([*cuts, delta.min() - 20, delta.max() + 20])
    best = np.inf
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        cell = reference.cells(left, right, 0.5 * (low + high))
        inner = minimize_scalar(value, args=(cell,), bounds=(low, high), method="bounded", options={"xatol": 1e-11}).fun
        kinks = [value(t, cell) for t in delta.ravel() if low < t < high]
        best = min([best, inner, value(low, cell), value(high, cell), *kinks])
    # Golden sections end within 1e-11 of a minimum with slopes of up to some hundreds.
    assert loss.value == pytest.approx(best, rel=1e-8)


def test_boundary_of_a_cell():
    # The fitted atom would like t2 = 1, its own slope, but there the second true atom takes it over: the infimum is a
    # limit at the border, and not the value there.
    true = Parameters([0.0, -3.0], [[0.0], [1.0]], [0.0, 0.0], [[0.0], [0.0]], [1.0, 1.0])
    fitted = Parameters([0.0], [[1.0]], [0.8], [[0.0]], [1.0])
    value = voronoi_loss(fitted, true, kind="exact").value
    assert value == pytest.approx(reference.brute_force(fitted, true, "exact"), rel=1e-10)


@pytest.mark.parametrize("far", [1e3, 1e7, 1e9])
def test_an_atom_far_away_does_not_blur_the_cells_of_the_others(far):
    rng = np.random.default_rng(1)
    for _ in range(40):
        true, near = draw(rng, 3, 1), draw(rng, 4, 1)
        columns = [np.append(getattr(near, name), [[0.0]], axis=0) for name in ("gate_coef", "coef")]
        # Its weight of e^-80 is nothing, however far it is.
        fitted = Parameters(
            np.append(near.gate_intercept, -80.0), columns[0], np.append(near.intercept, far), columns[1],
            np.append(near.variance, 1.0),
        )  # fmt: skip
        value = voronoi_loss(near, true, kind="exact").value
        assert voronoi_loss(fitted, true, kind="exact").value == pytest.approx(value, rel=1e-12)
