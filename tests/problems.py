"""Random problems in two forms: as the blocks that the kernels see, and as NumPy arrays for tests/reference.py."""

from collections import Counter
from dataclasses import fields
from functools import partial
from itertools import product

import numpy as np
import reference

from gmoe import GMoE, Parameters, list_activations, list_gates
from gmoe._arrays import Blocks, Design
from gmoe.gates import EntropyRule, ExpertChoice, Gate, SoftmaxGate, TopP, as_gate
from gmoe.solvers.problem.objective import Objective

SOFTMAX = SoftmaxGate()


def all_gates(k=3):
    """Every gate by scores: the named ones, and every combination of settings that the constructor accepts."""
    axes = {
        "activation": list_activations(),
        "intercept": ["outside", "inside"],
        "temperature": [1.0, 0.7, "estimate"],
        "n_active": [None, 1, 2, k],
        "select_on": ["score", "logit"],  # what tests/reference.py has a definition for
    }
    gates = {}
    for values in product(*axes.values()):
        try:
            gate = Gate(**dict(zip(axes, values, strict=True)))
        except ValueError:
            continue
        # What nothing is selected by makes no other gate.
        if gate not in gates.values():
            gates["-".join(map(str, values))] = gate
    # A threshold sees the logits: one gate for each way to make them.
    for settings in (
        {}, {"temperature": 0.7}, {"activation": "tanh", "temperature": "estimate"}, {"activation": "gelu"},
        {"activation": "relu", "intercept": "inside", "temperature": "estimate"},
    ):  # fmt: skip
        gates["-".join(["threshold", *map(str, settings.values())])] = Gate(threshold=0.25, **settings)
    named = {name: as_gate(name) for name in list_gates()}
    # Others have no such settings: tests/test_gate_contract.py has them all.
    return {name: gate for name, gate in named.items() if isinstance(gate, Gate)} | gates


def declared(value):
    """What an activation or a selection rule says about itself: all its fields but the name and the function."""
    given = ((field.name, getattr(value, field.name)) for field in fields(value) if field.name != "name")
    return tuple((name, trait) for name, trait in given if not callable(trait))


def kind(gate, k=3):
    """All that the code can read of a gate of k experts: two of a kind differ by the formula of their activation.

    A selection of all is of the kind of the dense gate: test_gates.py shows that it is the dense gate.
    """
    temperature = "estimate" if gate.estimated else "one" if gate.temperature == 1.0 else "given"
    chosen = gate.selection
    selection = (type(chosen), gate.n_active, declared(chosen.by)) if gate.is_sparse(k) else None
    return declared(gate.activation), gate.intercept, temperature, selection


def representatives(k=3):
    """One of every kind of :func:`all_gates`, by an identifier: the named gates, then all activations take turns."""
    kinds, chosen, turns = {}, {}, Counter()
    for name, gate in all_gates(k).items():
        kinds.setdefault(kind(gate, k), {})[name] = gate
    for members in kinds.values():
        name = min(members, key=lambda name: (name not in list_gates(), turns[members[name].activation.name]))
        chosen[name] = members[name]
        turns[chosen[name].activation.name] += 1
    return chosen


def pipeline(gate, natural=True):
    """The gate for tests/reference.py; by default in natural coordinates, where some temperatures are gone.

    Derivatives of the activation are the gate's own: tests/test_activations.py compares them with differences.
    """
    link = [lambda z, i=i: list(gate.activation.derivatives(z))[i] for i in range(3)]
    temperature = None if gate.temperature == "estimate" else gate.temperature
    if natural and gate.scale_free:
        temperature = 1.0
    threshold, rule = getattr(gate.selection, "threshold", None), RULES.get(type(gate.selection))
    return reference.Pipeline(
        link, gate.intercept == "inside", temperature, gate.n_active, gate.selection.by.name, threshold,
        rule and partial(rule, gate.selection),
    )  # fmt: skip


# One row at a time. Of the entropy's rule, what lies in its band is for tests/test_routers.py: here the set itself.
RULES = {
    TopP: lambda selection, row: reference.top_p(row, selection.p),
    ExpertChoice: lambda selection, row: reference.expert_choice(row),
    EntropyRule: lambda selection, row: selection.active(row[:, None])[:, 0],
}


def data(rng, n, d=3, weighted=True):
    """Raw X (n, d), y (n,), and weights between 0 and 2 with zeros among them (or None)."""
    X = rng.normal(size=(n, d)) * (1 + np.arange(d)) + 1
    y = 2 * np.sin(X[:, 0]) + rng.normal(size=n) + 5
    weight = None
    if weighted:
        weight = rng.uniform(0, 2, n) * (rng.random(n) < 0.8)
        weight[0] = 1.5  # never all zero
    return X, y, weight


def design(rng, columns):
    """Some centre and some full transform of these columns."""
    d = len(columns)
    return Design(
        np.array(columns, dtype=np.intp), rng.normal(size=d), (np.eye(d) + 0.2 * rng.normal(size=(d, d))), np.ones(d)
    )


def designs(rng, gate_columns, expert_columns):
    """One design for both where the columns are the same: kernels then share the features."""
    expert = design(rng, expert_columns)
    return (expert if gate_columns == expert_columns else design(rng, gate_columns)), expert


def parameters(rng, k, q_gate, q_expert, n_shared=0):
    """Parameter vector of overlapping experts: no responsibility near 0 or 1 everywhere."""
    eta = rng.normal(-0.5, 0.7, (k, 1))
    rows = np.hstack([rng.normal(0, 0.7, (k, q_gate)), rng.normal(0, 0.5, (k, q_expert)), eta])
    return np.append(rows.ravel(), rng.normal(0, 0.4, n_shared))


def problem(X, y, weight, gate_design, expert_design, gate=SOFTMAX, scaled=True):
    """Blocks of raw data and the same as a reference problem, with the scaling done by NumPy."""
    centre_y, scale_y = (4.5, 1.7) if scaled else (0.0, 1.0)
    slope_y = np.linspace(0.3, -0.2, len(expert_design.transform)) * scaled
    scales = np.array([centre_y]), slope_y[None], np.array([[1.0 / scale_y]])
    blocks = Blocks(X, y, weight, gate_design, expert_design, *scales)
    x_gate, x_expert = ((X[:, d.columns] - d.centre) @ d.transform.T for d in (gate_design, expert_design))
    response = (y - centre_y - x_expert @ slope_y) / scale_y
    w = np.ones(len(y)) if weight is None else weight
    return blocks, reference.Problem(x_gate, x_expert, response, w, pipeline(gate))


def draw(seed, n, k, gate_columns, expert_columns, weighted=True, gate=SOFTMAX):
    """Objective, reference problem and parameter vector."""
    rng = np.random.default_rng(seed)
    X, y, weight = data(rng, n, 1 + max([0, *gate_columns, *expert_columns]), weighted)
    blocks, slow = problem(X, y, weight, *designs(rng, gate_columns, expert_columns), gate)
    theta = parameters(rng, k, 1 + len(gate_columns), 1 + len(expert_columns), gate.n_shared)
    return Objective(blocks, gate, k), slow, theta


def random_model(rng, k, d, logit_size=2.0, sd=(0.3, 1.0), intercept_size=2.0):
    """Logits of the first and last expert reach +-logit_size where all features are 1; sds cycle through ``sd``."""
    gate = rng.uniform(-1, 1, (k, 1 + d))
    gate *= logit_size / np.abs(gate).sum(axis=1, keepdims=True)
    gate[0], gate[-1] = np.abs(gate[0]), -np.abs(gate[-1])
    intercept, coef = rng.normal(0, intercept_size, k), rng.normal(0, 2, (k, d))
    variance = np.resize(np.square(sd), k)
    return GMoE(Parameters(gate[:, 0], gate[:, 1:], intercept, coef, variance))


def assert_close(values, expected, tolerance=1e-12):
    """The contract: relative, absolute near zero."""
    error = np.abs(values - expected) / np.maximum(np.abs(expected), 1)
    assert error.max() < tolerance, f"{error.max():.1e} at {np.argmax(error)}"
