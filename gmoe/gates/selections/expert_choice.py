"""Each expert takes the observations above a threshold of its own."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates.keys import BY_LOGIT
from gmoe.gates.selections._selection import Selection


@dataclass(frozen=True)
class ExpertChoice(Selection):
    """Experts whose logit is at least 0 are active; where there is none, the one with the largest logit.

    With the intercept a_j that is a threshold of -a_j for the score of expert j: experts choose observations, and not
    observations experts.

    Notes
    -----
    Expert choice routing (Zhou et al., NeurIPS 2022) takes a fixed number of a batch's rows for each expert. Given its
    threshold, a quantile of the expert's scores, that is a rule for one row, except that some rows are chosen by no
    expert: there is no density for these, and here the best expert falls back on them. Batch priority routing
    (Riquelme et al., NeurIPS 2021) has such thresholds too. Logits are not compared with each other alone, so that no
    common number is free.
    """

    by = BY_LOGIT
    name = "expert_choice"
    scale_invariant = True

    def thresholds(self, key):
        """Zero, but not above halfway between the two largest keys; see :class:`Selection`."""
        order = np.argsort(-key, axis=0, kind="stable")[:2]
        middle = np.take_along_axis(key, order, axis=0).mean(axis=0)
        in_key = np.zeros(key.shape)
        np.put_along_axis(in_key, order, np.where(middle < 0.0, 0.5, 0.0), axis=0)
        return np.minimum(middle, 0.0), in_key
