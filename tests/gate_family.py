"""Stand-ins for the gate family, until it is there: replace by ``from gmoe.gates import ...`` of the same names."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from gmoe.gates import SoftmaxGate as _Softmax


@dataclass(frozen=True)
class Activation:
    name: str
    derivatives: Callable
    meets_first_order_condition: bool = True
    degree: float | None = None


def _identity(z):
    yield z
    yield np.ones_like(z)
    yield np.zeros_like(z)


def _sigmoid(z):
    p = expit(z)
    yield p
    yield p * (1 - p)
    yield p * (1 - p) * (1 - 2 * p)


def _relu(z):
    yield np.maximum(z, 0)
    yield (z > 0).astype(float)
    yield np.zeros_like(z)


def _tanh(z):
    t = np.tanh(z)
    yield t
    yield 1 - t**2
    yield -2 * t * (1 - t**2)


_ACTIVATIONS = {
    "identity": Activation("identity", _identity, False, 1.0),
    "relu": Activation("relu", _relu, False, 1.0),
    "sigmoid": Activation("sigmoid", _sigmoid),
    "tanh": Activation("tanh", _tanh),
}


@dataclass(frozen=True)
class Gate(_Softmax):
    activation: Activation | str = "identity"
    intercept: str = "outside"
    temperature: float | str = 1.0
    n_active: int | None = None
    select_on: str = "score"

    def __post_init__(self):
        object.__setattr__(self, "activation", as_activation(self.activation))


def as_activation(name):
    return name if isinstance(name, Activation) else _ACTIVATIONS[name]


def SoftmaxGate():  # noqa: N802
    return Gate()


def TopKGate(n_active, select_on="score"):  # noqa: N802
    return Gate(n_active=n_active, select_on=select_on)


def DenseToSparseGate(temperature="estimate"):  # noqa: N802
    return Gate(temperature=temperature)


def ActivationGate(activation="sigmoid", temperature="estimate", intercept="outside"):  # noqa: N802
    return Gate(activation=activation, temperature=temperature, intercept=intercept)
