"""Threshold selection: kernels against slow twins, the search against brute force, fits, and bad input."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
from likelihood import fit_arrays
from problems import draw
from scipy.special import logsumexp, softmax

import gmoe
from gmoe import Gate, GMoE, Parameters, Threshold, TopK, TopKGate, as_gate
from gmoe.gates import Selection
from gmoe.gates.selections import _line
from gmoe.kernels.share import mask_small, share_thresholds
from gmoe.metrics import hellinger, voronoi_loss
from gmoe.solvers.problem.selection_wall import SelectionWall
from gmoe.solvers.search.soften import Soft
from gmoe.study.describe.spec import gate_name
from gmoe.study.errors import SpecError
from gmoe.theory import predict

GATES = {
    "identity": Gate(threshold=0.2),
    "tanh": Gate("tanh", temperature="estimate", threshold=0.2),
    "inside": Gate("gelu", "inside", threshold=0.1),
    "many alone": Gate(threshold=0.45),
}
each_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)


def random_keys(k, m=300, seed=0):
    return np.random.default_rng(seed).normal(0.0, 2.0, (k, m))


def active_by_definition(key, threshold):
    """One observation after the other, from the probabilities themselves."""
    result = np.zeros(key.shape, bool)
    for i, p in enumerate(softmax(key, axis=0).T):
        result[:, i] = p >= threshold
        result[int(np.argmax(p)), i] = True
    return result


def threshold_by_definition(key, share):
    """Key of an expert with exactly the share, but not above halfway between the two largest."""
    first, second = -np.sort(-key, axis=0)[:2]
    return np.minimum(logsumexp(key, axis=0) + math.log(share), 0.5 * (first + second))


@pytest.mark.parametrize("share", [0.01, 0.2, 0.45])
@pytest.mark.parametrize("k", [2, 3, 6])
def test_mask_against_its_definition(k, share):
    key = random_keys(k)
    logit = np.full(key.shape, 7.0)
    mask_small(key, 200, math.log(share), logit)
    expected = active_by_definition(key, share)
    assert np.array_equal(np.isfinite(logit[:, :200]), expected[:, :200])
    assert np.all(logit[:, 200:] == 7.0)  # only the first ones count
    aliased = key.copy()
    mask_small(aliased, 300, math.log(share), aliased)
    assert np.array_equal(np.isfinite(aliased), expected)
    assert np.array_equal(aliased[expected], key[expected])
    # Observations of several kinds, or this says little.
    assert len(np.unique(expected.sum(axis=0))) >= 2


def test_ties_are_all_active_or_the_first_alone():
    key = np.zeros((3, 5))
    assert Threshold(0.3).active(key).all()
    assert Threshold(0.34).active(key).sum(axis=1).tolist() == [5, 0, 0]
    assert Threshold(0.5).active(np.zeros((2, 5))).sum(axis=1).tolist() == [5, 0]


def test_huge_logits_keep_the_likeliest():
    key = np.array([[1e5, -1e5, 700.0], [-1e5, 1e5, 699.9], [0.0, 0.0, -700.0]])
    assert Threshold(0.2).active(key).T.tolist() == [[True, False, False], [False, True, False], [True, True, False]]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_thresholds_and_their_derivatives(k, share):
    key = random_keys(k, seed=k)
    found, in_key = np.empty(300), np.empty(key.shape)
    share_thresholds(key, 300, math.log(share), found, in_key)
    np.testing.assert_allclose(found, threshold_by_definition(key, share), atol=1e-14)  # keys of size 5, rounded
    for j in range(k):
        step = np.zeros(key.shape)
        step[j] = 1e-6
        slow = (threshold_by_definition(key + step, share) - threshold_by_definition(key - step, share)) / 2e-6
        # Rounding 1e-15 over the step; kinks within a step of 300 random points are improbable.
        np.testing.assert_allclose(in_key[j], slow, atol=1e-8)


@pytest.mark.parametrize("selection", [Threshold(0.1), Threshold(0.35), TopK(2, "logit")], ids=repr)
@pytest.mark.parametrize("k", [3, 5])
def test_crossings_are_all_there_are(selection, k):
    key, points = random_keys(k, 50), np.linspace(-20.0, 20.0, 4001)
    for j in range(k):
        sets = []
        for value in points:
            moved = key.copy()
            moved[j] = value
            sets.append(selection.active(moved))
        changed = np.any(np.array(sets)[1:] != np.array(sets)[:-1], axis=1)
        exact, scanned = selection.crossings(key, j), _line.scan(selection, key, j)
        for i in range(50):
            at = points[:-1][changed[:, i]]
            # The points are 0.01 apart; those of a scan 0.3 at most, and it finds the first change between two.
            assert all(np.abs(exact[:, i] - value).min() < 0.011 for value in at)
            assert all(np.abs(scanned[:, i] - value).min() < 0.3 for value in at)
            assert at.size == 0 or np.abs(scanned[:, i] - at[0]).min() < 0.011


def of(gate, n=200):
    """Objective of four experts and parameters."""
    objective, _, theta = draw(3, n, 4, (0, 1), (1,), gate=gate)
    return objective, theta


@each_gate
@pytest.mark.parametrize("width", [0.0, 0.05, 1.0])
def test_soft_selection_against_differences(gate, width):
    objective, theta = of(gate)
    soft, step = Soft(objective), 1e-6
    differences = [
        (soft.evaluate(theta + step * e, width)[0] - soft.evaluate(theta - step * e, width)[0]) / (2 * step)
        for e in np.eye(len(theta))
    ]
    # Rounding over the step 1e-10, third derivatives of up to 1 / width**2 times step**2.
    assert np.allclose(soft.evaluate(theta, width)[1], differences, rtol=0, atol=2e-8)


@each_gate
def test_soft_selection_of_no_width_is_the_mask(gate):
    objective, theta = of(gate)
    value, gradient = Soft(objective).evaluate(theta, 0.0)
    exact = objective.evaluate(theta)
    assert value == pytest.approx(exact.value, abs=1e-13)  # sums of terms of size 1
    assert np.allclose(gradient, exact.gradient, rtol=0, atol=1e-13)


def test_line_breaks_are_where_the_likelihood_jumps():
    objective, theta = of(Gate(threshold=0.2), n=40)
    soft = Soft(objective)
    key, _, _ = soft.keys(theta)
    direction = np.array([0.3, 1.0, -0.5])
    rate = direction[1:] @ soft.x_gate + direction[0]
    joint = soft.rows.logit + soft.log_density(theta)
    breaks, jumps = Threshold(0.2).line_breaks(soft.w, soft.rows.logit, joint, key, 2, rate, rate)

    def moved(step):
        result = theta.copy()
        objective.split(result)[0][2] += step * direction
        return result

    def active(step):
        return Threshold(0.2).active(soft.keys(moved(step))[0])

    def value(step):
        return soft.evaluate(moved(step), 0.0)[0] * objective.blocks.total_weight

    # Every change on a fine grid is at a break.
    grid = np.linspace(-3.0, 3.0, 3001)
    sets = [active(step) for step in grid]
    changes = [
        0.5 * (a + b) for a, b, one, other in zip(grid, grid[1:], sets, sets[1:], strict=False) if np.any(one != other)
    ]
    assert len(changes) > 20
    assert all(np.abs(breaks - at).min() < 0.0011 for at in changes)  # half the grid's width, and rounding
    counted, gap = 0, 1e-6
    for at, jump in zip(breaks, jumps, strict=True):
        if np.sum(np.abs(breaks - at) < 3 * gap) == 1 and abs(at) < 50:
            outwards = np.copysign(gap, at)
            # The smooth part changes by the gap times a slope of at most some tens.
            assert value(at + outwards) - value(at - outwards) == pytest.approx(jump, abs=100 * gap)
            counted += jump != 0.0
    assert counted > 20


@each_gate
def test_derivatives_of_the_selection_wall_against_differences(gate):
    objective, theta = of(gate, n=60)
    wall, rng = SelectionWall(objective, theta), np.random.default_rng(0)
    assert wall.values(theta).min() >= 0.0
    which, weights = np.array([3, 11, 40]), rng.normal(size=3)
    normals, h = wall.normals(theta, which), 1e-5
    for index, column in zip(which, normals.T, strict=True):
        found = [
            (wall.values(theta + h * e)[index] - wall.values(theta - h * e)[index]) / (2 * h)
            for e in np.eye(len(theta))
        ]
        np.testing.assert_allclose(column, found, atol=1e-8)  # rounding over the step, and its square
    found = [
        (wall.normals(theta + h * e, which) - wall.normals(theta - h * e, which)) @ weights / (2 * h)
        for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(wall.bend(theta, which, weights), found, atol=1e-8)  # as above


@each_gate
def test_the_wall_is_where_the_active_experts_change(gate):
    objective, theta = of(gate, n=60)
    wall, rng = SelectionWall(objective, theta), np.random.default_rng(1)
    for size in (0.01, 0.1, 1.0):
        moved = theta + size * rng.normal(size=len(theta))
        same = np.all((gate.selection.active(wall._keys(moved)) * 2.0 - 1.0) == wall.side, axis=0)
        assert np.array_equal(wall.values(moved) > 0.0, same)


def simulated(seed, k=3, d=2, threshold=0.2, n=1500):
    rng = np.random.default_rng(seed)
    truth = Parameters(
        rng.normal(0, 0.7, k), rng.normal(0, 2, (k, d)), rng.normal(0, 3, k), rng.normal(0, 2, (k, d)),
        rng.uniform(0.1, 0.4, k),
    )  # fmt: skip
    X = rng.uniform(-1.5, 1.5, (n, d))
    model = GMoE(truth, Gate(threshold=threshold))
    return X, model.sample(X, rng)[0], model


@pytest.mark.parametrize("seed", range(4))
def test_a_fit_from_data_is_certified(seed):
    X, y, truth = simulated(seed)
    result = fit_arrays(X, y, 3, gate=truth.gate)
    assert result.certified and result.model.gate == truth.gate
    # Sums of 1500 terms in two coordinates.
    assert result.log_likelihood == pytest.approx(result.model.log_density(X, y).sum(), rel=1e-12)
    # A search that finds less than the truth itself is none.
    assert result.log_likelihood > truth.log_density(X, y).sum()
    assert len(np.unique((result.model.gate_proba(X) > 0).sum(axis=1))) > 1
    # As many regions' worth of freedom as the dense gate: nothing but translations is open.
    assert result.n_free_parameters == 6 + 3 * 4
    held = {note for name, note in zip(result.parameter_names, result.notes, strict=True) if "gate" in name}
    assert held == ({"pinned", "boundary"} if result.selection_held else {"pinned", ""})


def test_the_truth_is_found_within_its_errors():
    X, y, truth = simulated(5, n=4000)
    fitted = fit_arrays(X, y, 3, gate=truth.gate).model
    # The density of 18 parameters at n = 4000 is off by sqrt(18 / 8 n) = 0.024 on average.
    assert hellinger(fitted, truth, X=X).value < 0.05


def test_a_threshold_that_nothing_misses_is_softmax():
    X, y, _ = simulated(1, n=300)
    p = np.random.default_rng(0).normal(size=(3, 3))
    given = Parameters(p[:, 0], p[:, 1:], np.arange(3), np.ones((3, 2)), np.ones(3))
    dense, low = (GMoE(given, gate).log_density(X, y) for gate in ("softmax", "threshold:threshold=1e-9"))
    assert np.array_equal(dense, low)


def test_from_a_half_on_one_expert_alone_is_active():
    for threshold in (0.5, 0.9):
        selection = Threshold(threshold)
        assert selection.hard and selection.scale_invariant
        assert Gate(selection=selection) == TopKGate(1, "logit")
        assert np.array_equal(selection.active(random_keys(4)), TopK(1, "logit").active(random_keys(4)))
    assert not Threshold(0.49).hard and not Threshold(0.49).scale_invariant


def test_a_threshold_is_a_value():
    gate = Gate("tanh", threshold=0.1)
    assert gate == Gate("tanh", selection=Threshold(0.1)) == as_gate("threshold:threshold=0.1,activation=tanh")
    assert as_gate("threshold:threshold=0.1") == as_gate("softmax:threshold=0.1") == Gate(threshold=0.1)
    assert hash(Threshold(0.1)) == hash(Threshold(0.1)) and Threshold(0.1) != Threshold(0.2)
    assert pickle.loads(pickle.dumps(gate)) == gate
    assert repr(Gate(threshold=0.1)) == "ThresholdGate(threshold=0.1)"
    assert repr(gate) == "Gate(activation='tanh', threshold=0.1)"
    assert eval(repr(Threshold(0.1)), {name: getattr(gmoe, name) for name in gmoe.__all__}) == Threshold(0.1)
    assert gate.n_active is None and gate.is_sparse(2) and not gate.is_sparse(1)


def test_studies_know_a_threshold_by_name():
    for gate in (*GATES.values(), TopKGate(2, "logit")):
        assert as_gate(gate_name(gate)) == gate
    # Seeds of published studies depend on these texts.
    assert gate_name(Gate()) == "softmax:activation=identity,intercept=outside,temperature=1.0,select_on=score"
    assert gate_name(TopKGate(2)) == gate_name(Gate()) + ",n_active=2"
    with pytest.raises(SpecError, match="a name of its own, and register it"):
        gate_name(Gate(selection=Own()))


def test_a_threshold_outside_of_the_package_is_fitted_with_a_temperature():
    # It sees the logits alone, so that its regions are the same in natural coordinates.
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 1))
    gate = Gate("tanh", temperature=0.3, selection=Own(1.5))
    truth = Parameters([0.0, 0.1, 0.0], [[-2.0], [0.0], [2.0]], [-3.0, 0.0, 3.0], np.ones((3, 1)), np.full(3, 0.1))
    y, _ = GMoE(truth, gate).sample(X, rng)
    result = fit_arrays(X, y, 3, gate=gate)
    # Sums of 400 terms in two coordinates.
    assert result.log_likelihood == pytest.approx(result.model.log_density(X, y).sum(), rel=1e-12)
    assert result.log_likelihood > GMoE(truth, gate).log_density(X, y).sum()


@dataclasses.dataclass(frozen=True)
class Own(Selection):
    """Experts whose keys are near the largest."""

    by = Threshold.by
    distance: float = 1.0

    def thresholds(self, key):
        return key.max(axis=0) - self.distance, (np.argmax(key, axis=0) == np.arange(len(key))[:, None]).astype(float)


class Silent(Own):
    by = None


class TooHigh(Own):
    def thresholds(self, key):
        threshold, in_key = super().thresholds(key)
        return threshold + 2.0, in_key


class WrongDerivative(Own):
    def thresholds(self, key):
        threshold, in_key = super().thresholds(key)
        return threshold, 0.5 * in_key


class Batched(Own):
    def thresholds(self, key):
        threshold, in_key = super().thresholds(key)
        return threshold - abs(key.mean()), in_key


class Biased(Own):
    def thresholds(self, key):
        return key[0] - 1.0, (np.arange(len(key))[:, None] == 0) * np.ones(key.shape)


class FalseScale(Own):
    scale_invariant = True


class FalseNumber(Own):
    n_active = 2


class Shapeless(Own):
    def thresholds(self, key):
        return 0.0, key


def check(selection):
    return lambda: Gate(selection=selection).check(3, 1)


GIVEN = Parameters(np.zeros(2), np.ones((2, 1)), np.zeros(2), np.zeros((2, 0)), np.ones(2))
MODEL = GMoE(GIVEN, Gate(threshold=0.2), [0], [])
WRONG = {
    "1": (lambda: Threshold(1.0), ValueError, r"threshold must be below 1, got 1.0"),
    "0": (lambda: Gate(threshold=0), ValueError, r"threshold must be positive and finite, got 0"),
    "word": (lambda: as_gate("threshold:threshold=low"), TypeError, r"threshold must be a positive .* got 'low'"),
    "two": (lambda: as_gate("threshold:threshold=0.1,n_active=2"), ValueError, r"one selection, got selection: Thr"),
    "no selection": (lambda: Gate(selection=0.1), TypeError, r"selection must be a name or a Selection, got 0.1"),
    "no name": (lambda: Gate(selection="half"), ValueError, r"Unknown selection 'half'"),
    "loss": (lambda: voronoi_loss(MODEL, MODEL), ValueError, r"fixed number of active experts.*Threshold.*hellinger"),
    "theory": (lambda: predict("threshold", (1, 1)), ValueError, r"fixed number of active experts.*Threshold"),
    "silent": (check(Silent()), ValueError, r"Silent.*does not say what it looks at; give it by"),
    "no expert": (check(TooHigh()), ValueError, r"TooHigh.*without an active expert"),
    "derivative": (check(WrongDerivative()), ValueError, r"derivative of the threshold of .*WrongDerivative.* is 0.5,"),
    "batched": (check(Batched()), ValueError, r"Batched.*one observation at a time"),
    "biased": (check(Biased()), ValueError, r"Biased.*(alike|without an active)"),
    "scale": (check(FalseScale()), ValueError, r"FalseScale.*says scale_invariant=True"),
    "number": (check(FalseNumber()), ValueError, r"FalseNumber.*says that it keeps 2 of 3"),
    "shape": (check(Shapeless()), ValueError, r"Shapeless.*thresholds \(m,\), and their derivatives"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_refused(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize("selection", [Own(2.0), Threshold(0.1), Threshold(0.3), TopK(2), TopK(1, "logit")], ids=repr)
def test_every_kind_keeps_the_contract(selection):
    from gmoe.gates.selections import _contract

    for k in (2, 3, 5):
        if selection.is_sparse(k):
            _contract.check(selection, k)
