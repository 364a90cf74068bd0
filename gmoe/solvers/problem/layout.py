"""Where the parameters of gate and experts are in one flat vector.

One row per expert, the gate's own parameters and then the expert's; after all rows what the experts share in the gate,
and then in the experts.
"""

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
