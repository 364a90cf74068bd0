"""Gates whose log-weights are affine in fixed functions of the features: softmax gates on other features."""

from abc import abstractmethod

import numpy as np

from gmoe.gates.base import BaseGate, moderate
from gmoe.gates.symmetry import Scale, Symmetry
from gmoe.part import Array, Axis

INTERCEPT, COEF = Array("gate_intercept", (Axis.EXPERT,)), Array("gate_coef", (Axis.EXPERT, Axis.FEATURE))


class FeatureGate(BaseGate):
    """Log-weight ``own_j . (1, functions of x)``: concave, and with no second derivatives to compute."""

    @abstractmethod
    def n_functions(self, n_features: int) -> int:
        """Count the functions of so many features."""

    @abstractmethod
    def functions(self, x, out):
        """Write the functions of features (n_features, m) to ``out`` (n_functions, m)."""

    @property
    def is_concave(self):
        return True

    adds_intercept = True

    def own_parameters(self, size):
        return 1 + self.n_functions(size.n_features)

    def symmetry_of(self, size):
        """One row added to those of all experts multiplies all weights by the same function of x."""
        q = self.own_parameters(size)
        return Symmetry.of_rows(size.n_experts, q, translated=range(q), scale=Scale((1.0,) * q))

    def design(self, x) -> np.ndarray:
        """Return the functions after a constant 1, (1 + n_functions, m)."""
        result = np.ones((1 + self.n_functions(len(x)), x.shape[1]))
        self.functions(x, result[1:])
        return result

    def value(self, own, shared, x):
        return own @ self.design(x)

    def jacobian(self, own, shared, x):
        return np.repeat(self.design(x)[None], len(own), axis=0)

    def curvature(self, own, shared, weight, x):
        return np.zeros((len(own), *[own.shape[1]] * 2))

    # All experts have the same derivatives, so that a block holds them once.

    def room(self, size, length):
        basis = np.ones((1, self.own_parameters(size), length))
        return np.empty((0, size.n_experts, length)), basis, self.segments(size)

    def n_held(self, size):
        return -(-self.own_parameters(size) // size.n_experts)

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        basis = room[1][0, :, :m]
        self.functions(data[0][1:, :m], basis[1:])
        np.matmul(own, basis, out=out[:, :m])
        moderate(out[:, :m])
        return room

    def bend_block(self, own, shared, data, m, weight, out, room):
        """Nothing to add."""
