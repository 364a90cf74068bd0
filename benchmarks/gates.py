"""The cost of one score pass of every gate in units of that of the softmax gate."""

import numpy as np

from benchmarks._measure import Figure, best_of
from gmoe import ActivationGate, DenseToSparseGate, SoftmaxGate, TopKGate, list_activations
from gmoe.datasets import make_gmoe
from gmoe.solvers.problem.objective import SCORE, Objective
from gmoe.solvers.problem.raw import scaled_parameters
from gmoe.solvers.problem.scaling import scale

N, D, K = 100_000, 1, 3


def gates():
    """Every named gate; those with an activation estimate the temperature, which costs most."""
    found = [TopKGate(n_active, select_on=key) for n_active in (1, 2) for key in ("score", "logit")]
    found.append(DenseToSparseGate("estimate"))
    for activation in list_activations():
        for intercept in ("outside", "inside"):
            try:
                found.append(ActivationGate(activation, intercept=intercept, temperature="estimate"))
            except ValueError:  # a combination that says nothing
                continue
    # The identity makes one gate twice.
    return list(dict.fromkeys(found))


def run():
    X, y, truth, _ = make_gmoe(N, D, K)
    passes = [_score_pass(gate, X, y, truth.parameters) for gate in (SoftmaxGate(), *gates())]
    (unit, _), *others = best_of(20, *passes, run=5)
    where = f"n={N}, d={D}, k={K}"
    for gate, (seconds, _) in zip(gates(), others, strict=True):
        detail = f"{seconds / N * 1e9:.1f} ns per observation"
        yield Figure(f"score pass / that of softmax, {gate}, {where}", seconds / unit, "<= 2", detail=detail)


def _score_pass(gate, X, y, parameters):
    columns = np.arange(D)
    scaling = scale(X, y, None, columns, columns, gate.follows(K))
    objective = Objective(scaling.blocks(X, y), gate, K)
    theta = scaled_parameters(objective, scaling, parameters)
    return lambda: objective.evaluate(theta, SCORE)
