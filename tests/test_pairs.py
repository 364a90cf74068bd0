"""Every gate with every family of experts: derivatives, and the model's own likelihood."""

import numpy as np
import pytest

from gmoe import Gate, GMoE, as_gate, list_experts, list_gates
from gmoe.experts._named import NAMED
from gmoe.part import Size
from gmoe.solvers.problem.layout import Layout
from gmoe.solvers.problem.objective import OBSERVED, SCORE, Objective
from gmoe.solvers.problem.passes import block_size
from gmoe.solvers.problem.raw import raw_parameters
from gmoe.solvers.problem.scaling import scale

K, N = 3, 60
EXPERTS = {repr(experts): experts for name in list_experts() for experts in NAMED[name].representatives()}
# Gates by scores differ by what they make of a score; a selection is one more.
GATES = {name: as_gate(name) for name in list_gates() if not isinstance(as_gate(name), Gate)}
GATES |= {name: as_gate(name) for name in ("softmax", "activation", "topk:n_active=2", "threshold")}
each_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
each_experts = pytest.mark.parametrize("experts", EXPERTS.values(), ids=EXPERTS)


def problem(gate, experts):
    rng = np.random.default_rng(3)
    p = 2 if experts.multi_output else 1
    X = rng.normal(size=(N, 2))
    Y = X[:, :1] + rng.normal(size=(N, p))
    y, columns, gate = (Y if p > 1 else Y[:, 0]), np.arange(2), gate.with_experts(K)
    scaling = scale(X, y, None, columns, columns, gate.follows(K), experts.follows)
    scaled = experts.scaled(scaling.frames[1])
    sizes = Size(K, len(scaling.gate.transform)), Size(K, len(scaling.expert.transform), p)
    length = block_size(Layout(gate, scaled, *sizes))
    objective = Objective(scaling.blocks(X, y, length=length), gate, K, scaling=scaling, experts=scaled)
    r = rng.dirichlet(np.ones(K), N)
    designs = [np.concatenate(parts, axis=1) for parts in zip(*[b[:3] for b in objective.blocks.all()], strict=True)]
    x_gate, x_expert, response = (part[:, :N] for part in designs)
    own, shared = objective.gate.dense().start(np.ascontiguousarray(x_gate), r)
    expert, expert_shared = objective.experts.start(r, x_expert, response)
    theta = objective.join(own, expert, shared, expert_shared)
    moving = ~np.isin(np.arange(theta.size), np.flatnonzero(objective.void))
    return objective, scaling, theta + 0.1 * moving * rng.normal(size=theta.size), X, y, experts


def differences(function, theta):
    # Off by rounding over the step, 1e-11; so small a step crosses no boundary of a selection.
    step = 2e-5
    rows = []
    for e in step * np.eye(len(theta)):
        near = function(theta + e) - function(theta - e)
        far = function(theta + 2 * e) - function(theta - 2 * e)
        rows.append((8.0 * near - far) / (12.0 * step))
    return np.array(rows)


@each_experts
@each_gate
def test_derivatives_and_likelihood(gate, experts):
    objective, scaling, theta, X, y, experts = problem(gate, experts)
    evaluation = objective.evaluate(theta, OBSERVED)
    slope = differences(lambda t: objective.evaluate(t, SCORE).value, theta)
    assert np.abs(evaluation.gradient - slope).max() < 1e-7 * max(1.0, np.abs(slope).max())
    curvature = differences(lambda t: objective.evaluate(t, SCORE).gradient, theta)
    assert np.abs(evaluation.hessian - curvature).max() < 1e-5 * max(1.0, np.abs(curvature).max())
    model = GMoE(raw_parameters(objective, scaling, theta), objective.gate, experts=experts)
    own = model.log_density(X, y).mean()
    assert evaluation.value - scaling.log_unit == pytest.approx(own, rel=1e-9)
    assert model.canonical().log_density(X, y).mean() == pytest.approx(own, rel=1e-9)
    sample, chosen = model.sample(X, np.random.default_rng(0))
    assert sample.shape == y.shape and np.all(np.isfinite(sample)) and chosen.max() < K
