"""Edits of a model: what they say they cost is what they cost, for every gate and every family of experts."""

from itertools import combinations

import numpy as np
import pytest
from test_expert_contract import CASES, point
from test_expert_contract import D as D_EXPERT
from test_expert_contract import data as expert_data
from test_gate_contract import SETTINGS, D, suits
from test_gate_contract import parameters as gate_parameters

from gmoe import (
    GMoE,
    LaplaceGate,
    Parameters,
    ParameterSpace,
    SoftmaxGate,
    TopKGate,
    as_gate,
    edit,
    list_gates,
)
from gmoe.edit.project import expected_rows
from gmoe.frames import Frame, ResponseFrame
from gmoe.gates import BY_LOGIT, TopK
from gmoe.metrics import kl_divergence
from gmoe.solvers.fit import fit

K = 3
RNG = np.random.default_rng(11)
X = RNG.uniform(-2.0, 2.0, (120, D))


def model_of(gate, k=K, seed=0):
    """Overlapping Gaussian experts of one feature under a gate at a generic point."""
    rng = np.random.default_rng(seed)
    arrays = gate.to_raw(*gate_parameters(gate, k, D, seed), Frame.identity(D))
    means = Parameters(
        intercept=2.0 * rng.normal(size=k), coef=rng.normal(size=(k, 1)), variance=rng.uniform(0.3, 1, k)
    )
    return GMoE(Parameters(**(means.arrays | arrays)), gate, None, (0,))


def resizes(gate):
    try:
        gate.resized(K - 1)
    except ValueError:
        return False
    return True


# Every gate by name: what else their settings may be changes no formula of an edit.
GATES = {name: as_gate(name) for name in [*list_gates(), *SETTINGS]}
MODELS = {name: model_of(gate) for name, gate in GATES.items() if suits(gate, K) and resizes(gate)}
PLACED = {name: gate for name, gate in GATES.items() if suits(gate, K) and not resizes(gate)}
SOFTMAX = MODELS["softmax"]
each = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def rows(model, seed=3):
    return X, model.sample(X, np.random.default_rng(seed))[0]


def log_likelihood(model, X, y, weight=1.0):
    return float(np.sum(weight * model.log_density(X, y)))


@each
def test_the_stated_loss_of_a_prune_is_that_of_doing_it(model):
    X, y = rows(model)
    weight = np.random.default_rng(1).uniform(0.0, 2.0, len(X))
    losses = edit.prune_losses(model, X, y, weight=weight)
    for expert, loss in enumerate(losses):
        done = edit.prune(model, X, y, expert, weight=weight)
        # Two ways to sum 120 terms of size 1 to 10.
        assert loss == pytest.approx(done.loss, rel=1e-10, abs=1e-10)
        # By hand: the rows of the others, and the densities of the model itself.
        kept = [j for j in range(K) if j != expert]
        r, pi = model.responsibilities(X, y), model.gate_proba(X)
        if not model.gate.is_sparse(K):
            assert loss == pytest.approx(weight @ np.log((1 - pi[:, expert]) / (1 - r[:, expert])), abs=1e-8)
        assert np.array_equal(done.model.parameters.intercept, model.parameters.intercept[kept])
        assert done.df == done.model.n_free_parameters < done.df_before
    assert edit.prune(model, X, y, weight=weight).loss == pytest.approx(losses.min(), rel=1e-10, abs=1e-10)


@each
def test_a_subset_is_the_best_there_is(model):
    X, y = rows(model)
    cost = np.array([1.0, 2.0, 1.5])
    found = edit.subset(model, X, y, 2.6, cost=cost)
    tried = {}
    for size in (1, 2):
        for kept in combinations(range(K), size):
            if cost[list(kept)].sum() <= 2.6:
                small = model
                for expert in sorted(set(range(K)) - set(kept), reverse=True):
                    small = edit.prune(small, X, y, expert).model
                tried[kept] = log_likelihood(small, X, y)
    # Sums of 120 terms.
    assert found.log_likelihood == pytest.approx(max(tried.values()), rel=1e-11)
    best = max(tried, key=tried.get)
    assert found.what == f"experts {', '.join(map(str, best))} kept"


def test_the_greedy_subset_is_a_chain_of_prunes(monkeypatch):
    model = model_of(SoftmaxGate(), 5)
    X, y = rows(model)
    monkeypatch.setitem(edit.subset.__globals__, "EXHAUSTIVE", 0)
    small = edit.prune(edit.prune(model, X, y).model, X, y).model
    assert edit.subset(model, X, y, 3).log_likelihood == pytest.approx(log_likelihood(small, X, y), rel=1e-11)


@each
def test_merged_twins_are_the_expert_again(model):
    """Joining the two halves of a doubled expert gives the gate back; its density by its responsibilities."""
    X, y = rows(model)
    twice = edit.add(model, X, y, 1, refit=False).model
    assert twice.n_experts == K + 1
    if model.gate.doubles:
        # Halving a weight and adding two halves: rounding.
        np.testing.assert_allclose(twice.log_density(X, y), model.log_density(X, y), atol=1e-11)
        joined = edit.merge(twice, X, y, (1, 2)).model
        # The least squares of the log-weight have an exact solution; they end at 1e-8 of it.
        np.testing.assert_allclose(joined.gate_proba(X), model.gate_proba(X), atol=1e-6)
        # Least squares under responsibilities, by hand.
        r = model.responsibilities(X, y)[:, 1]
        design = np.column_stack([np.ones(len(X)), X[:, :1]])
        solution = np.linalg.solve((r[:, None] * design).T @ design, design.T @ (r * y))
        variance = r @ (y - design @ solution) ** 2 / r.sum()
        found = joined.parameters
        # Twelve digits but for the conditioning of the design, 10.
        np.testing.assert_allclose([found.intercept[1], *found.coef[1]], solution, rtol=1e-8, atol=1e-8)
        assert found.variance[1] == pytest.approx(variance, rel=1e-8)
        np.testing.assert_array_equal(found.intercept[[0, 2]], model.parameters.intercept[[0, 2]])


def test_the_joint_expert_is_that_of_both():
    X, y = rows(SOFTMAX)
    joined = edit.merge(SOFTMAX, X, y, (0, 2)).model.parameters
    r = SOFTMAX.responsibilities(X, y)[:, [0, 2]].sum(axis=1)
    design = np.column_stack([np.ones(len(X)), X[:, :1]])
    solution = np.linalg.solve((r[:, None] * design).T @ design, design.T @ (r * y))
    # Least squares in two coordinates, of a design of condition 10.
    np.testing.assert_allclose([joined.intercept[0], *joined.coef[0]], solution, rtol=1e-8)
    # Nothing near has a log-weight nearer to that of both together, in least squares under their weight.
    pi = SOFTMAX.gate_proba(X)
    both, whole = pi[:, 0] + pi[:, 2], SOFTMAX.parameters
    # The log-weight of the expert that stays is common to both models.
    target = np.log(both / pi[:, 1]) + whole.gate_intercept[1] + X @ whole.gate_coef[1]
    residual = joined.gate_intercept[0] + X @ joined.gate_coef[0] - target
    normal = np.column_stack([np.ones(len(X)), X]).T @ (both * residual)
    # Normal equations: the search ends at 1e-8 of its steps.
    assert np.abs(normal).max() < 1e-5


def test_the_merge_of_least_loss():
    X, y = rows(SOFTMAX)
    pairs = {pair: edit.merge(SOFTMAX, X, y, pair).loss for pair in combinations(range(K), 2)}
    assert edit.merge(SOFTMAX, X, y).loss == min(pairs.values())


@each
def test_a_projection_onto_as_many_experts_is_the_model(model):
    found = edit.project(model, X[::6])
    y = expected_rows(model, X[::6])
    # A climb that starts at its end: gradients are below 1e-8 in scaled coordinates.
    assert found.loss == pytest.approx(0.0, abs=1e-8)
    np.testing.assert_allclose(found.model.log_density(y.X, y.y), model.log_density(y.X, y.y), atol=1e-6)


def test_a_projection_returns_the_parameters():
    canonical = SOFTMAX.canonical()
    found = edit.project(SOFTMAX, X).model
    order = [int(np.argmin(np.abs(canonical.parameters.intercept - value))) for value in found.parameters.intercept]
    expected = edit._experts.pick(canonical, order).canonical().parameters.arrays
    for name, value in found.parameters.arrays.items():
        # The criterion of the issue; measured 1e-9.
        np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)


def test_a_projection_onto_fewer_is_the_nearest_by_another_quadrature():
    found = edit.project(SOFTMAX, X[:40], 2)
    assert found.result.status == "converged"
    distance = float(kl_divergence(found.model, SOFTMAX, X[:40]))
    # Seven nodes a panel against an adaptive rule to 1e-12.
    assert found.loss / 40 == pytest.approx(distance, abs=1e-8)
    assert found.kl_divergence == distance > 1e-4
    for name in ("gate_coef", "intercept", "coef", "variance"):
        value = found.model.parameters.arrays[name]
        for step in (1e-3, -1e-3):
            moved = np.array(value)
            moved[1] += step
            arrays = found.model.parameters.arrays | {name: moved}
            near = GMoE(Parameters(**arrays), found.model.gate, None, (0,))
            # Of a maximum: lower to second order, some 1e-7 here.
            assert float(kl_divergence(near, SOFTMAX, X[:40])) > distance


def test_a_projection_onto_another_gate():
    gate = next(gate for name, gate in PLACED.items() if name == "tree")
    found = edit.project(SOFTMAX, X[:6], gate=gate, n_init=1)
    assert found.model.gate == gate and found.loss / 6 == pytest.approx(found.kl_divergence, abs=1e-7)


@pytest.mark.parametrize("gate", [SoftmaxGate(), LaplaceGate(), TopKGate(2)], ids=repr)
def test_an_added_expert_never_ends_below(gate):
    model = model_of(gate)
    X, y = (part[::2] for part in rows(model_of(gate, 4, seed=5)))
    found = edit.add(model, X, y, space=ParameterSpace(rows_per_parameter=0.0))
    assert found.model.n_experts == K + 1 and found.loss < 0.0
    assert found.result.log_likelihood == found.log_likelihood


def test_another_number_of_active_experts():
    X, y = rows(SOFTMAX)
    curve = edit.activation_curve(SOFTMAX, X, y)
    pi, f = SOFTMAX.gate_proba(X), np.exp(SOFTMAX.expert_log_density(X, y))
    for n, value in zip(curve.n_active, curve.log_density, strict=True):
        # By hand: the likeliest experts, with their weights made to sum to 1.
        kept = np.where(np.argsort(np.argsort(-pi, axis=1), axis=1) < n, pi, 0.0)
        expected = np.mean(np.log((kept * f).sum(axis=1) / kept.sum(axis=1)))
        assert value == pytest.approx(expected, rel=1e-11)
        one = edit.activate(SOFTMAX, X, y, int(n))
        assert one.model.gate.selection == TopK(int(n), BY_LOGIT)
        assert one.log_likelihood == pytest.approx(value * len(y), rel=1e-12)
    assert curve.best == curve.to_frame()["log_density"].idxmax()
    # Data of a gate with two active experts: the maximum is there.
    truth = model_of(TopKGate(2, "logit"), 4)
    many = np.random.default_rng(0).uniform(-2.0, 2.0, (2000, D))
    assert edit.activation_curve(truth, many, truth.sample(many, np.random.default_rng(1))[0]).best == 2


def test_rounding_costs_what_it_may():
    X, y = rows(SOFTMAX)
    fitted = edit._edited.Rows.of(X, y).refit(SOFTMAX, SOFTMAX.parameters).model
    losses = [edit.rounded(fitted, X, y, bound) for bound in (1.0, 1e-2, 1e-6)]
    for found, bound in zip(losses, (1.0, 1e-2, 1e-6), strict=True):
        # Of a maximum nothing is gained.
        assert -1e-9 < found.loss <= bound
    digits = [len(repr(found.model.parameters)) for found in losses]
    assert digits[0] < digits[1] < digits[2]
    # One digit fewer would cost more than is allowed.
    assert losses[0].what != losses[2].what


@pytest.mark.parametrize(("experts", "p"), CASES)
def test_every_family_of_experts(experts, p):
    own, shared = point(experts, p)
    x, y = expert_data(p)
    arrays = experts.to_raw(own, shared, ResponseFrame.identity(D_EXPERT, p))
    rng = np.random.default_rng(0)
    gate = {"gate_intercept": rng.normal(size=K), "gate_coef": rng.normal(size=(K, D_EXPERT))}
    model = GMoE(Parameters(**gate, **arrays), experts=experts)
    X, y = x.T, y[0] if p == 1 else y.T
    free = K - experts.n_given
    losses = edit.prune_losses(model, X, y)
    assert np.isfinite(losses[:free]).all() and np.isinf(losses[free:]).all()
    for expert in range(free):
        assert edit.prune(model, X, y, expert).loss == pytest.approx(losses[expert], rel=1e-10)
    twice = edit.add(model, X, y, 0, refit=False)
    # Halves of a weight, to rounding; degrees of freedom go through a logit.
    assert twice.loss == pytest.approx(0.0, abs=1e-8)
    joined = edit.merge(twice.model, X, y, (0, 1)).model
    assert joined.n_experts == K
    np.testing.assert_allclose(joined.gate_proba(X), model.gate_proba(X), atol=1e-6)
    if p == 1:
        # Student tails beyond the last panel and the jumps of a range: to the square root of what they hold.
        assert abs(edit.project(model, X[:8]).loss) < 1e-4


def test_evidence_is_that_of_the_two_models():
    X, y = rows(SOFTMAX)
    found = edit.prune(SOFTMAX, X, y, 0, refit=True)
    assert found.result.model is found.model and found.result.log_likelihood == pytest.approx(found.log_likelihood)
    assert found.loss < edit.prune(SOFTMAX, X, y, 0).loss
    frame = found.to_frame()
    assert frame.loc["df", "change"] == found.model.n_free_parameters - SOFTMAX.n_free_parameters
    assert frame.loc["BIC", "after"] == pytest.approx(found.result.bic)
    assert frame.loc["BIC", "before"] == found.bic_before
    assert "fitted again: converged" in str(found) and "expert 0 left out" in repr(found)
    assert 0.0 < found.hellinger < 1.0 and found.kl_divergence > 0.0


@pytest.mark.parametrize("gate", PLACED.values(), ids=PLACED)
def test_gates_with_places_are_refused_by_name(gate):
    model = model_of(gate)
    X, y = rows(model)
    for call in (edit.prune, edit.prune_losses, edit.merge, edit.add, lambda *at: edit.subset(*at, 2)):
        with pytest.raises(ValueError, match="place among the others") as error:
            call(model, X, y)
        assert repr(gate) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(ValueError, match="no selection"):
        edit.activate(model, X, y, 1)
    # What needs no places goes.
    assert edit.rounded(model, X, y).loss <= 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m, X, y: edit.prune(m, X, y, 7), "no expert 7"),
        (lambda m, X, y: edit.prune(edit._experts.pick(m, [0]), X, y), "none to prune"),
        (lambda m, X, y: edit.merge(m, X, y, (1, 1)), "two of"),
        (lambda m, X, y: edit.subset(m, X, y, 0.5), "budget=0.5"),
        (lambda m, X, y: edit.subset(m, X, y, 2, cost=[1, 1]), "3 positive numbers"),
        (lambda m, X, y: edit.project(m, X, 4), "gmoe.edit.add"),
        (lambda m, X, y: edit.activate(m, X, y, 9), "n_active=9"),
        (lambda m, X, y: edit.prune(m, X, y, weight=-np.ones(len(y))), "non-negative"),
        (lambda m, X, y: edit.rounded(m, X, y, 0.0), "max_loss"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call(SOFTMAX, *rows(SOFTMAX))


@pytest.mark.parametrize("with_rows", [False, True])
def test_a_forgotten_expert_leaves_the_exact_fit(with_rows):
    rng = np.random.default_rng(2)
    x = rng.uniform(-1.0, 1.0, (300, 1))
    which = np.digitize(x[:, 0] + 0.3 * rng.standard_normal(300), [-0.3, 0.4])
    y = np.array([0.0, 4.0, -3.0])[which] + x[:, 0] * np.array([1.0, -1.0, 2.0])[which] + 0.5 * rng.standard_normal(300)
    columns = np.arange(1)
    whole = fit(x, y, gate=SoftmaxGate(), gate_columns=columns, expert_columns=columns, n_experts=3).model
    found = edit.forget(whole, x, y, 1, with_rows=with_rows, n_init=5)
    kept = 1.0 - whole.responsibilities(x, y)[:, 1] if with_rows else np.ones(300)
    assert found.edited.total_weight == pytest.approx(kept.sum(), rel=1e-12)
    assert found.model.n_experts == 2 and found.exact.status == "converged"
    # Where the rows go with the expert both ways lead to one maximum, up to gradients below 1e-8; where they stay
    # the others cannot get at them, and the gap says so.
    assert (found.gap == pytest.approx(0.0, abs=1e-6) and found.hellinger < 1e-4) == with_rows
    assert found.gap >= -1e-6
    assert found.exact.log_likelihood == pytest.approx(kept @ found.exact.model.log_density(x, y), abs=1e-9)
    assert "expert 1 forgotten" in str(found) and "exact fit: converged" in str(found)
