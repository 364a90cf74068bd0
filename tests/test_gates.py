"""The contract of every gate: what solvers, model and inference rely on.

It runs over the named gates and over one gate of every kind that the code tells apart, the definition of the
probabilities over all combinations of the settings; a new name, activation or selection is tested by being listed.
Derivatives are in test_kernels.py, what is identified in test_identification.py.
"""

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
import reference
from problems import all_gates, kind, pipeline, representatives

import gmoe
from gmoe import Gate, GMoE, Parameters, SoftmaxGate, as_gate, list_activations, list_gates
from gmoe._arrays import Blocks, Design
from gmoe.gates import GateRows, TopKGate
from gmoe.kernels.exact import affine_exact
from gmoe.kernels.rank import mask_others
from gmoe.part import Size
from gmoe.solvers.problem.objective import SCORE, Objective

K, D = 3, 2
GRID = all_gates(K)
KINDS = representatives(K)
ALL_SELECTED = {name: gate for name, gate in GRID.items() if gate.n_active == K}
each_gate = pytest.mark.parametrize("gate", KINDS.values(), ids=KINDS)


def coefficients(k=K, d=D, seed=0):
    """Scores up to 4, so that exp makes logits of some tens and no probability underflows."""
    return np.random.default_rng(seed).normal(size=(k, 1 + d))


def features(d=D, n=40, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, size=(n, d))


def temperature(gate):
    """Far from 1 where it is free."""
    return 1.7 if gate.estimated else gate.temperature


def model(gate, coef):
    """A model whose experts matter only to the density."""
    k = len(coef)
    experts = {"intercept": np.arange(k), "coef": np.zeros((k, coef.shape[1] - 1)), "variance": np.ones(k)}
    given = Parameters(coef[:, 0], coef[:, 1:], **experts, temperature=temperature(gate))
    return GMoE(given, gate)


def proba(gate, coef, X):
    return model(gate, coef).gate_proba(X)


def fill(gate, coef, x, m, **options):
    """All that the gate tells the kernels; nan where nothing was written."""
    rows = GateRows(*(np.full((len(coef), x.shape[1]), np.nan) for _ in GateRows._fields))
    gate.fill(*gate.natural(coef, temperature(gate)), x, m, rows, **options)
    return rows


@pytest.mark.parametrize("gate", GRID.values(), ids=GRID)
def test_probabilities_are_those_of_the_definition(gate):
    coef, X = coefficients(), features()
    p = proba(gate, coef, X)
    logits = pipeline(gate, natural=False).logits(X, coef[:, 0], coef[:, 1:], temperature(gate))
    # Logits up to 30, rounded at 4e-15 in several steps, and so are, relatively, their exponentials.
    assert np.allclose(p, reference.softmax(logits), rtol=0, atol=2e-14)
    assert np.allclose(p.sum(axis=1), 1, rtol=0, atol=4 * np.finfo(float).eps)  # K terms, each rounded
    assert np.all(p >= 0)
    assert np.array_equal(p > 0, np.isfinite(logits))


@each_gate
def test_of_equal_keys_the_lower_index_is_active(gate):
    coef = np.tile(coefficients(1), (K, 1))
    x = np.ascontiguousarray(features().T)
    expected = np.arange(K)[:, None] < np.full(x.shape[1], gate.n_active or K)
    assert np.array_equal(proba(gate, coef, x.T).T > 0, expected)
    assert np.array_equal(np.isfinite(fill(gate, coef, x, x.shape[1]).logit), expected)


@pytest.mark.parametrize("aliased", [False, True], ids=["by score", "by logit"])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_selection_among_many_ties(k, aliased):
    key = np.random.default_rng(k).integers(0, 3, (k, 300)).astype(float)
    for n_active in range(1, k + 1):
        logit = key.copy() if aliased else np.zeros(key.shape)
        mask_others(logit if aliased else key, 300, n_active, np.empty(key.shape), logit)
        ranked = np.argsort(-key, axis=0, kind="stable")
        assert np.array_equal(np.isfinite(logit), np.argsort(ranked, axis=0) < n_active)


@each_gate
@pytest.mark.parametrize("size", [700.0, 1e5])
def test_extreme_logits_stay_finite(gate, size):
    # exp(710) overflows, and exp(-746) of all experts but one is 0.
    coef = size * np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -2.0]])
    X, y = np.linspace(-1, 1, 21)[:, None], np.linspace(-3, 3, 21)
    made = model(gate, coef)
    p, log_density, posterior = made.gate_proba(X), made.log_density(X, y), made.responsibilities(X, y)
    for rows in (p, posterior):
        assert np.allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert np.all(np.isfinite(log_density))
    # Where one expert is alone the density is its own, whatever its logit: those of 1e5 are rounded at 1.5e-11.
    alone, expert = np.sort(p, axis=1)[:, -2] < 1e-30, p.argmax(axis=1)
    normal = -0.5 * (y - expert) ** 2 - 0.5 * np.log(2 * np.pi)
    assert np.allclose(log_density[alone], normal[alone], rtol=0, atol=1e-10)


@each_gate
@pytest.mark.parametrize("size", [700.0, 1e5])
def test_extreme_logits_stay_finite_in_fits(gate, size):
    coef = size * np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -2.0]])
    X, y = np.linspace(-1, 1, 21)[:, None], np.linspace(-3, 3, 21)
    design = Design(np.array([0]), np.zeros(1), np.eye(1), np.ones(1))
    objective = Objective(Blocks(X, y, None, design, design), gate, 3)
    made = model(gate, coef)
    expert, log_variance = made.parameters.expert, np.zeros(3)
    natural, shared = gate.natural(coef, temperature(gate))
    own = np.column_stack([expert, log_variance])
    evaluation = objective.evaluate(objective.join(natural, own, shared), SCORE)
    # Logits of 1e5 are rounded at 1.5e-11, larger ones must have been shifted.
    assert evaluation.value == pytest.approx(made.log_density(X, y).mean(), rel=1e-10)
    assert np.all(np.isfinite(evaluation.gradient))


@each_gate
def test_only_the_first_observations_count(gate):
    coef, x = coefficients(), np.ascontiguousarray(features().T)
    whole, part = fill(gate, coef, x, 40), fill(gate, coef, np.where(np.arange(40) < 17, x, np.nan), 17)
    for a, b in zip(whole, part, strict=True):
        # BLAS and exp may take other instructions for other lengths.
        assert np.allclose(a[:, :17], b[:, :17], rtol=1e-14, atol=1e-14, equal_nan=True)
        assert np.all(np.isnan(b[:, 17:]))


@each_gate
def test_exact_scores_are_the_same_scores(gate):
    coef, x = coefficients(), np.ascontiguousarray(features().T)
    fast, exact = fill(gate, coef, x, 40).logit, fill(gate, coef, x, 40, affine=affine_exact).logit
    assert np.allclose(fast, exact, rtol=1e-14, atol=1e-14)  # three products of size 1


@each_gate
def test_dense_gate_has_the_same_logits(gate):
    coef, shared = gate.natural(coefficients(), temperature(gate))
    x = np.ascontiguousarray(features().T)
    sparse, dense = np.empty((2, K, x.shape[1]))
    gate.fill(coef, shared, x, x.shape[1], GateRows.of(sparse))
    gate.dense().fill(coef, shared, x, x.shape[1], GateRows.of(dense))
    assert np.all(np.isfinite(dense))
    assert np.all((sparse == dense) | np.isinf(sparse))  # the same operations


@each_gate
def test_natural_coordinates_and_back(gate):
    coef, X = coefficients(), features()
    natural, shared = gate.natural(coef, temperature(gate))
    assert shared.shape == (gate.n_shared,)
    raw, back = gate.raw(natural, shared)
    if gate.estimated and gate.scale_free:
        # The temperature is gone: another one, the same gate.
        assert back == 1.0
        other = GMoE(dataclasses.replace(model(gate, raw).parameters, temperature=1.0), gate)
        assert np.allclose(other.gate_proba(X), proba(gate, coef, X), rtol=0, atol=1e-14)
    else:
        assert back == pytest.approx(temperature(gate), rel=1e-15)  # exp of a log
        assert np.allclose(raw, coef, rtol=1e-15, atol=0)
    again, same = gate.natural(raw, back)
    assert np.allclose(again, natural, rtol=1e-15, atol=0)  # a product and a quotient
    assert np.allclose(same, shared, rtol=1e-15, atol=1e-15)


@each_gate
def test_centring_is_allowed_where_the_intercept_takes_it_up(gate):
    coef, X, shift = coefficients(), features(n=400), np.array([0.6, -0.4])
    moved = coef.copy()
    moved[:, 0] -= coef[:, 1:] @ shift
    if gate.allows_centring:
        # Logits up to 30, sums in another order.
        assert np.allclose(proba(gate, moved, X + shift), proba(gate, coef, X), rtol=0, atol=1e-13)
    elif gate.is_sparse(K) and gate.selection.by.name == "score":
        # Other regions, whatever the intercept.
        assert np.any((proba(gate, coef, X) > 0) != (proba(gate, moved, X + shift) > 0))
    else:
        assert not gate.affine and gate.intercept == "outside"
        # The log-odds of two experts do not change by a constant.
        log_odds = [np.log(proba(gate.dense(), coef, x)) @ [1.0, -1.0, 0.0] for x in (X, X + shift)]
        assert np.ptp(log_odds[1] - log_odds[0]) > 0.01


@pytest.mark.parametrize("gate", ALL_SELECTED.values(), ids=ALL_SELECTED)
def test_a_selection_of_all_is_the_dense_gate(gate):
    """To the last bit, so that what holds of the one kind holds of the other."""
    dense, coef, x = dataclasses.replace(gate, n_active=None), coefficients(), np.ascontiguousarray(features().T)
    natural, shared = gate.natural(coef, temperature(gate))

    def told(one):
        yield from fill(one, coef, x, 40)
        yield from one.natural(coef, temperature(gate))
        yield from one.raw(natural, shared)
        yield from one.canonical(coef, temperature(gate))
        yield one.canonical_map(coef, 1.0)
        for size in (Size(K, 0), Size(K, D)):
            yield from (one.symmetry_of(size).flat, one.uninformed(size), one.symmetry_of(size).n_free)

    for a, b in zip(told(gate), told(dense), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not gate.is_sparse(K) and not gate.is_hard(K)
    # Nobody there looks at n_experts, so that a harmless shift of x may be forgone.
    assert gate.allows_centring <= dense.allows_centring


@each_gate
def test_gates_are_values(gate):
    other = dataclasses.replace(gate)
    assert gate == other
    assert hash(gate) == hash(other)
    assert pickle.loads(pickle.dumps(gate)) == gate
    assert (
        eval(repr(gate), {name: getattr(gmoe, name) for name in gmoe.__all__}) == gate
    )  # what is printed can be typed
    with pytest.raises(dataclasses.FrozenInstanceError):
        gate.n_active = 2


def test_different_settings_are_different_values():
    combinations = [gate for name, gate in GRID.items() if name not in list_gates()]
    assert len(set(combinations)) == len(combinations) > 400  # nothing has emptied the grid


def test_representatives_are_one_of_every_kind():
    every = [kind(gate, K) for gate in GRID.values()]
    chosen = [kind(gate, K) for gate in KINDS.values()]
    assert len(set(chosen)) == len(chosen) and set(chosen) == set(every)
    assert {name for name in list_gates() if isinstance(as_gate(name), Gate)} <= set(KINDS)
    # The kinds as products of settings, counted by hand: (activation, place of the intercept) by temperature by
    # selection (all, or one or two by either rule). Activations: identity; relu and its like; the odd ones; exp, which
    # inside has no estimated temperature; the rest. And five gates by thresholds, three by other selections.
    assert len(chosen) == (1 + 4 * 2) * 3 * (1 + 2 * 2) - 1 * (1 + 2 * 2) + 5 + 3
    assert {gate.activation.name for gate in KINDS.values()} == set(list_activations())


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("softmax", SoftmaxGate()),
        ("topk", TopKGate(1, "score")),
        ("topk:n_active=2,select_on=logit", Gate(n_active=2, select_on="logit")),
        ("dense_to_sparse", Gate(temperature="estimate")),
        ("dense_to_sparse:temperature=0.5", Gate(temperature=0.5)),
        ("activation", Gate("sigmoid", temperature="estimate")),
        ("activation:activation=tanh,temperature=1,intercept=inside", Gate("tanh", "inside")),
    ],
)
def test_as_gate(text, gate):
    assert text.partition(":")[0] in list_gates() == sorted(list_gates())
    assert as_gate(text) == gate
    assert as_gate(gate) is gate


def given(**changes):
    """Parameters of two experts and one gate feature."""
    settings = {
        "gate_intercept": np.zeros(2),
        "gate_coef": np.ones((2, 1)),
        "intercept": np.zeros(2),
        "coef": np.zeros((2, 0)),
        "variance": np.ones(2),
    }
    return Parameters(**{**settings, **changes})


NO_FEATURE = {"gate_coef": np.ones((2, 0))}
# What is wrong, the kind of error, and what the message says: what was given, what was expected or what to do.
BAD = {
    "n_active 0": (lambda: Gate(n_active=0), ValueError, r"n_active must be >= 1, got 0"),
    "n_active 1.5": (lambda: Gate(n_active=1.5), TypeError, r"n_active must be an integer >= 1, got 1.5"),
    "n_active True": (lambda: Gate(n_active=True), TypeError, r"n_active must be an integer >= 1, got True"),
    "n_active > k": (lambda: GMoE(given(), TopKGate(3)), ValueError, r"n_active=3 .* n_experts=2; use 1 to 2"),
    "temperature 0": (lambda: Gate(temperature=0), ValueError, r"temperature must be positive and finite, got 0"),
    "temperature -1": (lambda: Gate(temperature=-1.0), ValueError, r"temperature must be positive .* got -1.0"),
    "temperature nan": (lambda: Gate(temperature=np.nan), ValueError, r"temperature must be positive .* got nan"),
    "temperature inf": (lambda: Gate(temperature=np.inf), ValueError, r"temperature must be positive .* got inf"),
    "temperature None": (lambda: Gate(temperature=None), TypeError, r"temperature must be a positive .* got None"),
    "temperature word": (lambda: Gate(temperature="x"), ValueError, r"positive number or 'estimate', got 'x'"),
    "activation": (lambda: Gate("swish"), ValueError, r"'swish'; known: arctan, .*tanh.*pass an Activation"),
    "activation None": (lambda: Gate(None), TypeError, r"name or an Activation, got None; known: arctan"),
    "activation list": (lambda: Gate(["tanh"]), TypeError, r"an Activation, got \['tanh'\]; known: arctan"),
    "intercept": (lambda: Gate("tanh", "both"), ValueError, r"intercept 'both'; known: 'outside', 'inside'"),
    "select_on": (lambda: Gate(n_active=1, select_on="x"), ValueError, r"select_on 'x'; known: logit, score"),
    "inside identity": (lambda: Gate(intercept="inside"), ValueError, r"'inside' with the identity .* leave it out"),
    "inside exp": (lambda: Gate("exp", "inside", "estimate"), ValueError, r"fixed temperature, or intercept='outside'"),
    "score of nothing": (
        lambda: GMoE(given(**NO_FEATURE), "topk"),
        ValueError,
        r"add one, or drop n_active or threshold",
    ),
    "inside of nothing": (
        lambda: GMoE(given(**NO_FEATURE), Gate("tanh", "inside")),
        ValueError,
        r"Without gate features .* use intercept='outside'",
    ),
    "other temperature": (
        lambda: GMoE(given(temperature=0.5), Gate(temperature=0.7)),
        ValueError,
        r"temperature 0.5, .* at 0.7; give parameters of that",
    ),
    "scale of softmax": (lambda: SoftmaxGate().canonical(np.eye(2), scale="temperature=1"), ValueError, r"no free"),
    "scale": (lambda: SoftmaxGate().canonical(np.eye(2), scale=1), ValueError, r"None or 'temperature=1', got 1"),
    "name": (lambda: as_gate("sofmax"), ValueError, r"'sofmax'; known gates: activation, .*topk"),
    "setting": (lambda: as_gate("topk:k=2"), ValueError, r"'k=2' .*'topk'.*n_active"),
    "class": (lambda: as_gate(SoftmaxGate), TypeError, r"name or a Gate, got function; names: .*softmax"),
    "None": (lambda: as_gate(None), TypeError, r"name or a Gate, got NoneType; names: .*softmax"),
}


@pytest.mark.parametrize(("make", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_input(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


# Fits of every kind of input with a gate for every branch, then one line per kernel: its name and its types.
EXERCISE = """
import importlib, pkgutil, warnings
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.types import unliteral
import gmoe.gates, gmoe.kernels, gmoe.solvers.ascent.newton
from gmoe import GaussianMoERegressor, _arrays, Gate

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, w = rng.normal(size=(300, 3)), rng.uniform(size=300)
y = np.where(X[:, 0] > 0, 2 * X[:, 1], -X[:, 1]) + 0.3 * rng.normal(size=300)
frozen = X.copy()
frozen.flags.writeable = False
inputs = [(X, y, None), (X.astype("f4"), y.astype("f4"), w.astype("f4")), (np.asfortranarray(X), y[::-1][::-1], w),
          (frozen, y, w), (X[::2, ::-1], y[::2], w[::2])]
columns = [{}, {"gate_features": [], "expert_features": [0]}, {"gate_features": [0, 1], "expert_features": [2]}]
sparse = [Gate(n_active=1, select_on="logit"), Gate("gelu", "inside", "estimate", n_active=2),
          Gate("sigmoid", temperature=0.7, n_active=np.int64(2), select_on="logit")]
# Every input with softmax; then a gate for every branch, with an input of another kind each.
runs = [(Gate(), solver, i, 2) for solver in ("em", "mle") for i in range(5)]
runs += [(Gate("tanh", temperature="estimate"), "mle", 1, 2), (Gate("relu", "inside"), "mle", 2, 2)]
runs += [(gate, "mle", i, 3) for i, gate in enumerate(sparse)]
for number, (gate, solver, i, k) in enumerate(runs):
    # The last two once more, the way of problems with many parameters.
    gmoe.solvers.ascent.newton.EXACT_LIMIT = 0 if number >= len(runs) - 2 else 120
    A, b, weight = inputs[i]
    chosen = {} if gate.is_sparse(k) or gate.intercept == "inside" else columns[i % 3]
    model = GaussianMoERegressor(k, gate=gate, solver=solver, n_init=1, max_iter=3, random_state=0, **chosen)
    model.fit(A, b, sample_weight=weight)
    model.score_samples(A, b), model.predict_gate(A)
modules = [importlib.import_module(f"{package.__name__}.{m.name}") for package in (gmoe.kernels, gmoe.gates)
           for m in pkgutil.iter_modules(package.__path__)]
for module in [*modules, _arrays]:
    for name, kernel in vars(module).items():
        if isinstance(kernel, Dispatcher) and kernel.__module__ == module.__name__:
            print(module.__name__, name, len({tuple(map(unliteral, types)) for types in kernel.signatures}))
"""


def test_each_kernel_is_compiled_for_one_set_of_types():
    # Whatever users pass, kernels see one layout: else first calls would take seconds again and again.
    run = subprocess.run([sys.executable, "-c", EXERCISE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    counts = {name: int(count) for _, name, count in map(str.split, run.stdout.splitlines())}
    called = {"gaussian_mixture", "hessian", "gather", "affine_rows", "affine_exact", "_scale_block"}
    called |= {"change", "mask_others"}
    assert called <= set(counts)
    assert {name: count for name, count in counts.items() if count > 1} == {}
    # Zero only for what is compiled inside of others and comes with them from the cache.
    assert all(counts[name] == 1 for name in called)
