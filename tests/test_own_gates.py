"""What a gate is made of, the package's or a user's own: it is what it says, and what a fit says of it is true."""

import dataclasses
import warnings

import joblib
import numpy as np
import own
import pytest
from joblib.externals.loky import get_reusable_executor
from problems import declared
from sklearn.exceptions import ConvergenceWarning

from gmoe import Gate, GaussianMoERegressor, GMoE, Key, Parameters, TopK, as_gate, list_activations, list_gates
from gmoe.gates import Activation, as_activation, as_key, keys, list_keys, register_key
from gmoe.metrics import voronoi_loss
from gmoe.part import Size
from gmoe.theory import predict

ACTIVATIONS = {name: as_activation(name) for name in list_activations()} | own.ACTIVATIONS
KEYS = {name: as_key(name) for name in list_keys()} | own.KEYS
OWN = own.KEYS.items()
# The first activation of every kind, and all of one's own.
FIRST = {declared(activation): name for name, activation in reversed(ACTIVATIONS.items())}.values()
EVERY = {name: gate for name in list_gates() if isinstance(gate := as_gate(name), Gate)}
for name, activation in ACTIVATIONS.items():
    if name not in FIRST and name not in own.ACTIVATIONS:
        continue
    EVERY[name] = Gate(activation)
    EVERY[f"{name}, sparse"] = Gate(activation, n_active=2)
    EVERY[f"{name}, estimated"] = Gate(activation, temperature="estimate")
    if not activation.affine:
        EVERY[f"{name}, inside"] = Gate(activation, "inside")
for name, rule in KEYS.items():
    for n_active in (1, 2):
        EVERY[f"{name}, {n_active} active"] = Gate(n_active=n_active, select_on=rule)
        EVERY[f"{name}, {n_active} active, tanh"] = Gate("tanh", "inside", n_active=n_active, select_on=rule)
HARD = {name: gate for name, gate in EVERY.items() if gate.selection.hard}
SPARSE = {name: gate for name, gate in EVERY.items() if gate.selection.selects}


def each(gates):
    return pytest.mark.parametrize("gate", gates.values(), ids=gates)


def data(n=80):
    """Off zero, so that centring moves regions by score, and in units of their own."""
    rng = np.random.default_rng(3)
    X = [5.0, -1.0] + [5.0, 1.0] * rng.normal(size=(n, 2))
    first = rng.random(n) < 1 / (1 + np.exp(-0.5 * X[:, 0] - X[:, 1]))
    return X, 40.0 + np.where(first, 3 * X[:, 1], -X[:, 1]) + rng.normal(size=n)


def fit(gate):
    """A short fit, which need not come to an end for its value to be that of its model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        k = 3 if gate.selection.selects else 2
        return GaussianMoERegressor(k, gate, n_init=1, max_iter=10, random_state=0).fit(*data())


def likelihoods(gate):
    """Of a fit from data: the certificate's, and the returned model's own; and the gate that came back."""
    fitted = fit(gate)
    return fitted.fit_result_.log_likelihood, fitted.model_.log_density(*data()).sum(), fitted.model_.gate


@each(EVERY)
def test_certificate_is_of_the_returned_model(gate):
    certified, sum_of_densities, _ = likelihoods(gate)
    # Sums of 100 terms of scaled and of raw coordinates; a certificate of another model is off by much more.
    assert certified == pytest.approx(sum_of_densities, rel=1e-9)


def test_gates_reach_another_process():
    gates = [Gate(n_active=2, select_on=rule) for rule in own.KEYS.values()]
    gates += [Gate(activation) for activation in own.ACTIVATIONS.values()]
    try:
        there = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(own.log_density)(gate) for gate in gates)
    finally:
        get_reusable_executor().shutdown(wait=True)
    assert [gate for gate, _ in there] == gates
    np.testing.assert_array_equal([value for _, value in there], [own.log_density(gate)[1] for gate in gates])


def model(gate, coef, temperature=1.0):
    k = len(coef)
    return GMoE(Parameters(coef[:, 0], coef[:, 1:], np.arange(k), np.ones((k, 2)), np.full(k, 0.5), temperature), gate)


@each(SPARSE)
@pytest.mark.parametrize("k", [2, -2, 3])
def test_what_a_gate_leaves_open_changes_nothing(gate, k):
    k, sign = abs(k), np.sign(k)  # of two experts one and its mirror image
    if k == 2 and gate.selection.by.name == "distance" and gate.is_sparse(k):
        with pytest.raises(ValueError, match="'distance' gives some of 2 experts equal keys"):
            gate.check(k, 2)
        return
    rng = np.random.default_rng(k)
    coef, X = sign * rng.normal(size=(k, 3)), rng.uniform(-1, 1, (300, 2))
    natural, shared = gate.natural(coef, 1.0)
    before = model(gate, coef).gate_proba(X)
    flat = gate.symmetry(k, 3).flat
    for direction in flat.T:
        for size in (-2.0, 0.7):
            moved, temperature = gate.raw(natural + size * direction[: 3 * k].reshape(k, 3), shared)
            # Logits of size 10, rounded.
            np.testing.assert_allclose(model(gate, moved, temperature).gate_proba(X), before, atol=1e-13)
    np.testing.assert_allclose(model(gate, coef).canonical().gate_proba(X), before, atol=1e-13)
    assert gate.n_free(k, 3) <= 3 * k + gate.n_shared - flat.shape[1]


@each({name: gate for name, gate in SPARSE.items() if gate.activation.degree == 1.0})
def test_the_scale_of_the_keys_holds_the_selection(gate):
    # Homogeneous of degree 1: they are straight lines.
    rng = np.random.default_rng(0)
    coef, X = rng.normal(size=(3, 3)), rng.uniform(-1, 1, (300, 2))
    before = model(gate, coef).gate_proba(X) > 0
    scale = gate.symmetry(3, 3).scale
    scales = [scale.direction(coef, np.empty(0))] if scale else []
    for direction in [*np.eye(9)[gate.unseen(Size(3, 2))], *scales]:
        after = model(gate, coef + 0.5 * direction.reshape(3, 3)).gate_proba(X) > 0
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("name", "hard", "sparse"),
    [
        ("score2", 3, 6),  # slopes up to translation and scale; rows up to translation
        ("cautious score", 6, 8),  # slopes; all but one intercept
        ("distance", 5, 6),  # rows up to translation and scale, or translation
        ("sum", 6, 6),
        ("mixture", 9, 9),
        ("size", 8, 9),  # rows up to scale
        ("product", 8, 9),
    ],
)
def test_free_parameters_counted_by_hand(name, hard, sparse):
    counted = [Gate(n_active=n, select_on=own.KEYS[name]).n_free(3, 3) for n in (1, 2)]
    assert counted == [hard, sparse]
    # Three of three is no selection at all.
    assert Gate(n_active=3, select_on=own.KEYS[name]).n_free(3, 3) == 6


def test_score_under_another_name_is_score():
    for gate in (Gate(n_active=1), Gate(n_active=2), Gate("tanh", "inside", n_active=2)):
        one, other = fit(gate), fit(dataclasses.replace(gate, selection=TopK(gate.n_active, own.SCORE)))
        assert one.fit_result_.log_likelihood == other.fit_result_.log_likelihood
        assert one.fit_result_.notes == other.fit_result_.notes
        assert one.fit_result_.n_free_parameters == other.fit_result_.n_free_parameters


def test_a_scale_that_is_not_declared_separates_nothing():
    # Without a direction in which keys keep their ranks there was one of length zero, along which nothing falls.
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (500, 1))
    truth = Parameters([0, 0.5, -0.5], [[1.0], [0.0], [-1.0]], [1, -1, 3], [[2], [0], [-2]], np.full(3, 0.1))
    y, _ = GMoE(truth, Gate(n_active=2)).sample(X, rng)
    for name in ("score2", "cautious score"):
        gate = Gate(n_active=2, select_on=own.KEYS[name])
        result = GaussianMoERegressor(3, gate, init=truth).fit(X, y).fit_result_
        assert result.status == "converged" and not result.separated


def test_no_standard_errors_for_what_moves_regions_alone():
    # Two clusters, and no observation where the selection changes: a maximum that is smooth in all directions.
    gate, k = Gate(n_active=2, select_on=own.KEYS["mixture"]), 3
    rng = np.random.default_rng(0)
    X = np.repeat([-1.0, 1.0], 1000)[:, None] * rng.uniform(1.0, 4.0, (2000, 1))
    truth = Parameters(np.zeros(k), [[-0.6], [0.0], [0.6]], [0.0, 4.0, 8.0], np.zeros((k, 1)), np.full(k, 0.3))
    y, _ = GMoE(truth, gate).sample(X, rng)
    result = GaussianMoERegressor(k, gate, init=truth).fit(X, y).fit_result_
    assert result.status == "converged" and not result.selection_held
    notes = dict(zip(result.parameter_names, result.notes, strict=True))
    assert {note for name, note in notes.items() if name.startswith("gate_")} == {"boundary"}
    assert {note for name, note in notes.items() if not name.startswith("gate_")} == {""}


def test_own_identity_is_the_identity():
    linear = own.ACTIVATIONS["linear"]
    assert linear.affine and Gate(linear, n_active=2) == Gate(n_active=2)
    with pytest.raises(ValueError, match="'inside' with the identity"):
        Gate(linear, "inside")
    rng = np.random.default_rng(0)
    coef = rng.normal(size=(3, 3))
    moved = model(Gate(linear), coef + [1.0, 2.0, -0.5])
    # Rounding of the infimum over translations.
    assert voronoi_loss(moved, model(Gate(linear), coef)).value < 1e-12
    assert voronoi_loss(moved, model(Gate(), coef)).value < 1e-12


def test_own_exponential_is_an_exponential():
    with pytest.raises(ValueError, match=r"power_of_two\(score \+ intercept\) .* Use a fixed temperature"):
        Gate(own.ACTIVATIONS["power_of_two"], "inside", "estimate")


def test_own_exponential_does_not_overflow():
    power = own.ACTIVATIONS["power_of_two"]
    assert np.all(np.isfinite(power([-1e150, 1e150])))
    np.testing.assert_array_equal(power([-100.0, 0.5, 200.0]), 2.0 ** np.array([-100.0, 0.5, 200.0]))
    # A slope beyond would be that of no value, and send a solver to infinity.
    for activation in (power, as_activation("exp")):
        value, *derivatives = activation.at(np.array([600.0, 700.0]))
        assert value[0] == value[1] and not np.any(derivatives)


@pytest.mark.parametrize("name", list_activations())
def test_traits_are_found_out(name):
    # Those of the package are declared, and not checked at import.
    given = as_activation(name)
    assert Activation(name, given.derivatives) == given


def test_traits_of_own_activations():
    found = {
        name: (a.meets_first_order_condition, a.degree, a.odd, a.affine, a.exponential)
        for name, a in own.ACTIVATIONS.items()
    }
    assert found == {
        "linear": (False, 1.0, True, True, False),
        "power_of_two": (True, None, False, False, True),
        "softsign": (True, None, True, False, False),
        "cube": (False, 3.0, True, False, False),
    }


def of(value, first, second):
    """Derivatives of three functions."""
    return lambda z: iter((value(z), first(z), second(z)))


SQUARE = of(np.square, lambda z: 2 * z, lambda z: np.full_like(z, 2.0))
WRONG_ACTIVATIONS = {
    "no odd function": (lambda: Activation("f", SQUARE, odd=True), "declared odd=True, but .* odd=False"),
    "another degree": (lambda: Activation("f", SQUARE, degree=3.0), "declared degree=3.0, but .* degree=2.0"),
    "no degree": (lambda: Activation("f", own.softsign, degree=1.0), "declared degree=1.0, but .* degree=None"),
    "no exponential": (lambda: Activation("f", SQUARE, exponential=True), "exponential=True"),
    "an exponential": (lambda: Activation("f", own.power_of_two, exponential=False), "exponential=False"),
    "not affine": (lambda: Activation("f", own.softsign, affine=True), "affine=True"),
    "affine": (lambda: Activation("f", own.linear, affine=False), "affine=False, but its values say affine=True"),
    "a first-order condition": (lambda: Activation("f", SQUARE, True), "meets_first_order_condition=True"),
    "first derivative": (
        lambda: Activation("f", of(np.tanh, np.ones_like, np.zeros_like)),
        "The first derivative of activation 'f' is 1 at 0.0731, where differences give 0.994",
    ),
    "second derivative": (
        lambda: Activation("f", of(np.square, lambda z: 2 * z, np.ones_like)),
        "The second derivative of activation 'f' is 1 at 0.0731, where differences give 2",
    ),
    "too few": (lambda: Activation("f", lambda z: iter((z, np.ones_like(z)))), "must yield value, first and second"),
    "not finite": (lambda: Activation("f", of(np.sqrt, np.sqrt, np.sqrt)), "must yield value, .* finite"),
    "another shape": (lambda: Activation("f", lambda z: iter((z, 1.0, 0.0))), "of the argument's shape"),
    "not by entry": (
        lambda: Activation("f", of(lambda z: z - z.mean(axis=-1, keepdims=True), np.ones_like, np.zeros_like)),
        "each entry of an array by itself",
    ),
    "another scale": (
        lambda: Activation("f", of(lambda z: 2 * z, lambda z: np.full_like(z, 2.0), np.zeros_like)),
        "'f' is 2 z, the identity on another scale: use 'identity'",
    ),
    "a constant": (
        lambda: Activation("f", of(lambda z: z + 1, np.ones_like, np.zeros_like)),
        "without effect. Leave the constant out",
    ),
    "logarithm": (
        lambda: Activation("f", of(lambda z: np.log(np.abs(z)), lambda z: 1 / z, lambda z: -1 / z**2)),
        r"C log\|z\| \+ const",
    ),
    "inverse": (lambda: Activation("f", of(lambda z: 1 / z, lambda z: -1 / z**2, lambda z: 2 / z**3)), "or p <= 0"),
    "step": (lambda: Activation("f", of(np.sign, np.zeros_like, np.zeros_like)), "or a constant"),
}


def rule(keys, sees_score=False, sees_logit=True, **traits):
    return Key("r", keys, sees_score, sees_logit, **traits)


def biased(score, logit):
    yield logit + np.arange(len(logit))[:, None]
    yield 0.0
    yield 1.0


def batched(score, logit):
    yield logit - logit.mean(axis=1, keepdims=True)
    yield 0.0
    yield np.full(logit.shape, 1.0 - 1.0 / logit.shape[1])


def wrong_slope(score, logit):
    yield logit**2
    yield 0.0
    yield logit


def nothing(score, logit):
    yield np.zeros_like(logit)
    yield 0.0
    yield 0.0


WRONG_KEYS = {
    "silent": (
        lambda: Key("r", own.by_size),
        "'r' does not say what it looks at; pass sees_score and sees_logit",
    ),
    "half silent": (lambda: Key("r", own.by_size, sees_logit=True), "does not say what it looks at"),
    "sees no score": (lambda: rule(own.by_size, True), "says sees_score=True, but its keys do not depend on them"),
    "sees score": (lambda: rule(own.by_sum), "says sees_score=False, but its keys depend on them"),
    "sees logit": (lambda: rule(own.by_sum, True, False), "says sees_logit=False, but its keys depend on them"),
    "sees nothing": (lambda: rule(nothing, False, False), "must see scores or logits"),
    "translation": (lambda: rule(own.by_size, translation_invariant=True), "translation_invariant=True, but its ranks"),
    "scale": (lambda: rule(own.by_sum, True, scale_invariant=True), "scale_invariant=True, but its ranks change"),
    "biased": (lambda: rule(biased), "must treat all experts alike"),
    "batched": (lambda: rule(batched), "must look at one observation at a time"),
    "slope": (lambda: rule(wrong_slope), "derivative in an expert's own logit of key 'r'"),
    "rows": (lambda: rule(lambda score, logit: iter((logit, 0.0))), "must yield finite keys"),
    "shape": (lambda: rule(lambda score, logit: iter((logit[0], 0.0, 1.0))), "must yield finite keys"),
    "function": (
        lambda: Gate(n_active=1, select_on=own.by_size),
        "select_on must be a name or a Key.*sees_score=",
    ),
    "temperature": (
        lambda: Gate(temperature="estimate", n_active=2, select_on=own.KEYS["sum"]),
        "must be scale_invariant, and TopK.n=2, by='sum'. does not say it is.*Use temperature=1",
    ),
    "theory": (
        lambda: predict(Gate(n_active=2, select_on=own.KEYS["size"]), (1, 1, 1)),
        "by='size'. does not say",
    ),
    "loss": (
        lambda: voronoi_loss(*[model(Gate(n_active=2, select_on=own.KEYS["size"]), np.eye(3))] * 2),
        "by='size'. does not say",
    ),
}


@pytest.mark.parametrize(("make", "message"), (WRONG := WRONG_ACTIVATIONS | WRONG_KEYS).values(), ids=WRONG)
def test_what_is_not_true_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_equal_gates_are_equal():
    assert Gate(select_on="logit") == Gate() == Gate(select_on=own.SCORE)
    assert Gate(n_active=2, select_on="logit") != Gate(n_active=2)
    assert as_gate("softmax:select_on=logit,n_active=2") == Gate(n_active=2, select_on="logit")


def test_register_key(monkeypatch):
    monkeypatch.setattr(keys, "_REGISTRY", keys._REGISTRY.copy())
    rule = own.KEYS["distance"]
    assert register_key(rule) is rule
    assert register_key(dataclasses.replace(rule)) == rule  # again, as a reload does
    assert as_gate("topk:select_on=distance").selection.by is rule
    assert "distance" in list_keys() == sorted(list_keys())
    assert repr(Gate(n_active=1, select_on=rule)) == "TopKGate(n_active=1, select_on='distance')"
    with pytest.raises(ValueError, match="a key 'distance' already; give this one another name"):
        register_key(Key("distance", own.by_size, False, True))
