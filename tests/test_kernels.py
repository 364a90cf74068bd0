"""Kernels against the slow references: value, score, information, Hessian, Hessian-vector products."""

import numpy as np
import pytest
import reference
from problems import all_gates, data, designs, draw, parameters, problem, representatives
from scipy.differentiate import jacobian

from gmoe._arrays import BLOCK
from gmoe.gates import ActivationGate, SoftmaxGate
from gmoe.kernels.rows import STRIP
from gmoe.kernels.tiles import TILE, cross, gram, padded
from gmoe.solvers.ascent.em import expert_moments, gate_information
from gmoe.solvers.problem.objective import COMPLETE, OBSERVED, SCORE, Objective

# Sums of up to 1e4 terms that mostly cancel, each rounded at 2e-16: seen 7e-14 of the largest entry.
ROUNDING = 5e-13

# Columns of (gate, experts): the same, overlapping, gate or experts constant, more on either side.
COLUMNS = {
    "d=1": ((0,), (0,)),
    "d=2": ((0, 1), (0, 1)),
    "d=3": ((0, 1, 2), (0, 1, 2)),
    "d=4": ((0, 1, 2, 3), (0, 1, 2, 3)),
    "overlap": ((0, 2), (1, 2, 3)),
    "permuted": ((1, 0), (0, 1)),
    "constant gate": ((), (0, 1)),
    "constant experts": ((0, 1), ()),
    "nothing": ((), ()),
    "wide gate": ((0, 1, 2, 3), (1,)),
}
# One gate for each branch of the kernels: affine, bent, bent with a shared temperature.
BRANCHES = {"softmax": SoftmaxGate(), "tanh": ActivationGate("tanh", 1.0), "tempered": ActivationGate("silu")}
each_gate = pytest.mark.parametrize("gate", BRANCHES.values(), ids=BRANCHES)
GRID, KINDS = all_gates(), representatives()
each_k = pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
each_weighting = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
each_columns = pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)


def distance(a, b):
    """Largest difference, relative to the largest entry of b: entries of a gradient cancel to any size."""
    return np.max(np.abs(a - b)) / (np.max(np.abs(b)) or 1.0)


def directions(size, m=3):
    return np.random.default_rng(size).normal(size=(m, size))


def compare(objective, slow, theta):
    """All outputs of one pass, and products with the Hessian."""
    evaluation = objective.evaluate(theta, OBSERVED)
    vectors = directions(theta.size)
    assert evaluation.value == pytest.approx(reference.log_likelihood(slow, theta), rel=ROUNDING)
    assert distance(evaluation.gradient, reference.score(slow, theta)) < ROUNDING
    assert distance(evaluation.hessian, reference.hessian(slow, theta)) < ROUNDING
    products = np.array([objective.product(evaluation, v) for v in vectors])
    assert distance(products, reference.hessian_product(slow, theta, vectors)) < ROUNDING
    for at in (objective.evaluate(theta, COMPLETE), evaluation):
        sums = at.sums
        compare_sums(objective, at, slow, theta)
        # Of the largest entry of what it is a difference of: a hard gate's information is 0.
        expected = reference.gate_information(slow, theta)
        error = np.abs(gate_information(objective, sums) - expected)
        assert error.max() < ROUNDING * max(sums.gate_gram.max() / slow.weight.sum(), np.abs(expected).max())


def compare_sums(objective, evaluation, slow, theta):
    """What EM uses; the kernels fill the lower triangle and pad to whole tiles."""
    expert, gate, stacked = reference.complete_blocks(slow, theta)
    mass, sums = slow.weight @ reference.responsibilities(slow, theta), evaluation.sums
    assert distance(sums.totals[0], mass) < ROUNDING
    for fast, exact in zip(expert_moments(objective, evaluation), expert, strict=True):
        assert distance(fast, exact) < ROUNDING
    for fast, exact in zip([*sums.gate_block, sums.gate_gram], [*gate, stacked], strict=True):
        q = len(exact)
        assert distance(np.tril(fast[:q, :q]), np.tril(exact)) < ROUNDING


@each_gate
@each_weighting
@each_k
@each_columns
def test_against_reference(columns, k, weighted, gate):
    compare(*draw(k, 300, k, *columns, weighted, gate))


# One observation, ends of strips, of blocks, and of a second block.
ENDS = [1, 2, *(length + i for length in (STRIP, BLOCK) for i in (-1, 0, 1)), BLOCK + STRIP + 3, 2 * BLOCK]


@pytest.mark.parametrize("n", ENDS)
@pytest.mark.parametrize("columns", [COLUMNS["d=1"], COLUMNS["overlap"]], ids=["d=1", "overlap"])
@each_gate
def test_ends_of_strips_and_blocks(n, columns, gate):
    compare(*draw(n, n, 2, *columns, True, gate))


@pytest.mark.parametrize("gate", GRID.values(), ids=GRID)
def test_every_gate_against_reference(gate):
    objective, slow, theta = draw(3, 300, 3, (0, 1), (1,), True, gate)
    theta[objective.gate_index] *= 0.3  # scores up to 4: beyond, exp makes logits of several hundred
    compare(objective, slow, theta)


@each_gate
@each_weighting
@each_k
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_against_numerical_derivatives(d, k, weighted, gate):
    """The contract: score to 1e-7 of its largest entry, Hessian to 1e-5; the differences themselves reach 1e-9."""
    objective, slow, theta = draw(10 * d + k, 60, k, *[tuple(range(d))] * 2, weighted, gate)
    evaluation = objective.evaluate(theta)

    def differentiate(f):
        # Beyond the contract's tolerance, so that what is left is the kernels' error; centred, 8th order.
        function = lambda x: np.apply_along_axis(f, 0, x)  # noqa: E731
        return jacobian(function, theta, tolerances={"rtol": 1e-9, "atol": 1e-10}, initial_step=0.1).df

    value = differentiate(lambda t: reference.log_likelihood(slow, t))  # shares no code with the kernels
    assert distance(evaluation.gradient, value) < 1e-7
    score = differentiate(lambda t: objective.evaluate(t, SCORE).gradient)
    assert distance(evaluation.hessian, score) < 1e-5


STEP = 1e-3


def stencil(theta):
    """Points (P, 6, P): each coordinate moved by -4, -2, -1, 1, 2, 4 steps."""
    return theta + STEP * np.eye(theta.size)[:, None, :] * np.array([-4.0, -2.0, -1.0, 1.0, 2.0, 4.0])[:, None]


def richardson(values):
    """Derivatives of values (P, 6, ...) on the stencil: central, extrapolated twice; error 64 STEP^6 / 7!."""
    coarse, middle, fine = ((values[:, 5 - i] - values[:, i]) / (2 * h * STEP) for i, h in enumerate((4, 2, 1)))
    return (16 * (4 * fine - middle) - (4 * middle - coarse)) / 45


def drop_kinks(slow, theta):
    """Weights of 0 for observations where the selection or the sign of an activation's argument changes on the stencil.

    Homogeneous activations have their kink at 0, and the likelihood jumps where the selection changes.
    """
    sides = [
        (slow.argument(t) > 0, np.isfinite(reference.logits(slow, t)))
        for t in [theta, *stencil(theta).reshape(-1, theta.size)]
    ]
    return np.all([np.all(a == b, axis=1) for side in sides for a, b in zip(side, sides[0], strict=True)], axis=0)


@pytest.mark.parametrize("gate", KINDS.values(), ids=KINDS)
def test_every_kind_of_gate_against_differences(gate):
    """The contract, as above; the differences reach some 1e-11: rounding of 1e-15 over STEP.

    Formulas of activations have differences of their own in test_activations.py.
    """
    rng = np.random.default_rng(4)
    X, y, _ = data(rng, 60, 3)
    drawn = designs(rng, (0, 1), (1, 2))
    theta = parameters(rng, 3, 3, 3, gate.n_shared)
    weight = drop_kinks(problem(X, y, None, *drawn, gate)[1], theta).astype(float)
    assert weight.mean() > 0.8  # it is still a problem
    objective = Objective(problem(X, y, weight, *drawn, gate)[0], gate, 3)
    points = [[objective.evaluate(t, SCORE) for t in line] for line in stencil(theta)]
    value = richardson(np.array([[e.value for e in line] for line in points]))
    score = richardson(np.array([[e.gradient for e in line] for line in points]))
    evaluation = objective.evaluate(theta)
    assert distance(evaluation.gradient, value) < 1e-7
    assert distance(evaluation.hessian, score) < 1e-5


@pytest.mark.parametrize("order", [SCORE, COMPLETE])
def test_lower_orders_give_the_same_gradient(order):
    # The same loops in the same order, so to the last bit: solvers mix the orders in one comparison.
    objective, _, theta = draw(5, 700, 3, (0, 1), (1, 2))
    full, part = objective.evaluate(theta, OBSERVED), objective.evaluate(theta, order)
    assert part.value == full.value
    assert distance(part.gradient, full.gradient) < ROUNDING  # summed in another order
    assert part.hessian is None


def test_hessian_is_symmetric_and_flat_along_the_invariances():
    objective, _, theta = draw(6, 500, 4, (0, 1), (0, 2))
    evaluation = objective.evaluate(theta)
    assert np.allclose(evaluation.hessian, evaluation.hessian.T, rtol=1e-15, atol=0)  # two factors in another order
    flat = np.eye(theta.size) - objective.identified @ objective.identified.T
    scale = np.abs(evaluation.hessian).max()
    assert np.linalg.matrix_rank(flat, tol=1e-8) == 3  # a shift of all intercepts, and of each of two slopes
    # Zero in exact arithmetic; what is left is rounding.
    assert np.abs(flat @ evaluation.hessian).max() < ROUNDING * scale
    assert np.abs(flat @ evaluation.gradient).max() < ROUNDING * scale


def test_largest_responsibility():
    objective, slow, theta = draw(7, 300, 3, (0, 1), (0, 1))
    largest = reference.responsibilities(slow, theta).max(axis=1)
    expected = slow.weight @ np.log(largest)
    assert objective.evaluate(theta).sums.totals[2, 0] == pytest.approx(expected, rel=ROUNDING)


def test_hopeless_observation_stays_finite():
    # 1e3 standard deviations from all experts: every density underflows, and 0 / 0 must not be the responsibility.
    rng = np.random.default_rng(8)
    X, y, weight = data(rng, 50)
    y[0] = 1e3
    blocks, slow = problem(X, y, weight, *designs(rng, (0,), (0,)))
    objective, theta = Objective(blocks, SoftmaxGate(), 3), parameters(rng, 3, 2, 2)
    evaluation = objective.evaluate(theta)
    assert evaluation.value == pytest.approx(reference.log_likelihood(slow, theta), rel=ROUNDING)
    assert distance(evaluation.gradient, reference.score(slow, theta)) < ROUNDING
    # r v v' - r^2 v v' with r = 1 cancels entries of size z^4 = 1e12 and leaves some of size z^2.
    z = np.abs(reference.residuals(slow, theta)[0]).max() / np.sqrt(
        np.exp(theta[: objective.n_rows].reshape(3, -1)[:, -1]).min()
    )
    error = np.abs(evaluation.hessian - reference.hessian(slow, theta)).max()
    assert error < 1e-15 * z**4 / 50


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (3, 5), (4, 4), (6, 9)])
@pytest.mark.parametrize("m", [1, 7, 64, 257])
def test_tiles(n_a, n_b, m):
    rng = np.random.default_rng(m)
    a, b = rng.normal(size=(2 + padded(n_a), m + 5)), rng.normal(size=(3 + padded(n_b), m + 5))
    out = np.ones((padded(n_a), padded(n_b)))  # products are added to what is there
    cross(a, 2, padded(n_a), b, 3, padded(n_b), m, out)
    expected = 1 + a[2:, :m] @ b[3:, :m].T
    assert np.allclose(out, expected, rtol=0, atol=1e-12)  # sums of at most 257 products of size 1

    square = np.zeros((padded(n_a), padded(n_a)))
    scaled = a * rng.uniform(size=a.shape[1])  # a row-wise multiple, the only use of gram
    gram(scaled, 2, a, 2, padded(n_a), m, square)
    assert np.allclose(np.tril(square), np.tril(scaled[2:, :m] @ a[2:, :m].T), rtol=0, atol=1e-12)
    assert np.all(square[:TILE, TILE:] == 0.0)  # tiles above the diagonal are left alone
