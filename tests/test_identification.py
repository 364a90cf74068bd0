"""What a gate leaves open: flat directions, canonical form, free parameters. Over all kinds, as in test_gates.py."""

import numpy as np
import pytest
import reference
from problems import draw, pipeline, representatives

from gmoe import Gate, GMoE, Parameters, SoftmaxGate
from gmoe.gates import Activation, mirrored, pinned
from gmoe.part import Size


def cube(z):
    """An odd homogeneous activation, of which there is none among the registered."""
    yield z**3
    yield 3 * z**2
    yield 6 * z


CUBE = Activation("cube", cube, meets_first_order_condition=False, degree=3.0, odd=True)
KINDS = representatives(3)
each_gate = pytest.mark.parametrize("gate", KINDS.values(), ids=KINDS)
REFERENCE = 2  # not the default, which others than these tests use


def usable(gates, k, q):
    """Gates that suit so many experts and columns."""

    def suits(gate):
        try:
            gate.check(k, q - 1)
        except ValueError:
            return False
        return True

    return {name: gate for name, gate in gates.items() if suits(gate)}


PAIRS = usable(KINDS, 2, 3)
ODD = {name: g for name, g in PAIRS.items() if g.activation.odd and not g.affine}
# A hard gate without features is one expert, whatever it is made of.
CONSTANT = {name: gate for name, gate in usable(KINDS, 3, 1).items() if not gate.is_hard(3)}
FREE = {name: gate for name, gate in KINDS.items() if gate.estimated and gate.scale_free and not gate.is_hard(3)}
FREE["cube"] = Gate(CUBE, temperature="estimate")  # another power for slopes than for intercepts
SPARSE = {name: gate for name, gate in KINDS.items() if gate.is_sparse(3)}
SHAPES = {f"{k}-{name}": (gate, (k, 3)) for k in (1, 2, 3) for name, gate in usable(KINDS, k, 3).items()}
each_shape = pytest.mark.parametrize(("gate", "shape"), SHAPES.values(), ids=SHAPES)


def mirror(coef):
    """Exchange the rows of two experts, with changed sign: outside intercepts keep their difference."""
    return -coef[::-1]


def is_mirrored(gate, coef):
    symmetry = gate.symmetry(*coef.shape)
    return mirrored(symmetry, coef, np.zeros(symmetry.n_shared)) is not None


def point(gate, shape=(3, 3), seed=0):
    """Parameters with their temperature."""
    return np.random.default_rng(seed).normal(size=shape), 1.7 if gate.estimated else gate.temperature


def features(q=3, n=300):
    return np.random.default_rng(1).uniform(-1, 1, size=(n, q - 1))


def proba(gate, coef, temperature, X):
    """By the definition, not by the gate."""
    return reference.softmax(pipeline(gate, natural=False).logits(X, coef[:, 0], coef[:, 1:], temperature))


def natural_point(gate, shape=(3, 3)):
    coef, shared = gate.natural(*point(gate, shape))
    return np.append(coef.ravel(), shared)


def scaled(gate, coef, temperature, factor):
    """Another member of the class: a common scale of what ranks the experts, or of parameters and temperature."""
    powers = np.ones(coef.shape[1])
    if gate.activation.degree is not None and gate.intercept == "outside":
        powers[0] = gate.activation.degree
    by_logit = gate.activation.degree is not None
    if gate.is_hard(len(coef)) and (gate.selection.by.name == "score" or by_logit):
        return coef * factor**powers, temperature
    if gate.estimated and by_logit and not gate.is_sparse(1):
        return coef * factor**powers, temperature * factor**gate.activation.degree
    return coef, temperature


def members(gate, coef, temperature):
    """Other parameters with the same probabilities everywhere."""
    natural, shared = gate.natural(coef, temperature)
    flat = gate.symmetry(*coef.shape).flat
    step = flat @ np.linspace(0.7, -0.4, flat.shape[1])
    size = coef.size
    moved = gate.raw(natural + step[:size].reshape(coef.shape), shared + step[size:])
    yield moved
    yield scaled(gate, coef, temperature, 1.9)
    if gate.estimated and gate.n_active == 1:
        yield coef, 0.6  # divides all keys
    # A translation of scores and logits: no image where these move what is selected.
    if len(coef) == 2 and gate.activation.odd and gate.selection.translation_invariant:
        yield mirror(coef), temperature


def assert_canonical(gate, coef, temperature, X, reference_expert):
    form = gate.canonical(coef, temperature, reference_expert)
    # Logits of size 10 are rounded at 2e-15, and so are, relatively, their exponentials; scales cost some more.
    assert np.allclose(proba(gate, *form, X), proba(gate, coef, temperature, X), rtol=0, atol=3e-14)
    again = gate.canonical(*form, reference_expert)
    # The least norm is found to 1e-15 of the log of the temperature, which is squared away: 1e-13 is seen.
    assert np.allclose(again[0], form[0], rtol=1e-12, atol=1e-13)
    assert again[1] == pytest.approx(form[1], rel=1e-12)
    for moved in members(gate, coef, temperature):
        assert np.allclose(proba(gate, *moved, X), proba(gate, coef, temperature, X), rtol=0, atol=3e-14)
        same = gate.canonical(*moved, reference_expert)
        assert np.allclose(same[0], form[0], rtol=1e-12, atol=1e-12)
        assert same[1] == pytest.approx(form[1], rel=1e-12)


@each_gate
def test_canonical_is_the_same_density_and_one_of_its_class(gate):
    assert_canonical(gate, *point(gate), features(), REFERENCE)


@pytest.mark.parametrize("gate", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("seed", [0, 1])  # one of each sign of the slopes' sum
def test_canonical_with_two_experts(gate, seed):
    assert_canonical(gate, *point(gate, (2, 3), seed), features(), 1)


@pytest.mark.parametrize("gate", CONSTANT.values(), ids=CONSTANT)
def test_canonical_of_a_constant_gate(gate):
    assert_canonical(gate, *point(gate, (3, 1)), features(1), 0)


@pytest.mark.parametrize("gate", ODD.values(), ids=ODD)
def test_one_of_two_mirror_images_is_canonical(gate):
    coef, _ = point(gate, (2, 3))
    if gate.is_hard(2) and gate.selection.by.name == "score":
        assert not is_mirrored(gate, coef)  # a translation already
    else:
        assert is_mirrored(gate, coef) != is_mirrored(gate, mirror(coef))


@pytest.mark.parametrize("temperature", [0.7, "estimate"])
@pytest.mark.parametrize("n_active", [None, 1])
@pytest.mark.parametrize("intercept", ["outside", "inside"])
def test_canonical_of_another_degree(intercept, n_active, temperature):
    for k in (2, 3):
        for select_on in ("score", "logit"):
            gate = Gate(CUBE, intercept, temperature, n_active, select_on)
            assert_canonical(gate, *point(gate, (k, 3)), features(), 1)


@each_gate
def test_model_canonical_is_the_same_density(gate):
    coef, temperature = point(gate)
    experts = {"intercept": np.arange(3), "coef": np.zeros((3, 2)), "variance": np.ones(3)}
    model = GMoE(Parameters(coef[:, 0], coef[:, 1:], **experts, temperature=temperature), gate)
    X, y = features(), np.linspace(-2, 4, 300)
    for options in [{}, {"reference": 2}] + [{"scale": "temperature=1"}] * (gate.estimated and gate.scale_free):
        form = model.canonical(**options)
        assert np.allclose(form.log_density(X, y), model.log_density(X, y), rtol=0, atol=1e-13)  # logits of size 10
    if "scale" in options:
        assert form.parameters.temperature == 1.0


@each_gate
def test_permuted_experts_have_the_permuted_canonical_form(gate):
    coef, temperature = point(gate)
    order = np.array([1, 2, 0])
    form, own = gate.canonical(coef, temperature, reference=order[REFERENCE])
    other, same = gate.canonical(coef[order], temperature, reference=REFERENCE)
    # Norms are sums in another order.
    assert np.allclose(other, form[order], rtol=1e-14, atol=1e-15)
    assert same == pytest.approx(own, rel=1e-14)


@pytest.mark.parametrize(
    ("gate", "shape", "expected"),
    [
        (SoftmaxGate(), (3, 4), 8),
        (Gate(n_active=1), (3, 4), 5),  # two differences of slopes, up to their scale
        (Gate(n_active=1, select_on="logit"), (3, 4), 7),  # and of intercepts, up to the scale of all
        (Gate("tanh", n_active=1, select_on="logit"), (3, 4), 11),  # no scale: all but one intercept
        (Gate("tanh", "inside", n_active=1, select_on="logit"), (3, 4), 12),
        (Gate("relu", "inside", n_active=1, select_on="logit"), (3, 4), 11),
        (Gate("tanh", temperature="estimate"), (3, 4), 12),
        (Gate(temperature="estimate"), (3, 4), 8),
        (Gate("tanh", "inside", "estimate"), (1, 4), 0),
    ],
    ids=str,
)
def test_free_parameters_counted_by_hand(gate, shape, expected):
    assert gate.n_free(*shape) == expected


@each_gate
def test_canonical_map_is_the_jacobian(gate):
    one = "temperature=1" if gate.estimated and gate.scale_free else None
    form, temperature = gate.canonical(*point(gate), REFERENCE, one)
    natural, shared = gate.natural(form, temperature)
    theta, step = np.append(natural.ravel(), shared), 1e-5

    def canonical(theta):
        raw = gate.raw(theta[:9].reshape(3, 3), theta[9:])
        coef, own = gate.canonical(*raw, REFERENCE, one)
        return np.append(coef.ravel(), own)

    assert np.allclose(canonical(theta), np.append(form.ravel(), temperature), rtol=0, atol=1e-14)
    expected = np.array([canonical(theta + step * e) - canonical(theta - step * e) for e in np.eye(theta.size)]).T
    difference = gate.canonical_map(form, temperature, REFERENCE) - expected / (2 * step)
    # The scale of a hard gate is held, where canonical itself fixes its length: they differ along it alone.
    along = scaled(gate, form, 1.0, 1.0 + step)[0] - scaled(gate, form, 1.0, 1.0 - step)[0]
    if gate.is_hard(3) and along.any():
        along = np.append(along.ravel(), 0.0) / np.linalg.norm(along)
        difference -= np.outer(along, along @ difference)
    # Rounding of some 1e-16 over the step, and third derivatives times its square.
    assert np.allclose(difference, 0, rtol=0, atol=1e-9)


@each_gate
def test_pinned_entries_are_exact_zeros(gate):
    # Printed tables and standard errors rely on it.
    form, _ = gate.canonical(*point(gate))
    assert np.array_equal(form == 0.0, pinned(gate.symmetry(3, 3)))


def keys(gate, theta, X):
    """What ranks three experts, less that of the first."""
    coef, shared = theta[:9].reshape(3, 3), theta[9:]
    if gate.selection.by.name == "logit":
        key = pipeline(gate.dense(), natural=False).logits(X, *gate_units(gate, coef, shared))
    else:
        key = X @ coef[:, 1:].T
    return key - key[:, :1]


def gate_units(gate, coef, shared):
    """Intercept, slopes and temperature in the units of the natural gate."""
    temperature = np.exp(shared[0]) if len(shared) else pipeline(gate).temperature
    return coef[:, 0] * (temperature if gate.intercept == "outside" else 1.0), coef[:, 1:], temperature


@pytest.mark.parametrize("gate", SPARSE.values(), ids=SPARSE)
def test_unseen_parameters_and_the_scale_of_the_keys_change_no_selection(gate):
    theta, X, step = natural_point(gate), features(), 1e-5
    before = keys(gate, theta, X)
    scale = gate.symmetry(3, 3).scale
    scales = [scale.direction(theta[:9].reshape(3, 3), theta[9:])] if scale else []
    for direction in [*np.eye(len(theta))[gate.unseen(Size(3, 2))], *scales]:
        change = (keys(gate, theta + step * direction, X) - keys(gate, theta - step * direction, X)) / (2 * step)
        # Differences of keys change in proportion, so that ranks stay; up to rounding over the step.
        factor = np.sum(change * before) / np.sum(before**2)
        assert np.allclose(change, factor * before, rtol=0, atol=1e-8 * np.abs(before).max())


@pytest.mark.parametrize("gate", FREE.values(), ids=FREE)
def test_canonical_choice_of_a_free_scale_has_the_least_norm(gate):
    def norm(coef, temperature):
        return np.sum(coef**2) + np.log(temperature) ** 2

    form = gate.canonical(*point(gate))
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert norm(*scaled(gate, *form, factor)) > norm(*form)


@each_gate
def test_likelihood_is_flat_along_what_the_gate_says(gate):
    objective, _, theta = draw(6, 200, 3, (0, 1), (0,), True, gate)
    theta[objective.gate_index] *= 0.3
    evaluation = objective.evaluate(theta)
    flat = objective.embed(gate.uninformed(Size(3, 2)))
    # Zero in exact arithmetic; what is left is rounding, as in test_kernels.py.
    assert np.abs(flat.T @ evaluation.gradient).max(initial=0) < 5e-13 * np.abs(evaluation.gradient).max()
    assert np.abs(flat.T @ evaluation.hessian).max(initial=0) < 5e-13 * np.abs(evaluation.hessian).max()
