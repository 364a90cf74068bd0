"""The compiled climb against the one in Python: the same passes, steps, ends, and hand-overs at walls."""

import numpy as np
import pytest
from problems import design, draw, problem

from gmoe import ActivationGate, SoftmaxGate, StudentExperts, TopKGate
from gmoe._arrays import Blocks
from gmoe.datasets import make_gmoe
from gmoe.gates import Gate, _labels
from gmoe.kernels.climb import arrays, dense, tridiagonal
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.ascent import interior
from gmoe.solvers.ascent.em import em, expert_moments, gate_information
from gmoe.solvers.ascent.newton import newton
from gmoe.solvers.problem import compiled
from gmoe.solvers.problem.objective import COMPLETE, OBSERVED, Objective
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.search.climb import Settings, climb
from gmoe.solvers.search.standing import variance_held
from gmoe.solvers.starts.kinds import DATA_STARTS, from_labels, from_responsibilities
from gmoe.solvers.starts.sample import Sample

SETTINGS = Settings("mle", 1, ("random",), 1e-8, 500, None, 0)


def slow(objective):
    """Return the same objective without its compiled climb: the slow, obvious driver."""
    twin = objective.on(objective.blocks)
    twin.compiled = None
    return twin


def simulated(n, d, k, seed, weighted=False, space=None, gate_columns=None):
    """Objective of simulated data, and a maker of starts from random regressions."""
    X, y, _, _ = make_gmoe(n, d, k, random_state=seed)
    weight = np.random.default_rng(seed).integers(1, 4, n).astype(float) if weighted else None
    gate, columns = SoftmaxGate(), np.arange(d)
    scaling = scale(X, y, weight, columns if gate_columns is None else np.array(gate_columns), columns)
    blocks = scaling.blocks(X, y, weight, map, 1.0, 2048)
    objective = Objective(blocks, gate, k, space or ParameterSpace(), scaling)
    sample = Sample.of(blocks)

    def start(seed):
        labels = DATA_STARTS["random"](sample, k, np.random.default_rng(seed))
        return from_responsibilities(objective, sample, from_labels(labels, k))

    return objective, start


def passed(objective, theta, order):
    """One compiled pass at a point."""
    state = arrays.State.at(theta, 0, 1, 1.0)
    scratch = objective.compiled.take()
    objective.compiled.climb(objective.compiled.problem, scratch, state, order, 0.0, -np.inf)
    return state


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("columns", [([0, 1], [0, 1]), ([0], [0, 1, 2]), ([], [0, 1]), ([0, 1], [])])
def test_pass_is_that_of_the_objective(columns, weighted):
    objective, _, theta = draw(0, 700, 3, *columns, weighted)
    for order in (COMPLETE, OBSERVED):
        state, expected = passed(objective, theta, order), objective.evaluate(theta, order)
        # The same sums in another order.
        assert state.next_gradient == pytest.approx(expected.gradient, rel=1e-11, abs=1e-14)
    assert state.history[0] == pytest.approx(expected.value, rel=1e-14)
    assert state.next_hessian == pytest.approx(expected.hessian, rel=1e-11, abs=1e-14)
    # Its shares.
    shares = objective.shares(expected)
    assert state.numbers[arrays.ROWS] == pytest.approx((shares / objective.least_shares).min(), rel=1e-12)


def test_pass_over_several_blocks():
    rng = np.random.default_rng(3)
    X, y, weight = rng.normal(size=(1300, 2)), rng.normal(size=1300), rng.uniform(0.5, 2.0, 1300)
    one = design(rng, [0, 1])
    few, many = (Blocks(X, y, weight, one, one, length=length) for length in (8192, 600))
    theta = rng.normal(size=2 * 7)
    states = [passed(Objective(blocks, SoftmaxGate(), 2), theta, OBSERVED) for blocks in (few, many)]
    assert many.n_blocks == 3
    # Three sums for one.
    assert states[1].next_hessian == pytest.approx(states[0].next_hessian, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_em_takes_the_steps_of_em(weighted):
    objective, start = simulated(900, 2, 3, 1, weighted, gate_columns=[0])
    theta = start(0)
    for steps in (1, 6):
        fast, plain = em(objective, theta, 0.0, steps), em(slow(objective), theta, 0.0, steps)
        assert interior.settled(objective, theta, 0.0, steps).n_steps == steps
        # Regressions by Cholesky and by an eigendecomposition; a step magnifies their rounding a little. Translations
        # of the gate are pinned by a ridge of 1e-8 alone.
        basis = objective.identified
        assert fast.evaluation.theta @ basis == pytest.approx(plain.evaluation.theta @ basis, rel=1e-10, abs=1e-11)
        assert fast.history == pytest.approx(plain.history, rel=1e-12)
        assert len(fast.history) == steps + 1


def test_em_cuts_steps_that_fall():
    cuts = 0
    for seed in (1, 3, 5, 13):
        objective, start = simulated(120, 2, 3, seed % 6)
        theta = start(seed)
        # A gate so steep that its Newton step goes too far.
        objective.split(theta)[0][:] += 6.0 * np.random.default_rng(seed).normal(size=(3, 3))
        trail = interior.settled(objective, theta, 0.0, 8)
        assert np.diff(trail.history).min() >= -1e-12
        cuts += objective.n_passes - trail.n_steps - 1
    assert cuts > 8


def test_pure_em_ends_where_em_ends():
    objective, start = simulated(600, 1, 2, 2)
    settings = Settings("em", 1, ("random",), 1e-7, 2000, None, 0)
    fast, plain = (climb(o, start(1), settings) for o in (objective, slow(objective)))
    assert fast.converged and plain.converged
    # The gradient is 1e-7, the curvature above 1e-3: values differ by 1e-11 at most.
    assert fast.evaluation.value == pytest.approx(plain.evaluation.value, abs=1e-11)
    assert len(fast.history) == len(plain.history)


@pytest.mark.parametrize(
    ("size", "weighted", "gate_columns"),
    [((300, 1, 2), False, None), ((800, 2, 3), True, None), ((600, 5, 4), False, None), ((500, 2, 3), True, [1])],
    ids=str,
)
def test_climbs_end_in_the_same_maxima(size, weighted, gate_columns):
    objective, start = simulated(*size, 0, weighted, gate_columns=gate_columns)
    plain, whole = slow(objective), 0
    for seed in range(6):
        theta = start(seed)
        ends = [climb(o, theta, SETTINGS) for o in (objective, plain)]
        fast, expected = ends
        assert fast.converged == expected.converged
        # A gradient of 1e-8 leaves the value open by less than 1e-9 where curvature exceeds 1e-7.
        assert fast.evaluation.value == pytest.approx(expected.evaluation.value, abs=1e-9)
        assert np.diff(fast.history).min() >= -1e-12 * (1.0 + abs(fast.history[-1]))
        early = em(objective, theta, SETTINGS.tol, 8).evaluation.theta
        whole += interior.ascended(objective, early, 1e-8, 500, 1.0, -np.inf).is_maximum
    # Most of them never meet a wall: what is compared is compiled.
    assert whole >= 3


def test_small_climb():
    # Also without compilation, where NumPy checks every index: three gate columns by four experts fill whole tiles.
    objective, start = simulated(45, 2, 4, 0)
    theta = start(1)
    early = em(objective, theta, 1e-8, 2)
    assert early.history == pytest.approx(em(slow(objective), theta, 1e-8, 2).history, rel=1e-12)
    state, expected = passed(objective, theta, OBSERVED), objective.evaluate(theta)
    assert state.next_hessian == pytest.approx(expected.hessian, rel=1e-11, abs=1e-14)
    ascended = newton(objective, theta, max_iter=2)
    assert ascended.history == pytest.approx(newton(slow(objective), theta, max_iter=2).history, rel=1e-12)


def handed_over(objective, theta):
    """Whether the compiled climb from a start ends at a wall, before it is at a maximum."""
    early = interior.settled(objective, theta, 1e-8, 8)
    if early.n_steps < 8:
        return True
    return not interior.ascended(objective, early.theta, 1e-8, 500, 1.0, -np.inf).is_maximum


@pytest.mark.parametrize(
    "space",
    [ParameterSpace(variance_ratio=0.8), ParameterSpace(rows_per_parameter=20.0), ParameterSpace(max_gate_coef=0.3)],
    ids=str,
)
def test_walls_are_left_to_python(space):
    objective, start = simulated(400, 1, 3, 5, space=space)
    plain, handed = slow(objective), 0
    for seed in range(4):
        theta = start(seed)
        fast, expected = (climb(o, theta, SETTINGS) for o in (objective, plain))
        assert fast.evaluation.value == pytest.approx(expected.evaluation.value, abs=1e-9)
        assert (variance_held(objective, fast.evaluation.theta) == variance_held(plain, fast.evaluation.theta)).all()
        assert not objective.outside(fast.evaluation)
        handed += handed_over(objective, theta)
    assert handed >= 2


@pytest.mark.parametrize(
    "space", [ParameterSpace(variance_ratio=0.8), ParameterSpace(rows_per_parameter=20.0)], ids=str
)
def test_climb_from_inside_stops_before_the_wall(space):
    objective, start = simulated(400, 1, 3, 5, space=space)
    stopped = 0
    for seed in range(4):
        theta = start(seed)
        # Far from all walls: equal variances, and a gate that hardly moves.
        gate, own = objective.split(theta)
        gate[:] *= 0.1
        own[:] = objective.experts.level(own)
        trail = interior.ascended(objective, theta, 1e-8, 500, 1.0, -np.inf)
        assert all(wall.values(trail.theta).min() > 0.0 for wall in objective.walls(objective.evaluate(trail.theta)))
        stopped += not trail.is_maximum
    assert stopped >= 2


def test_start_on_a_wall_is_not_climbed():
    objective, start = simulated(300, 1, 2, 0, space=ParameterSpace(variance_ratio=0.5))
    theta = start(0)
    variance = objective.at_expert[:, -1]
    theta[variance] = [np.log(0.5), 0.0]
    trail = interior.ascended(objective, theta, 1e-8, 100, 1.0, -np.inf)
    assert trail.n_steps == 0 and not trail.is_maximum
    assert (trail.theta == theta).all()


def test_broken_numbers_are_left_to_python():
    objective, start = simulated(300, 1, 2, 0)
    theta = start(0)
    theta[0] = np.nan
    for trail in (interior.settled(objective, theta, 1e-8, 9), interior.ascended(objective, theta, 1e-8, 9, 1.0, -1e9)):
        assert trail.n_steps == 0 and not trail.is_maximum


def test_pauses_do_not_show(monkeypatch):
    objective, start = simulated(500, 2, 3, 4)
    theta = start(2)
    whole = climb(objective, theta, SETTINGS)
    monkeypatch.setattr(interior, "BUDGET", 1)
    pieces = climb(objective, theta, SETTINGS)
    assert pieces.history == whole.history
    assert (pieces.evaluation.theta == whole.evaluation.theta).all()


def test_passes_are_counted():
    objective, start = simulated(500, 2, 3, 4)
    calls = []
    run = objective.compiled.climb
    objective.compiled.climb = lambda *arguments: calls.append(arguments[2]) or run(*arguments)
    end = climb(objective, start(2), SETTINGS)
    # Beside those of compiled code, the last point of EM; that of Newton is known by then.
    assert objective.n_passes == sum(state.counts[arrays.PASSES] for state in calls) + 1
    assert len(end.history) <= objective.n_passes


def test_limits_of_a_climb():
    objective, start = simulated(500, 2, 3, 4)
    theta = em(objective, start(2), 1e-8, 8).evaluation.theta
    whole = newton(objective, theta)
    assert whole.converged
    short = newton(objective, theta, max_iter=3)
    assert not short.converged and len(short.history) <= 4
    # Left near its end, where it is below the value to beat; no nearer than the model sees the end.
    left = newton(objective, theta, beaten=whole.evaluation.value + 1.0)
    plain = newton(slow(objective), theta, beaten=whole.evaluation.value + 1.0)
    assert not left.converged and len(left.history) == len(plain.history) < len(whole.history)
    assert newton(objective, theta, beaten=whole.evaluation.value - 1.0).converged


def test_who_has_a_compiled_climb(monkeypatch):
    objective, _ = simulated(300, 2, 3, 0)
    blocks = objective.blocks
    assert objective.compiled is not None
    assert Objective(blocks, TopKGate(3), 3).compiled is not None
    for gate in (TopKGate(2), ActivationGate("sigmoid")):
        assert Objective(blocks, gate, 3).compiled is None
    assert Objective(blocks, SoftmaxGate(), 3, experts=StudentExperts()).compiled is None
    monkeypatch.setattr(compiled, "ROWS", 299)
    assert Objective(blocks, SoftmaxGate(), 3).compiled is None


def test_factor_and_solve():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        half = rng.normal(size=(n, n + 2))
        matrix, b = half @ half.T, rng.normal(size=n)
        lower, x = matrix.copy(), b.copy()
        assert dense.factor(lower)
        dense.solve(lower, x)
        # Conditions are below 1e5.
        assert matrix @ x == pytest.approx(b, rel=1e-9, abs=1e-9)
        assert not dense.factor(matrix - (np.linalg.eigvalsh(matrix)[0] + 1e-3) * np.eye(n))
    assert not dense.factor(np.ones((3, 3)))
    assert not dense.factor(np.full((2, 2), np.nan))


def test_tridiagonal_has_the_same_spectrum():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 20):
        matrix, b = rng.normal(size=(n, n)), rng.normal(size=n)
        matrix += matrix.T
        values = np.linalg.eigvalsh(matrix)
        turned, diagonal, beside, factors = matrix.copy(), np.empty(n), np.empty(n - 1), np.empty(n - 1)
        tridiagonal.reduce(turned, diagonal, beside, factors)
        small = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        bound, scale = tridiagonal.size(diagonal, beside), np.abs(values).max()
        assert np.linalg.eigvalsh(small) == pytest.approx(values, abs=1e-13 * scale)
        assert bound >= scale * (1.0 - 1e-13)
        assert tridiagonal.lowest(diagonal, beside, bound) == pytest.approx(values[0], abs=1e-13 * scale)
        # A solution in the other axes, and back.
        shift, there, x = 1.0 - values[0], b.copy(), np.empty(n)
        tridiagonal.turn(turned, factors, there, False)
        assert tridiagonal.solve_shifted(diagonal, beside, shift, there, x)
        tridiagonal.turn(turned, factors, x, True)
        assert matrix @ x + shift * x == pytest.approx(b, abs=1e-11 * scale)
        assert not tridiagonal.solve_shifted(diagonal, beside, -values[0] - 1e-3, there, x)


@pytest.mark.parametrize(("k", "d", "n"), [(4, 5, 1100), (2, 1, 60), (3, 0, 50), (1, 2, 40)])
def test_labels_are_fitted_as_by_the_general_formula(k, d, n, monkeypatch):
    rng, gate = np.random.default_rng(k), SoftmaxGate()
    x, r = rng.normal(size=(d, n)), rng.dirichlet(np.full(k, 0.3), n) * rng.uniform(0, 2, (n, 1))
    r[:3] = 0.0
    guess = gate.guess(x, r)
    fast, _ = _labels.fit_labels(gate, *guess, x, r)
    monkeypatch.setattr(Gate, "has_affine_log_weights", lambda self, k: False)
    plain, _ = _labels.fit_labels(gate, *guess, x, r)
    # Five Newton steps on a concave function with a ridge of 1e-3.
    assert fast == pytest.approx(plain, rel=1e-9, abs=1e-10)
    assert k == 1 or np.abs(fast - guess[0]).max() > 0.1 or d == 0


def test_problem_has_no_copies_where_designs_are_one():
    rng = np.random.default_rng(0)
    one = design(rng, [0, 1])
    blocks, _ = problem(rng.normal(size=(50, 2)), rng.normal(size=50), None, one, one)
    gate, expert, *_ = blocks.stacked
    # By this the mixture kernel sees that they are the same.
    assert gate is expert


def test_the_end_of_a_climb_is_what_a_pass_finds_there():
    objective, start = simulated(500, 2, 3, 4)
    end = climb(objective, start(2), SETTINGS).evaluation
    again = objective.evaluate(end.theta)
    read = (
        lambda at: at.value,
        lambda at: at.hessian,
        lambda at: at.sums.totals,
        lambda at: expert_moments(objective, at),
        lambda at: gate_information(objective, at.sums),
    )
    for of in read:
        # Sums of 500 terms, added in another order.
        assert np.abs(of(end) - of(again)).max() <= 1e-12 * np.abs(of(again)).max()
    # The gradient is rounding itself.
    assert np.abs(end.gradient - again.gradient).max() < 1e-13
