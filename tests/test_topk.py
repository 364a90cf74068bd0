"""Top-K gates: the search against exhaustive ones, soft selections against differences, fits without a maximum."""

import itertools

import numpy as np
import pytest
from likelihood import fit_arrays
from problems import draw

from gmoe import GaussianMoERegressor, GMoE, Parameters, TopKGate
from gmoe.gates import Gate
from gmoe.kernels.rank import mask_others
from gmoe.solvers.search.soften import BOX, Soft

MIN_VARIANCE = 1e-4  # the estimator's default, a part of one regression's residual variance


def two_regions(seed, select_on, n=400):
    """One feature on [-1, 1], two experts of which one is active: left or right of a boundary."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    boundary = rng.uniform(-0.6, 0.6) if select_on == "logit" else 0.0
    truth = Parameters(
        [0.0, -5.0 * boundary], [[0.0], [5.0]], rng.normal(0, 1, 2), rng.normal(0, 2, (2, 1)), [0.1, 0.3]
    )
    return x[:, None], GMoE(truth, TopKGate(1, select_on)).sample(x[:, None], rng)[0]


def profile(x, y, floor):
    """Largest log-likelihood of one regression whose variance has a floor."""
    design = np.column_stack([np.ones(len(x)), x])
    residual = y - design @ np.linalg.lstsq(design, y)[0]
    variance = max(np.mean(residual**2), floor)
    return -0.5 * len(y) * np.log(2 * np.pi * variance) - 0.5 * np.sum(residual**2) / variance


def exhaustive(x, y, select_on):
    """Best cut of one feature: anywhere by logit, at 0 by score (which only tells who is on which side)."""
    floor = MIN_VARIANCE * np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2)
    order = np.argsort(x)
    x, y = x[order], y[order]
    # At least 3 observations on a side: with fewer a region fits them exactly, a spike.
    cuts = range(3, len(x) - 2) if select_on == "logit" else [int(np.sum(x < 0))]
    return max(profile(x[:cut], y[:cut], floor) + profile(x[cut:], y[cut:], floor) for cut in cuts)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("select_on", ["score", "logit"])
def test_finds_the_best_change_point(seed, select_on):
    X, y = two_regions(seed, select_on)
    fitted = GaussianMoERegressor(2, TopKGate(1, select_on), random_state=0).fit(X, y)
    # Both are sums of 400 terms of size 1 at the same partition: rounding is 1e-12; another partition is 1e-3 away.
    assert fitted.log_likelihood_ == pytest.approx(exhaustive(X[:, 0], y, select_on), abs=1e-6)
    assert fitted.fit_result_.status == "converged"


def test_three_regions_exhaustively():
    # Two cuts of one feature: all 7 140 pairs of 120 observations.
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(-1, 1, 120))
    which = np.digitize(x, [-0.4, 0.3])
    y = np.array([1.0, -1.0, 2.0])[which] * x + np.array([0.0, 1.0, -1.0])[which] + 0.2 * rng.normal(size=120)
    floor = MIN_VARIANCE * np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2)
    values = {(a, b): profile(x[a:b], y[a:b], floor) for a, b in itertools.combinations(range(121), 2) if b - a >= 3}
    best = max(
        values[0, a] + values[a, b] + values[b, 120] for a in range(6, 112) for b in range(a + 6, 115)
    )  # 6 observations at least: the smallest share that is no spike
    fitted = GaussianMoERegressor(3, TopKGate(1, "logit"), random_state=0).fit(x[:, None], y)
    assert fitted.log_likelihood_ == pytest.approx(best, abs=1e-6)  # as above


def draw_gate(gate, n=200):
    """Objective of four experts and parameters."""
    objective, _, theta = draw(3, n, 4, (0, 1), (1,), gate=gate)
    return objective, theta


def sparse_gates():
    """Gates with two of four experts, or one, active."""
    for activation, select_on, n_active in itertools.product(["identity", "tanh", "gelu"], ["score", "logit"], [1, 2]):
        bent = activation != "identity"
        for intercept in ["outside", "inside"] if bent else ["outside"]:
            yield Gate(activation, intercept, "estimate" if bent else 1.0, n_active, select_on)


each_sparse = pytest.mark.parametrize("gate", list(sparse_gates()), ids=repr)


@each_sparse
@pytest.mark.parametrize("width", [0.0, 0.05, 1.0])
def test_soft_selection_against_differences(gate, width):
    objective, theta = draw_gate(gate)
    soft = Soft(objective)
    step = 1e-6
    differences = [
        (soft.evaluate(theta + step * e, width)[0] - soft.evaluate(theta - step * e, width)[0]) / (2 * step)
        for e in np.eye(len(theta))
    ]
    # Central differences: rounding over the step 1e-10, third derivatives of up to 1 / width**2 times step**2.
    assert np.allclose(soft.evaluate(theta, width)[1], differences, rtol=0, atol=2e-8)


@each_sparse
def test_soft_selection_of_no_width_is_the_mask(gate):
    objective, theta = draw_gate(gate)
    value, gradient = Soft(objective).evaluate(theta, 0.0)
    exact = objective.evaluate(theta)
    assert value == pytest.approx(exact.value, abs=1e-13)  # sums of terms of size 1
    assert np.allclose(gradient, exact.gradient, rtol=0, atol=1e-13)


def test_mask_keeps_the_largest_and_of_equal_ones_the_first():
    rng = np.random.default_rng(0)
    key = rng.integers(0, 3, (4, 200)).astype(float)
    logit = rng.normal(size=key.shape)
    masked = logit.copy()
    mask_others(key, 200, 2, np.empty_like(key), masked)
    for column in range(200):
        chosen = sorted(range(4), key=lambda j: (-key[j, column], j))[:2]  # noqa: B023 (used at once)
        assert set(np.flatnonzero(np.isfinite(masked[:, column]))) == set(chosen)
        assert np.array_equal(masked[chosen, column], logit[chosen, column])


@pytest.mark.parametrize("n_active", [1, 2])
@pytest.mark.parametrize("select_on", ["score", "logit"])
def test_line_breaks_are_where_the_likelihood_jumps(n_active, select_on):
    objective, theta = draw_gate(Gate(n_active=n_active, select_on=select_on), n=40)
    soft = Soft(objective)
    key, in_score, in_logit = soft.keys(theta)
    direction = np.array([0.3, 1.0, -0.5])
    score = direction[1:] @ soft.x_gate
    rate = score + direction[0]
    rate_key = in_logit * rate + in_score * score
    joint = soft.rows.logit + soft.log_density(theta)
    breaks, jumps = objective.gate.selection.line_breaks(soft.w, soft.rows.logit, joint, key, 2, rate, rate_key)

    def value(step):
        moved = theta.copy()
        objective.split(moved)[0][2] += step * direction
        return soft.evaluate(moved, 0.0)[0] * objective.blocks.total_weight

    gap = 0.01 * np.min(np.diff(np.sort(breaks)))
    for at, jump in zip(breaks, jumps, strict=True):
        outwards = np.copysign(gap, at)
        # The smooth part changes by the gap times a slope of at most some tens.
        assert value(at + outwards) - value(at - outwards) == pytest.approx(jump, abs=100 * gap)


def test_too_many_active_experts_leave_no_interior_maximum():
    # One of two true experts active, two of three fitted ones: a third one is active everywhere and must vanish.
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, 1000)
    y = np.where(x > 0, 3 * x + 1, -2 * x - 1) + 0.3 * rng.normal(size=1000)
    result = fit_arrays(x[:, None], y, 3, gate=TopKGate(2))
    assert result.status == "no_interior_maximum"
    # Not a runaway parameter either: e^-30 has no effect on any density.
    assert np.abs(result.model.parameters.gate).max() < 1e3


def test_a_climb_goes_beyond_where_the_search_looks():
    # Two of three experts are active, one of two in the truth of the top-K paper's code: the maximum's gate is steep.
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 1))
    truth = Parameters([-8.0, 0.0], [[25.0], [0.0]], [15.0, -5.0], [[-20.0], [20.0]], [0.3, 0.4])
    y = GMoE(truth, TopKGate(1, "logit")).sample(x, rng)[0]
    result = fit_arrays(x, y, 3, gate=TopKGate(2, "logit"))
    assert result.certified and np.abs(result.model.parameters.gate).max() > 2 * BOX


def test_selection_that_is_held_says_so():
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, (600, 2))
    truth = Parameters(
        [0.0, 0.5, -0.5], [[3.0, 0.0], [0.0, 3.0], [-3.0, -2.0]], [1.0, -1.0, 0.0],
        [[2.0, 0.0], [0.0, -2.0], [1.0, 1.0]], [0.1, 0.1, 0.1],
    )  # fmt: skip
    y, _ = GMoE(truth, TopKGate(2)).sample(X, rng)
    result = fit_arrays(X, y, 3, gate=TopKGate(2))
    assert result.gradient <= 1e-8
    # In two features boundaries lie between observations: the probability of a smooth maximum is nil.
    assert result.selection_held
    for name, note in zip(result.parameter_names, result.notes, strict=True):
        moves = name.startswith("gate_coef") and note != "pinned"
        assert (note == "boundary") == moves, name


def test_same_fit_whatever_the_number_of_threads():
    X, y = two_regions(0, "logit")
    one, two = (fit_arrays(X, y, 3, gate=TopKGate(2, "logit"), n_init=3, n_jobs=jobs) for jobs in (1, 2))
    assert one.log_likelihood == two.log_likelihood
    assert np.array_equal(one.model.parameters.gate, two.model.parameters.gate)
