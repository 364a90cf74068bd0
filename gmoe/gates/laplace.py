"""The Laplace gate: an expert speaks near its location."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_positive
from gmoe.frames import Change
from gmoe.gates._gate import ESTIMATE
from gmoe.gates.base import BaseGate
from gmoe.gates.symmetry import Scale, Symmetry
from gmoe.part import Array, Axis

# A distance has no slope at 0; this rounds it off within so many scales, and changes no log-weight by more.
SMOOTH = 1e-2
# Of the log of an estimated scale, in the units in which features are fitted: beyond it the gate is made of steps, or
# the same everywhere, and squares of distances would overflow.
LOG_SCALE_RANGE = -25.0, 25.0


@dataclass(frozen=True)
class LaplaceGate(BaseGate):
    """Log-weight ``gate_intercept_j - |x - gate_location_j| / gate_scale``, with the Euclidean distance.

    Parameters
    ----------
    scale : float or "estimate", default "estimate"
        Common to all experts; positive, in the units of the features.

    Raises
    ------
    ValueError, TypeError
        For a scale that is neither positive and finite nor "estimate".

    Notes
    -----
    Han, Nguyen, Harris, Ho and Saria (FuseMoE, NeurIPS 2024, arXiv:2402.03226), with the scale 1; Nguyen, Han, Harris,
    Saria and Ho (arXiv:2410.02935). A distance has a corner at 0, in which the likelihood may have its maximum, without
    a slope. It is therefore ``sqrt(|x - w|**2 + (0.01 scale)**2)``, which changes no log-weight by more than 0.01, and
    none by more than 0.0001 one half scale away from the location.

    What lies on one side of all data cannot be located: far from them a distance is linear in x, which is the limit of
    this gate as locations go to infinity, with slopes of one length.
    """

    scale: float | str = ESTIMATE

    def __post_init__(self):
        if isinstance(self.scale, str):
            if self.scale != ESTIMATE:
                raise ValueError(f"scale must be a positive number or {ESTIMATE!r}, got {self.scale!r}.")
        else:
            object.__setattr__(self, "scale", check_positive(self.scale, "scale"))

    @property
    def estimated(self) -> bool:
        """Whether the scale is a parameter."""
        return isinstance(self.scale, str)

    adds_intercept = True

    def check(self, n_experts, n_features):
        if n_features == 0:
            raise ValueError("A Laplace gate needs a feature to measure distances; add one, or use SoftmaxGate().")

    def follows(self, n_experts):
        return Change.SIMILARITY if self.estimated else Change.SHIFT

    def symmetry_of(self, size):
        q = self.own_parameters(size)
        scale = Scale((1.0,) + (0.0,) * (q - 1), (0.0,), (-1.0,)) if self.estimated else None
        return Symmetry.of_rows(size.n_experts, q, int(self.estimated), scale=scale)

    def arrays(self, size):
        scale = (Array("gate_scale", (), positive=True),) if self.estimated else ()
        return (
            Array("gate_intercept", (Axis.EXPERT,)),
            Array("gate_location", (Axis.EXPERT, Axis.FEATURE)),
            *scale,
        )

    def to_raw(self, own, shared, frame):
        raw = {"gate_intercept": own[:, 0], "gate_location": frame.centre + own[:, 1:] @ frame.inverse.T}
        return raw | ({"gate_scale": np.array(self._scale(shared) / frame.factor)} if self.estimated else {})

    def from_raw(self, arrays, frame):
        location = (np.asarray(arrays["gate_location"]) - frame.centre) @ frame.transform.T
        shared = [np.log(arrays["gate_scale"] * frame.factor)] if self.estimated else []
        return np.column_stack([arrays["gate_intercept"], location]), np.array(shared, dtype=float)

    def _scale(self, shared):
        return np.exp(np.clip(shared[0], *LOG_SCALE_RANGE)) if self.estimated else self.scale

    def _offsets(self, own, shared, x):
        """Offsets from the locations and their lengths, in scales, (k, d, m) and (k, m), and the scale."""
        scale = self._scale(shared)
        offset = (x - own[:, 1:, None]) / scale
        return offset, np.sqrt(np.sum(offset * offset, axis=1) + SMOOTH**2), scale

    def value(self, own, shared, x):
        return own[:, :1] - self._offsets(own, shared, x)[1]

    def jacobian(self, own, shared, x):
        offset, length, scale = self._offsets(own, shared, x)
        rows = np.ones((len(own), own.shape[1] + len(shared), x.shape[1]))
        rows[:, 1 : own.shape[1]] = offset / (scale * length[:, None])
        if self.estimated:
            # Also at an end of its range, so that the way back is seen.
            rows[:, -1] = np.sum(offset * offset, axis=1) / length
        return rows

    def curvature(self, own, shared, weight, x):
        offset, length, scale = self._offsets(own, shared, x)
        q, d = own.shape[1], len(x)
        inner, outer = weight / length, weight / length**3
        out = np.zeros((len(own), *[q + len(shared)] * 2))
        products = np.einsum("jm,jam,jbm->jab", outer, offset, offset, optimize=True)
        out[:, 1:q, 1:q] = (products - inner.sum(axis=1)[:, None, None] * np.eye(d)) / scale**2
        if self.estimated:
            square = np.sum(offset * offset, axis=1)
            twice = outer * square - 2.0 * inner
            out[:, 1:q, q] = out[:, q, 1:q] = np.einsum("jm,jam->ja", twice, offset) / scale
            out[:, q, q] = np.sum(twice * square, axis=1)
        return out

    def guess(self, x, r):
        """Means of the groups; the scale of which their mean distance from these is the expected one, n_features."""
        mass = np.maximum(r.sum(axis=0), 1e-12 * r.sum())
        location = r.T @ x.T / mass[:, None]
        distance = np.sqrt(np.sum((x - location[:, :, None]) ** 2, axis=1))
        scale = np.sum(r.T * distance) / (mass.sum() * len(x))
        own = np.column_stack([np.log(mass / mass.sum()), location])
        return own, np.full(int(self.estimated), np.log(max(scale, 1e-12)))
