"""Representatives of the family of gates, and data from random truths of each."""

import numpy as np

from benchmarks.answers._fits import min_rows
from gmoe import ActivationGate, DenseToSparseGate, Gate, GMoE, Parameters, SoftmaxGate, TopKGate

N = 300
DATA = ("d = 1", "d = 2", "integers")
BENT = ("sigmoid", "tanh", "gelu", "relu", "exp", "softplus", "sin")
FIXED = 0.7


def representatives():
    """Pairs of a gate and a number of experts, by name: each setting of the contract's grid, and some pairs of them."""
    found = {"softmax": (SoftmaxGate(), 3), "dense_to_sparse": (DenseToSparseGate(), 3)}
    for n_active in (1, 2):
        for rule in ("score", "logit"):
            found[f"top-{n_active} by {rule}"] = TopKGate(n_active, rule), 3
    for name in BENT:
        for intercept in ("outside", "inside"):
            found[f"{name} {intercept} {FIXED}"] = ActivationGate(name, FIXED, intercept), 2
            if (name, intercept) != ("exp", "inside"):  # no temperature is identified there
                found[f"{name} {intercept} estimated"] = ActivationGate(name, "estimate", intercept), 2
    for name in ("tanh", "gelu"):
        for rule in ("score", "logit"):
            for temperature in (FIXED, "estimate"):
                gate = Gate(activation=name, temperature=temperature, n_active=2, select_on=rule)
                found[f"top-2 {name} by {rule} {'estimated' if gate.estimated else FIXED}"] = gate, 3
    return found


def kinds(gate, k):
    """Kinds of data for a gate: of three scores in one feature, without intercepts, the middle one never leads."""
    lost = gate.n_active == 1 and not gate.selection.sees_logit and k > 2
    return DATA[1:] if lost else DATA


def draw(gate, k, kind, seed):
    """X and y of a random truth in which each expert has more rows than the set asks for."""
    rng = np.random.default_rng([20270106, *seed])
    d = 1 if kind == DATA[0] else 2
    X = rng.normal(size=(N, d))
    if kind == DATA[2]:
        X = rng.integers(-3, 4, (N, d)).astype(float)
    steepest = 1.5 if gate.activation.name == "exp" else 4.0
    while True:
        slopes = rng.normal(size=(k, d))
        slopes *= rng.uniform(0.5, steepest, (k, 1)) / np.linalg.norm(slopes, axis=1, keepdims=True)
        temperature = rng.uniform(0.3, 1.0) if gate.estimated else gate.temperature
        experts = rng.normal(0, 2, k), rng.normal(0, 2, (k, d)), rng.uniform(0.3, 1.0, k) ** 2
        model = GMoE(Parameters(rng.normal(0, 0.5, k), slopes, *experts, temperature), gate)
        if model.gate_proba(X).sum(axis=0).min() >= 4 / 3 * min_rows(1 + d):
            return X, model.sample(X, rng)[0]
