"""What every gate answers."""

from abc import abstractmethod

import numpy as np

from gmoe.frames import Change, Frame
from gmoe.gates._labels import fit_labels
from gmoe.gates.symmetry import Symmetry
from gmoe.part import Part


class BaseGate(Part):
    """A gate: a part whose numbers are log-weights, up to a common number for each observation.

    The weights of the experts are ``exp(value)`` over their sum. Where ``exp(value)`` sums to 1 already, as in a tree,
    nothing else changes.
    """

    def probabilities(self, own, shared, x) -> np.ndarray:
        """Weights of the experts, (n_experts, m); columns sum to 1."""
        logit = self.value(own, shared, x)
        p = np.exp(logit - logit.max(axis=0))
        return p / p.sum(axis=0)

    @abstractmethod
    def follows(self, n_experts: int) -> Change:
        """Which changes of the features leave the set of these gates as it is."""

    @abstractmethod
    def symmetry(self, n_experts: int, n_columns: int) -> Symmetry:
        """State what leaves all probabilities unchanged, for own rows (n_experts, n_columns) and shared parameters."""

    def raw_log_weights(self, arrays, x) -> np.ndarray:
        """Log-weights (n_experts, m) of parameter arrays in the units of the data, x (n_features, m)."""
        return self.value(*self.from_raw(arrays, Frame.identity(len(x))), x)

    def check(self, n_experts: int, n_features: int):
        """Raise a ValueError where the gate does not suit so many experts and features."""

    @property
    def is_concave(self) -> bool:
        """Whether the log-likelihood of labels is concave in the parameters, so that a Newton step needs no check."""
        return False

    @abstractmethod
    def guess(self, x, r) -> tuple[np.ndarray, np.ndarray]:
        """First guess of the parameters ``(own, shared)`` for soft groups: see :meth:`start`."""

    def start(self, x, r) -> tuple[np.ndarray, np.ndarray]:
        """Parameters ``(own, shared)`` that tell soft groups apart.

        Parameters
        ----------
        x : ndarray, shape (n_features, m)
        r : ndarray, shape (m, n_experts)
            Weighted labels.
        """
        return fit_labels(self, *self.guess(x, r), x, r)

    # What selections and temperatures add; a gate without either has none of it.

    def is_sparse(self, n_experts: int) -> bool:
        """Whether some expert is inactive at every x."""
        return False

    def dense(self):
        """Return the gate without selection."""
        return self
