"""Activations: what bends the score of a gate before it becomes a logit.

An activation is one entry: a function that yields value, first and second derivative of an array in turn (so that
they share their work, and nobody pays for what nobody asks for), and what is known about it.  :func:`register`
makes another one available by name, to gates, the command line and every contract test.
"""

from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field

import numpy as np

from gmoe._validation import check_positive
from gmoe.gates import _traits
from gmoe.gates._registry import Registry
from gmoe.kernels import activations as kernels

# Traits of an activation of which none is declared or looked for.
PLAIN = {
    "meets_first_order_condition": True,
    "degree": None,
    "odd": False,
    "affine": False,
    "exponential": False,
}


@dataclass(frozen=True)
class Activation:
    """A function of the score, with what the theory wants to know about it.

    Parameters
    ----------
    name : str
    derivatives : callable
        From an array of scores to an iterator over value, first and second derivative, arrays of the same shape.
        Must be a function of a module for the gate to be picklable.
    meets_first_order_condition : bool, optional
        Whether 1, act(z) and x act'(z) are linearly independent, so that gate coefficients and temperature are
        identified at first order: exactly those that are neither ``C z**p + const`` nor ``C log|z| + const``.
    degree : float, optional
        Positive; degree of homogeneity, ``act(c z) = c**degree act(z)`` for c > 0. A temperature is then nothing but a
        scale of the coefficients.
    odd : bool, optional
        Whether ``act(z) + act(-z)`` is constant: two experts may then exchange their coefficients with changed sign.
    affine : bool, optional
        Whether it is the identity: gates are then plain softmax of affine functions.
    exponential : bool, optional
        Whether it is ``C b**z``, up to a constant: an intercept inside of it and a temperature are one parameter.
    check : bool, default True
        Traits that are not declared are found out by evaluating the function at some points, and declared ones are
        held to what is found. False takes the declared ones, and no others, for those that tests hold to it.

    Raises
    ------
    ValueError
        For a declared trait that does not hold, derivatives that are not those of the value, and functions with a
        constant or a scale without effect.
    """

    name: str
    derivatives: Callable[[np.ndarray], Iterator[np.ndarray]]
    meets_first_order_condition: bool | None = None
    degree: float | None = None
    odd: bool | None = None
    affine: bool | None = None
    exponential: bool | None = None
    check: InitVar[bool] = True
    # Beyond it the function overflows, and is taken to be constant.
    reach: float = field(default=np.inf, init=False, compare=False)

    def __post_init__(self, check):
        if self.degree is not None:
            object.__setattr__(self, "degree", check_positive(self.degree, "degree"))
        found = _traits.traits(self.name, self.derivatives) if check else PLAIN
        if check:
            object.__setattr__(self, "reach", _traits.reach(self.derivatives))
        for trait, value in found.items():
            declared = getattr(self, trait)
            if declared is None:
                object.__setattr__(self, trait, value)
            elif check and not _agree(declared, value):
                raise ValueError(
                    f"Activation {self.name!r} is declared {trait}={declared}, but its values say {trait}={value}; "
                    f"leave {trait} out, and it is found out, or correct the derivatives."
                )

    def __repr__(self):
        return repr(self.name)

    def __call__(self, z):
        """Value at an array of scores."""
        return next(self.at(np.asarray(z, dtype=float)))

    def at(self, z):
        """Iterate over value, first and second derivative at an array of scores, finite wherever these are."""
        return iter(self.derivatives(z)) if self.reach == np.inf else self._cut(z)

    def _cut(self, z):
        inside = np.abs(z) <= self.reach
        rows = iter(self.derivatives(np.clip(z, -self.reach, self.reach)))
        yield next(rows)
        for row in rows:
            yield row * inside


def _agree(declared, found):
    """Whether a trait is as declared; a degree is measured, and so rounded."""
    return abs(declared - found) < 1e-12 * declared if declared and found else bool(declared) == bool(found)


_REGISTRY = Registry(Activation, "activation", "an activation")


def register(activation: Activation) -> Activation:
    """Make an activation available by its name.

    Raises
    ------
    ValueError
        Where another activation has that name.
    """
    return _REGISTRY.register(activation)


def list_activations() -> list[str]:
    """Names of the registered activations."""
    return _REGISTRY.names()


def as_activation(activation: str | Activation) -> Activation:
    """Return the activation of that name, or the activation itself.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything that is neither a name nor an activation.
    """
    return _REGISTRY.get(activation)


def _identity(z):
    yield z
    yield np.ones_like(z)
    yield np.zeros_like(z)


def _by(kernel, z, *settings):
    """Value and slope of all elements of an array, by a kernel."""
    value, slope = np.empty_like(z, order="C"), np.empty_like(z, order="C")
    kernel(z.reshape(-1), *settings, value.reshape(-1), slope.reshape(-1))
    return value, slope


def _sigmoid(z):
    s, slope = _by(kernels.sigmoid, z)
    yield s
    yield slope
    yield slope * (1.0 - 2.0 * s)


def _tanh(z):
    t, slope = _by(kernels.tanh, z)
    yield t
    yield slope
    yield -2.0 * slope * t


def _arctan(z):
    angle, slope = _by(kernels.arctan, z)
    yield angle
    yield slope
    yield -2.0 * z * slope * slope


def _sin(z):
    s, c = _by(kernels.sin, z)
    yield s
    yield c
    yield -s


def _exp(z):
    e = np.exp(np.minimum(z, MAX_EXPONENT))
    yield e
    # Constant from there on: a slope of 1e130 would send a solver to infinity.
    e = np.where(z > MAX_EXPONENT, 0.0, e)
    yield e
    yield e


def _softplus(z):
    value, s = _by(kernels.softplus, z)
    yield value
    yield s
    yield s * (1.0 - s)


def _log_sigmoid(z):
    value, s = _by(kernels.softplus, -z)
    yield -value
    yield s
    yield -s * (1.0 - s)


def _silu(z):
    yield from _by(kernels.silu, z)
    s, slope = _by(kernels.sigmoid, z)
    yield slope * (2.0 + z * (1.0 - 2.0 * s))


def _gelu(z):
    yield from _by(kernels.gelu, z)
    square = np.square(np.clip(z, -FAR, FAR))
    yield np.exp(-0.5 * square) * (2.0 - square) / np.sqrt(2.0 * np.pi)


def _relu(z):
    yield from _by(kernels.leaky_relu, z, 0.0)
    yield np.zeros_like(z)


def _leaky_relu(z):
    yield from _by(kernels.leaky_relu, z, LEAK)
    yield np.zeros_like(z)


# Beyond it exp grows so large that its differences overflow.
MAX_EXPONENT = 300.0
# Beyond it nothing is left of exp(-z**2 / 2).
FAR = 40.0
LEAK = 0.01


def _built_in(name, derivatives, **traits):
    """Without a check: it would load compiled code with the package, and tests check them all."""
    return register(Activation(name, derivatives, **traits, check=False))


_HOMOGENEOUS = {"meets_first_order_condition": False, "degree": 1.0}
IDENTITY = _built_in("identity", _identity, **_HOMOGENEOUS, odd=True, affine=True)
_built_in("sigmoid", _sigmoid, odd=True)
_built_in("tanh", _tanh, odd=True)
_built_in("arctan", _arctan, odd=True)
_built_in("sin", _sin, odd=True)
_built_in("exp", _exp, exponential=True)
_built_in("softplus", _softplus)
_built_in("log_sigmoid", _log_sigmoid)
_built_in("silu", _silu)
_built_in("gelu", _gelu)
_built_in("relu", _relu, **_HOMOGENEOUS)
_built_in("leaky_relu", _leaky_relu, **_HOMOGENEOUS)
