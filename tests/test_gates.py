"""The contract of every gate: what solvers, model and inference rely on. A new named gate is tested by being named."""

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from problems import TanhGate

import gmoe
from gmoe import GMoE, Parameters, SoftmaxGate, as_gate, list_gates
from gmoe.kernels.exact import affine_exact

# The double of the tests belongs to it: a gate that bends, of which the named ones have none yet.
GATES = {**{name: as_gate(name) for name in list_gates()}, "test double": TanhGate()}
each_gate = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
each_named = pytest.mark.parametrize("name", list_gates())
each_shape = pytest.mark.parametrize("shape", [(1, 3), (2, 2), (3, 1), (4, 4)], ids=str)  # (k, 1 + d)


def coefficients(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def features(d, n=40, seed=1):
    return np.random.default_rng(seed).normal(size=(n, d))


def model(gate, coef):
    """A model whose experts matter only to the density."""
    k = len(coef)
    experts = {"intercept": np.arange(k), "coef": np.zeros((k, coef.shape[1] - 1)), "variance": np.ones(k)}
    return GMoE(Parameters(gate_intercept=coef[:, 0], gate_coef=coef[:, 1:], **experts), gate)


def proba(gate, coef, X):
    return model(gate, coef).gate_proba(X)


def fill(gate, coef, x, m, **options):
    """Logits and, where the gate has them, derivatives; nan where nothing was written."""
    logit, slope, curve = (np.full((len(coef), x.shape[1]), np.nan) for _ in range(3))
    gate.fill(coef, x, m, logit, slope, curve, **options)
    return logit, slope, curve


@each_gate
@each_shape
def test_rows_sum_to_one(gate, shape):
    p = proba(gate, 3 * coefficients(shape), features(shape[1] - 1))
    assert p.shape == (40, shape[0])
    assert np.all(p >= 0)
    assert np.allclose(p.sum(axis=1), 1, rtol=0, atol=4 * np.finfo(float).eps)  # at most 4 terms, each rounded


@each_gate
@pytest.mark.parametrize("size", [700.0, 1e5])
def test_extreme_logits_stay_finite(gate, size):
    # exp(710) overflows, and exp(-746) of all experts but one is 0.
    coef = size * np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -2.0]])
    X, y = np.linspace(-1, 1, 21)[:, None], np.linspace(-50, 50, 21)
    made = model(gate, coef)
    assert np.allclose(made.gate_proba(X).sum(axis=1), 1, rtol=0, atol=1e-15)
    assert np.all(np.isfinite(made.log_density(X, y)))
    assert np.all(np.isfinite(made.responsibilities(X, y)))


@each_gate
@each_shape
def test_only_the_first_observations_count(gate, shape):
    coef, x = coefficients(shape), np.ascontiguousarray(features(shape[1] - 1).T)
    whole, part = fill(gate, coef, x, 40), fill(gate, coef, np.where(np.arange(40) < 17, x, np.nan), 17)
    for a, b in zip(whole, part, strict=True):
        assert np.allclose(a[:, :17], b[:, :17], rtol=0, atol=1e-14, equal_nan=True)  # BLAS may sum in another order
    assert np.all(np.isnan(part[0][:, 17:]))


@each_gate
@pytest.mark.parametrize(("k", "columns"), [(1, 2), (2, 3), (4, 4)])
def test_derivatives_of_the_logit_in_the_score(gate, k, columns):
    x = np.linspace(-2, 2, 9)
    step = 1e-4
    # A feature that is the score itself: coefficient 1 on the first column, 0 on the others.
    coef = np.column_stack([coefficients(k), np.ones(k), np.zeros((k, columns - 2))])

    def logit(shift):
        rows = np.zeros((columns - 1, 9))
        rows[0] = x + shift
        return fill(gate, coef, rows, 9)

    (up, up_slope, _), (down, down_slope, _), (_, slope, curve) = logit(step), logit(-step), logit(0.0)
    if gate.affine:
        slope, curve, up_slope, down_slope = np.ones((k, 9)), np.zeros((k, 9)), np.ones((k, 9)), np.ones((k, 9))
    # Central differences: error step^2 times a third derivative of at most some units.
    assert np.allclose((up - down) / (2 * step), slope, rtol=0, atol=1e-7)
    assert np.allclose((up_slope - down_slope) / (2 * step), curve, rtol=0, atol=1e-7)


@each_gate
def test_exact_scores_are_the_same_scores(gate):
    coef, x = coefficients((3, 3)), np.ascontiguousarray(features(2).T)
    fast, exact = fill(gate, coef, x, 40)[0], fill(gate, coef, x, 40, affine=affine_exact)[0]
    assert np.allclose(fast, exact, rtol=0, atol=1e-14)  # three products of size 1


@each_gate
@each_shape
def test_canonical_is_the_same_density_and_final(gate, shape):
    coef, X = 3 * coefficients(shape), features(shape[1] - 1)
    for reference in range(shape[0]):
        canonical = gate.canonical(coef, reference)
        assert canonical.shape == shape
        # Logits of size 10 are rounded at 2e-15, and so are, relatively, their exponentials.
        assert np.allclose(proba(gate, canonical, X), proba(gate, coef, X), rtol=0, atol=1e-14)
        assert np.allclose(gate.canonical(canonical, reference), canonical, rtol=0, atol=1e-14)
        # One class, one representative: other members lead to the same.
        flat = gate.invariances(*shape)
        moved = coef + (flat @ np.full(flat.shape[1], 0.7)).reshape(shape)
        assert np.allclose(gate.canonical(moved, reference), canonical, rtol=0, atol=1e-13)


@each_gate
@each_shape
def test_invariances_are_all_directions_that_change_nothing(gate, shape):
    coef, X = coefficients(shape), features(shape[1] - 1, n=200)
    flat = gate.invariances(*shape)
    assert flat.shape[0] == coef.size
    assert np.allclose(flat.T @ flat, np.eye(flat.shape[1]), rtol=0, atol=1e-14)
    for direction in flat.T:
        for size in (-3.0, 1e-3, 5.0):
            moved = coef + size * direction.reshape(shape)
            assert np.allclose(proba(gate, moved, X), proba(gate, coef, X), rtol=0, atol=1e-14)
    # And no more: all other directions change the probabilities somewhere.
    step = 1e-5
    jacobian = [
        (proba(gate, coef + step * e.reshape(shape), X) - proba(gate, coef - step * e.reshape(shape), X)).ravel()
        for e in np.eye(coef.size)
    ]
    # In units of the step: zeros are at 1e-11, the rest at 0.1 and above.
    assert np.linalg.matrix_rank(np.array(jacobian).T / (2 * step), tol=1e-6) == coef.size - flat.shape[1]


@each_gate
@each_shape
def test_canonical_map_is_the_jacobian(gate, shape):
    for reference in {0, shape[0] - 1}:
        point = gate.canonical(coefficients(shape), reference)
        step = 1e-5
        columns = [
            (gate.canonical(point + step * e, reference) - gate.canonical(point - step * e, reference)).ravel()
            for e in np.eye(point.size).reshape(-1, *shape)
        ]
        expected = np.array(columns).T / (2 * step)
        assert np.allclose(gate.canonical_map(*shape, reference), expected, rtol=0, atol=1e-9)  # rounding over step


@each_gate
@each_shape
def test_permuted_experts_permute_the_probabilities(gate, shape):
    coef, X = 3 * coefficients(shape), features(shape[1] - 1)
    order = np.random.default_rng(3).permutation(shape[0])
    # Sums in another order.
    assert np.allclose(proba(gate, coef[order], X), proba(gate, coef, X)[:, order], rtol=0, atol=1e-15)
    # The pinned expert keeps its pin under its new number.
    expected = gate.canonical(coef, reference=order[0])[order]
    assert np.allclose(gate.canonical(coef[order], reference=0), expected, rtol=0, atol=1e-15)


@each_named
def test_gates_are_values(name):
    gate, other = as_gate(name), as_gate(name)
    assert gate == other
    assert hash(gate) == hash(other)
    assert pickle.loads(pickle.dumps(gate)) == gate
    assert gate != TanhGate()
    assert eval(repr(gate), vars(gmoe)) == gate  # what is printed can be typed
    with pytest.raises(dataclasses.FrozenInstanceError):
        gate.affine = None


def test_softmax_pins_its_reference_to_exact_zeros():
    # Printed tables and standard errors rely on it.
    canonical = SoftmaxGate().canonical(coefficients((3, 4)), reference=1)
    assert np.array_equal(canonical[1], np.zeros(4))


def test_as_gate():
    assert "softmax" in list_gates() == sorted(list_gates())
    assert as_gate("softmax") == SoftmaxGate()
    double = TanhGate()
    assert as_gate(double) is double
    with pytest.raises(ValueError, match=r"Unknown gate 'sofmax'.*softmax"):
        as_gate("sofmax")
    for wrong, name in [(SoftmaxGate, "ABCMeta"), (None, "NoneType"), (1.0, "float")]:
        with pytest.raises(TypeError, match=rf"name or a Gate, got {name}.*softmax"):
            as_gate(wrong)


# Fits of every kind of input with every gate, then one line per kernel: its name and its types.
EXERCISE = """
import importlib, pkgutil, warnings
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.types import unliteral
import gmoe.kernels
from gmoe import GaussianMoERegressor, _arrays, list_gates

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, w = rng.normal(size=(300, 3)), rng.uniform(size=300)
y = np.where(X[:, 0] > 0, 2 * X[:, 1], -X[:, 1]) + 0.3 * rng.normal(size=300)
frozen = X.copy()
frozen.flags.writeable = False
inputs = [(X, y, None), (X.astype("f4"), y.astype("f4"), w.astype("f4")), (np.asfortranarray(X), y[::-1][::-1], w),
          (frozen, y, w), (X[::2, ::-1], y[::2], w[::2])]
for gate in list_gates():
    for solver in ("em", "mle"):
        for A, b, weight in inputs:
            for gate_features, expert_features in ((None, None), ([], [0]), ([0, 1], [2])):
                model = GaussianMoERegressor(gate=gate, solver=solver, n_init=2, max_iter=5, random_state=0,
                                             gate_features=gate_features, expert_features=expert_features)
                model.fit(A, b, sample_weight=weight)
                model.score_samples(A, b), model.predict_gate(A)
modules = [importlib.import_module("gmoe.kernels." + m.name) for m in pkgutil.iter_modules(gmoe.kernels.__path__)]
for module in [*modules, _arrays]:
    for name, kernel in vars(module).items():
        if isinstance(kernel, Dispatcher) and kernel.__module__ == module.__name__:
            print(module.__name__, name, len({tuple(map(unliteral, types)) for types in kernel.signatures}))
"""


def test_each_kernel_is_compiled_for_one_set_of_types():
    # Whatever users pass, kernels see one layout: else first calls would take seconds again and again.
    run = subprocess.run([sys.executable, "-c", EXERCISE], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    counts = {name: int(count) for _, name, count in map(str.split, run.stdout.splitlines())}
    assert {"accumulate", "hessian", "gradient", "affine_rows", "affine_exact", "_scale_block"} <= set(counts)
    assert {name: count for name, count in counts.items() if count > 1} == {}
    # Zero only for what is compiled inside of others and comes with them from the cache.
    assert counts["accumulate"] == counts["affine_rows"] == counts["affine_exact"] == counts["_scale_block"] == 1
