"""The experts whose probabilities are large enough: as many as the observation wants."""

import math
from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_positive
from gmoe.gates.keys import BY_LOGIT
from gmoe.gates.selections._selection import Selection
from gmoe.gates.selections.topk import TopK
from gmoe.kernels.share import mask_small, share_thresholds


@dataclass(frozen=True)
class Threshold(Selection):
    """Experts whose probability under the dense gate is at least ``threshold`` are active, and always the likeliest.

    The number of active experts follows from the data, as in the second phase of EvoMoE (Nie et al., 2021). From a
    threshold of 1/2 on that is one expert alone, ``TopK(1, by="logit")``, and the gate says so.

    Parameters
    ----------
    threshold : float
        Between 0 and 1, both excluded.

    Raises
    ------
    ValueError
        For a threshold that selects nothing, or that no probability reaches.
    """

    threshold: float
    by = BY_LOGIT
    translation_invariant = True

    def __post_init__(self):
        object.__setattr__(self, "threshold", check_positive(self.threshold, "threshold"))
        if self.threshold >= 1.0:
            raise ValueError(
                f"threshold must be below 1, got {self.threshold}: it is a probability, which no expert would reach."
            )

    @property
    def hard(self):
        """Whether no two probabilities reach the threshold."""
        return self.threshold >= 0.5

    @property
    def scale_invariant(self):
        """Whether the likeliest expert, which no scale changes, is the only one."""
        return self.hard

    @property
    def _log_share(self):
        # From 1/2 on a probability of exactly 1/2 shall not make two.
        return math.inf if self.hard else math.log(self.threshold)

    def thresholds(self, key):
        """Log of the threshold's share, but not above halfway between the two largest keys; see :class:`Selection`."""
        threshold, in_key = np.empty(key.shape[1]), np.empty(key.shape)
        share_thresholds(key, key.shape[1], self._log_share, threshold, in_key)
        return threshold, in_key

    def mask(self, key, m, logit):
        """See :class:`Selection`."""
        mask_small(key, m, self._log_share, logit)

    def crossings(self, key, j):
        """See :class:`Selection`."""
        others = np.delete(key, j, axis=0)
        top = others.max(axis=0)
        share = np.exp(others - top)
        total = share.sum(axis=0)
        # Where j itself enters, where it becomes the likeliest, and where each of the others leaves, if it does.
        enters = top + np.log(total) + math.log(self.threshold / (1.0 - self.threshold))
        left = share / self.threshold - total
        leaves = top + np.log(left, out=np.zeros(left.shape), where=left > 0.0)
        return np.vstack([enters, top, np.where(left > 0.0, leaves, enters)])

    def reduced(self):
        """See :class:`Selection`."""
        return TopK(1, BY_LOGIT) if self.hard else self

    def settings(self):
        """See :class:`Selection`."""
        return {"threshold": self.threshold}
