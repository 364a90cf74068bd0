"""Every activation: values, derivatives, and what is claimed about it. A registered one is tested by being listed."""

import pickle

import numpy as np
import pytest
from mpmath import mp, mpf
from problems import all_gates, representatives
from scipy.special import erf

from gmoe.gates import Activation, activations, as_activation, list_activations

EACH = {name: as_activation(name) for name in list_activations()}
each = pytest.mark.parametrize("activation", EACH.values(), ids=EACH)
# Away from 0, where some have a kink.
Z = np.concatenate([-np.geomspace(1e-3, 30, 40), np.geomspace(1e-3, 30, 40)])

EXACT = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "tanh": mp.tanh,
    "arctan": mp.atan,
    "sin": mp.sin,
    "exp": mp.exp,
    "softplus": lambda z: mp.log1p(mp.exp(z)),
    "silu": lambda z: z / (1 + mp.exp(-z)),
    "gelu": lambda z: z * mp.ncdf(z),
    "relu": lambda z: max(z, mpf(0)),
    "leaky_relu": lambda z: max(z, mpf(activations.LEAK) * z),
}


def all_of(activation, z):
    """Value, first and second derivative, (3, n)."""
    return np.array(list(activation.derivatives(np.asarray(z, dtype=float))))


@pytest.mark.parametrize("name", EXACT)
def test_against_multiprecision(name):
    values = all_of(EACH[name], Z)
    with mp.workdps(50):
        exact = np.array([[float(mp.diff(EXACT[name], mpf(z), n)) for z in Z] for n in range(3)])
    # Absolute, as rounding of 1e-16 is what counts in a logit; relative for exp of 30. Seen: 3e-16 and 4e-16.
    assert np.allclose(values, exact, rtol=2e-15, atol=2e-15)


@each
def test_derivatives_are_those_of_the_value(activation):
    step = 1e-4  # does not cross 0
    value, first, second = all_of(activation, Z)
    (up, up_first, _), (down, down_first, _) = all_of(activation, Z + step), all_of(activation, Z - step)
    for ahead, behind, expected in [(up, down, first), (up_first, down_first, second)]:
        # A third derivative times step^2 / 6 = 2e-9, and rounding 1e-16 of values up to 30 over the step.
        assert np.all(np.abs((ahead - behind) / (2 * step) - expected) < 1e-8 * (1 + np.abs(expected)))
    assert np.array_equal(activation(Z), value)


@each
def test_large_scores_stay_finite(activation):
    for z in (700.0, 1e5, 1e150):
        assert np.all(np.isfinite(all_of(activation, [-z, z])))
    assert all_of(activation, np.zeros((2, 0))).shape == (3, 2, 0)


@each
def test_first_order_condition(activation):
    """theory.md 3.4: 1, act(z) and x_u act'(z) with z = beta . x are linearly independent, or are not."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (500, 2))
    z = x @ [1.3, -0.8]
    value, first, _ = all_of(activation, z)
    # Columns of unit length: the dependent ones leave rounding, 1e-15; the others 1e-3 and more.
    columns = np.column_stack([np.ones(len(z)), value, x * first[:, None]])
    smallest = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), compute_uv=False)[-1]
    assert (smallest > 1e-6) == activation.meets_first_order_condition
    assert smallest > 1e-4 or smallest < 1e-13  # nothing in between: the test can tell


@each
def test_degree(activation):
    factors = np.array([0.3, 1.7, 4.0])
    value, scaled = activation(Z), activation(np.multiply.outer(factors, Z))
    if activation.degree is not None:
        # A product in another order.
        assert np.allclose(scaled, np.multiply.outer(factors**activation.degree, value), rtol=1e-14, atol=0)
        assert not activation.meets_first_order_condition  # Euler: z act'(z) = degree act(z)
    else:
        # No power of the factors: the ratio depends on z.
        assert np.all(np.ptp(scaled / value, axis=1) > 1e-3)


@each
def test_odd(activation):
    total = activation(Z) + activation(-Z)
    assert (np.ptp(total) < 1e-14) == activation.odd  # of values up to 1, or of exact opposites


@each
def test_activations_are_values(activation):
    assert pickle.loads(pickle.dumps(activation)) == activation
    assert as_activation(repr(activation).strip("'")) is activation
    assert as_activation(activation) is activation


def test_affine_is_the_identity_alone():
    assert [name for name, activation in EACH.items() if activation.affine] == ["identity"]


def _square(z):
    yield z * z
    yield 2 * z
    yield np.full_like(z, 2.0)


def _other_square(z):
    yield from _square(z)


def test_register(monkeypatch):
    monkeypatch.setattr(activations, "_REGISTRY", activations._REGISTRY.copy())
    square = Activation("square", _square, meets_first_order_condition=False, degree=2.0)
    assert activations.register(square) is square
    assert activations.register(Activation("square", _square, False, 2.0)) == square  # again, as a reload does
    assert as_activation("square") is square
    assert "square" in list_activations() == sorted(list_activations())
    with pytest.raises(ValueError, match="an activation 'square' already; give this one another name"):
        activations.register(Activation("square", _other_square))
    with pytest.raises(ValueError, match=r"Unknown activation 'swish'; known: arctan.*square.*pass an Activation"):
        as_activation("swish")
    with pytest.raises(TypeError, match=r"a name or an Activation, got 3; known: arctan"):
        as_activation(3)


def _erf(z):
    slope = 2 / np.sqrt(np.pi) * np.exp(-z * z)
    yield erf(z)
    yield slope
    yield -2 * z * slope


def test_a_registered_activation_joins_the_tested_gates(monkeypatch):
    before, kinds = len(all_gates()), len(representatives())
    monkeypatch.setattr(activations, "_REGISTRY", activations._REGISTRY.copy())
    activations.register(Activation("square", _square))
    # Places of the intercept and temperatures, each dense and with three numbers of active experts by two rules.
    assert len(all_gates()) == before + 2 * 3 * (1 + 3 * 2)
    # The same of a kind of its own; a selection of all is dense.
    assert len(representatives()) == kinds + 2 * 3 * (1 + 2 * 2)
    # One of a known kind, which takes its turns.
    activations.register(Activation("erf", _erf))
    assert len(all_gates()) == before + 2 * 2 * 3 * (1 + 3 * 2)
    assert len(representatives()) == kinds + 2 * 3 * (1 + 2 * 2)
    assert sum(gate.activation.name == "erf" for gate in representatives().values()) > 3
