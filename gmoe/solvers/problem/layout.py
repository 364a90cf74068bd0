"""Where the parameters of gate and experts are in one flat vector, and what is known of them whatever the data.

One row per expert, the gate's own parameters and then the expert's; after all rows what the experts share in the gate,
and then in the experts.
"""

from functools import lru_cache

import numpy as np

from gmoe.part import Size


class Layout:
    """Layout of a parameter vector.

    Parameters
    ----------
    gate : BaseGate
    experts : BaseExperts
    gate_size, expert_size : Size
        Numbers of experts, features and outputs that they see.
    """

    def __init__(self, gate, experts, gate_size: Size, expert_size: Size):
        self.k = k = gate_size.n_experts
        self.gate_size, self.expert_size = gate_size, expert_size
        self.q_gate, self.s_gate = gate.own_parameters(gate_size), gate.shared_parameters(gate_size)
        self.q_expert, self.s_expert = experts.own_parameters(expert_size), experts.shared_parameters(expert_size)
        self.n_gate, self.n_expert = self.q_gate + self.s_gate, self.q_expert + self.s_expert
        self.width, self.n_shared = self.q_gate + self.q_expert, self.s_gate + self.s_expert
        self.n_rows = k * self.width
        self.size = self.n_rows + self.n_shared
        rows = np.arange(k)[:, None] * self.width
        shared = np.broadcast_to(np.arange(self.n_rows, self.size), (k, self.n_shared))
        own_gate, own_expert = rows + np.arange(self.q_gate), rows + np.arange(self.q_gate, self.width)
        #: Places of the derivatives of one expert's log-weight, of its log-density, and of both, (k, b).
        self.at_gate = np.hstack([own_gate, shared[:, : self.s_gate]])
        self.at_expert = np.hstack([own_expert, shared[:, self.s_gate :]])
        self.at_both = np.hstack([own_gate, own_expert, shared])
        #: Places of all parameters of the gate, own rows and then shared ones.
        self.gate_index = np.concatenate([own_gate.ravel(), shared[0, : self.s_gate]])
        self.n_own = (self.q_gate, self.q_expert)
        self.n_held = 1 + gate.n_held(gate_size) + experts.n_held(expert_size)
        self.n_moments = experts.n_moments(expert_size)
        self.gate_segments, self.expert_segments = gate.segments(gate_size), experts.segments(expert_size)
        #: By order, see :func:`gmoe.solvers.problem.passes.places`.
        self.places: dict[int, dict[str, tuple[slice, tuple[int, ...]]]] = {}

    def split(self, theta):
        """Return views (gate (k, q_gate), experts (k, q_expert)) of the own parameters of a vector."""
        rows = theta[: self.n_rows].reshape(self.k, self.width)
        return rows[:, : self.q_gate], rows[:, self.q_gate :]

    def shared(self, theta):
        """View of what all experts share in the gate, (s_gate,)."""
        return theta[self.n_rows : self.n_rows + self.s_gate]

    def expert_shared(self, theta):
        """View of what all experts share in their densities, (s_expert,)."""
        return theta[self.n_rows + self.s_gate :]

    def join(self, gate, expert, *shared):
        """Parameter vector of own rows and shared parts."""
        return np.concatenate([np.concatenate([gate, expert], axis=1).ravel(), *shared])


class Structure(Layout):
    """A layout, and what gate and experts say of its parameters whatever the data: see :func:`structure_of`."""

    def __init__(self, gate, experts, gate_size: Size, expert_size: Size):
        super().__init__(gate, experts, gate_size, expert_size)
        #: Experts whose density is fitted; those after them have a given one.
        self.n_fitted = self.k - experts.n_given
        #: Where the parameters are that no density depends on, and those that go through the activation.
        self.void = self.at_expert[self.n_fitted :, : self.q_expert].ravel()
        self.bent_index = (np.arange(self.k)[:, None] * self.width + gate.bent_columns(gate_size)).ravel()
        self.mean_columns = experts.mean_columns(expert_size)
        self.log_variance_rows = experts.log_variance_rows(expert_size)
        self.symmetry = gate.symmetry_of(gate_size).keeping(experts.n_given)
        self.has_blind_moves, self.unseen = gate.has_blind_moves(gate_size), gate.unseen(gate_size)
        #: Directions of the gate's parameters along which the likelihood has no slope, and the others.
        self.uninformed = gate.uninformed(gate_size)
        self.informed = beside(self.uninformed)
        #: Orthonormal basis of the parameter directions along which the likelihood has a slope, (P, free).
        self.identified = beside(np.hstack([self.embed(self.uninformed), np.eye(self.size)[:, self.void]]))
        #: Projector on the others, (P, P).
        self.flat = np.eye(self.size) - self.identified @ self.identified.T

    def embed(self, gate_directions):
        """Parameter directions (P, m) of directions (k q_gate + s_gate, m) of the gate's natural parameters."""
        result = np.zeros((self.size, gate_directions.shape[1]))
        result[self.gate_index] = gate_directions
        return result


# Parameters up to which structures are kept: making one costs as much as a climb on few rows. Beyond that it is nothing
# beside a pass, and each holds matrices of many megabytes.
KEPT = 200
_kept = lru_cache(maxsize=64)(Structure)


def structure_of(gate, experts, gate_size: Size, expert_size: Size) -> Structure:
    """Structure of parts, which are immutable values, and their sizes; a small one is made once."""
    own = gate.own_parameters(gate_size) + experts.own_parameters(expert_size)
    make = _kept if gate_size.n_experts * own <= KEPT else Structure
    return make(gate, experts, gate_size, expert_size)


def beside(directions):
    """Orthonormal basis of what is orthogonal to orthonormal directions, as columns."""
    n, m = directions.shape
    return np.linalg.qr(directions, mode="complete")[0][:, m:] if m else np.eye(n)
