"""Gates by scores as parts of a mixture: their logits and derivatives, by kernels."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from gmoe._arrays import aligned
from gmoe.frames import Change, Frame
from gmoe.gates._gate_rows import GateRows
from gmoe.gates.base import BaseGate
from gmoe.gates.symmetry import Symmetry
from gmoe.kernels import bent
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.exact import affine_exact
from gmoe.part import Array, Axis, Size, dense

NOTHING, NO_FACTORS = np.empty((0, 0)), np.empty((0, 0, 0))


class ScoreGate(BaseGate):
    """A gate by affine scores, bent by an activation or not; ``fill`` says how."""

    @property
    @abstractmethod
    def affine(self) -> bool:
        """Whether the logit is an affine function of the features."""

    @property
    @abstractmethod
    def n_shared(self) -> int:
        """Number of natural parameters that all experts share."""

    @property
    @abstractmethod
    def first_bent(self) -> int:
        """First column of the coefficients that goes through the activation."""

    @property
    @abstractmethod
    def estimated(self) -> bool:
        """Whether the temperature is a parameter."""

    @property
    @abstractmethod
    def allows_centring(self) -> bool:
        """Whether the model class is unchanged when a constant is subtracted from x."""

    @abstractmethod
    def dense(self) -> "ScoreGate":
        """Return the gate without selection."""

    @abstractmethod
    def fill(self, coef, shared, x, m, rows, affine=affine_rows):
        """Write logits and what else is known about a block to ``rows``."""

    @abstractmethod
    def natural(self, coef, temperature):
        """Natural (coef, shared) of parameters in the units of the data."""

    @abstractmethod
    def raw(self, coef, shared):
        """Return (coef, temperature) in the units of the data."""

    @property
    def is_concave(self) -> bool:
        """As logistic regression is."""
        return self.affine

    def has_affine_log_weights(self, n_experts):
        return self.affine and not self.is_sparse(n_experts)

    def resized(self, n_experts):
        return self.selecting(self.selection.limited(n_experts))

    def selecting(self, selection):
        found: Any = self
        return replace(found, selection=selection)

    adds_intercept = can_anneal = has_slopes = True

    @property
    def has_temperature(self) -> bool:
        """Whether a temperature is identified."""
        return bool(self.n_shared)

    def bent_columns(self, size):
        return np.arange(size.n_features + 1 if self.affine else self.first_bent, size.n_features + 1)

    def own_parameters(self, size):
        return size.n_features + 1

    def shared_parameters(self, size):
        return self.n_shared

    def guess(self, x, r):
        """Zero slopes; a gate that bends starts as the softmax gate, since at zero slopes it may have none at all."""
        if not self.affine:
            return type(self)().start(x, r)[0], np.zeros(self.n_shared)
        own = np.zeros((r.shape[1], 1 + len(x)))
        own[:, 0] = np.log(np.maximum(r.sum(axis=0) / r.sum(), 1e-12))
        return own, np.zeros(self.n_shared)

    def arrays(self, size):
        temperature = (Array("temperature", (), positive=True),) if self.estimated else ()
        return (
            Array("gate_intercept", (Axis.EXPERT,)),
            Array("gate_coef", (Axis.EXPERT, Axis.FEATURE)),
            *temperature,
        )

    def to_raw(self, own, shared, frame):
        slopes = own[:, 1:] @ frame.transform
        natural = np.column_stack([own[:, 0] - slopes @ frame.centre, slopes])
        rows, temperature = self.raw(natural, shared)
        return {"gate_intercept": rows[:, 0], "gate_coef": rows[:, 1:], "temperature": np.array(temperature)}

    def from_raw(self, arrays, frame):
        rows = np.column_stack([arrays["gate_intercept"], arrays["gate_coef"]])
        natural, shared = self.natural(rows, float(arrays.get("temperature", 1.0)))
        return np.column_stack([natural[:, 0] + natural[:, 1:] @ frame.centre, natural[:, 1:] @ frame.inverse]), shared

    def follows(self, n_experts):
        # With all experts active nothing is selected.
        gate = self if self.is_sparse(n_experts) else self.dense()
        return Change.AFFINE if gate.allows_centring else Change.LINEAR

    def table_derivatives(self, own, shared, frame, arrays):
        rows = np.column_stack([arrays["gate_intercept"], arrays["gate_coef"]])
        k, d = len(own), len(frame.centre)
        block = np.zeros((1 + d, own.shape[1]))
        block[0, 0] = 1.0
        block[1:, 1:] = frame.transform.T
        block[0, 1:] = -frame.transform @ frame.centre
        natural = np.zeros((k * (1 + d) + len(shared), own.size + len(shared)))
        for j in range(k):
            natural[j * (1 + d) : (j + 1) * (1 + d), j * own.shape[1] : (j + 1) * own.shape[1]] = block
        natural[k * (1 + d) :, own.size :] = np.eye(len(shared))
        result = self.canonical_map(rows, float(arrays["temperature"])) @ natural
        return result if self.estimated else result[:-1]

    def canonical_arrays(self, arrays, n_features, reference=0, scale=None):
        rows = np.column_stack([arrays["gate_intercept"], arrays["gate_coef"]])
        rows, temperature = self.canonical(rows, float(arrays["temperature"]), reference, scale)
        return {"gate_intercept": rows[:, 0], "gate_coef": rows[:, 1:], "temperature": np.array(temperature)}

    def symmetry_of(self, size):
        return self.symmetry(size.n_experts, size.n_features + 1)

    @abstractmethod
    def symmetry(self, n_experts: int, n_columns: int) -> Symmetry:
        """State what leaves all probabilities unchanged, for rows (n_experts, n_columns) and the shared parameters."""

    @abstractmethod
    def canonical(self, coef, temperature=1.0, reference=0, scale=None):
        """Return the representative (coef, temperature)."""

    @abstractmethod
    def canonical_map(self, coef, temperature, reference=0):
        """Jacobian of the canonical (coef, temperature) in the natural (coef, shared)."""

    def raw_log_weights(self, arrays, x):
        """To twice the working precision in the scores: logits of several hundred lose as many digits."""
        own, shared = self.from_raw(arrays, Frame.identity(len(x)))
        logit = np.empty((len(own), x.shape[1]))
        self.fill(own, shared, x, x.shape[1], GateRows.of(logit), affine=affine_exact)
        return logit

    def value(self, own, shared, x):
        return self._alone(own, shared, x)[1]

    def jacobian(self, own, shared, x):
        rows, out = self._alone(own, shared, x)
        return dense(rows, len(out))

    def curvature(self, own, shared, weight, x):
        out = np.zeros((len(own), *[own.shape[1] + len(shared)] * 2))
        design, room, m = _design(x), self.room(Size(len(own), len(x)), x.shape[1]), x.shape[1]
        own = np.ascontiguousarray(own)
        self.fill_block(own, shared, (design,), m, np.empty((len(own), m)), room, True)
        self.bend_block(own, shared, (design,), m, np.ascontiguousarray(weight), out, room)
        lower = np.tril(out)
        return lower + np.swapaxes(np.tril(lower, -1), 1, 2)

    def _alone(self, own, shared, x):
        out, size = np.empty((len(own), x.shape[1])), Size(len(own), len(x))
        data, room = (_design(x),), self.room(size, x.shape[1])
        return self.fill_block(np.ascontiguousarray(own), shared, data, x.shape[1], out, room), out

    def n_held(self, size):
        # Up to three, but blocks of half the length cost more, in calls, than the cache saves.
        return 0 if self.affine else 1

    def segments(self, size):
        q, first = size.n_features + 1, self.first_bent
        if self.affine:
            return np.array([[-1, 0, q, q]])
        parts = [[-1, 0, first, first], [0, first, q - first, q], [1, 0, 1, q + 1]]
        return np.array([part for part in parts[: 2 + self.n_shared] if part[2] > 0])

    def room(self, size, length):
        k, segments = size.n_experts, self.segments(size)
        if self.affine:
            return NO_FACTORS, NOTHING, NOTHING, NOTHING, segments
        factors, curve = aligned(1 + self.n_shared, k, length), aligned(k, length)
        return factors, factors[0], curve, factors[1] if self.n_shared else NOTHING, segments

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        factors, slope, curve, part, segments = room
        # Second derivatives of the logits only where asked for: they would cost a tenth of a score pass.
        self.fill(own, shared, data[0][1:], m, GateRows(out, slope, curve if curved else NOTHING, part))
        if len(part):
            # The derivative in the log of the temperature.
            np.negative(part[:, :m], out=part[:, :m])
        return factors, data[0][None], segments

    def bend_block(self, own, shared, data, m, weight, out, room):
        _, slope, curve, part, _ = room
        if not self.affine:
            bent.bend(data[0][1:], m, slope, curve, part, self.first_bent, weight, out)


def _design(x):
    return np.vstack([np.ones(x.shape[1]), x])
