"""Nothing left out: the selection of a dense gate."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates.keys import BY_SCORE
from gmoe.gates.selections._selection import Selection


@dataclass(frozen=True)
class Dense(Selection):
    """Every expert is active at every observation."""

    by = BY_SCORE
    selects = False
    sees_score = sees_logit = False
    translation_invariant = scale_invariant = True

    def thresholds(self, key):
        """See :class:`Selection`."""
        return key.min(axis=0), (np.argmin(key, axis=0) == np.arange(len(key))[:, None]).astype(float)

    def is_sparse(self, n_experts):
        """See :class:`Selection`."""
        return False

    def settings(self):
        """See :class:`Selection`."""
        return {"select_on": self.by.name}


DENSE = Dense()
