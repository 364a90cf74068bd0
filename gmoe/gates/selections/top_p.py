"""The likeliest experts that have a certain probability together."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_positive
from gmoe.gates.keys import BY_LOGIT
from gmoe.gates.selections._selection import Selection

# How far below the last key the threshold may fall where all experts are active, in logits.
BELOW = 1.0


@dataclass(frozen=True)
class TopP(Selection):
    """The fewest of the likeliest experts whose probabilities under the dense gate add up to at least ``p``.

    Parameters
    ----------
    p : float, default 0.8
        Between 0 and 1, both excluded; above 1 over the number of experts, where more than one expert may be needed.

    Raises
    ------
    ValueError
        For another p.

    Notes
    -----
    Huang et al. (Harder tasks need more experts, ACL 2024). Expert n in the order of the probabilities is active where
    those before it have less than p together. The threshold lies between its key and the next one, as far from it as
    what it is needed for is a part of its probability: so it passes on continuously.
    """

    p: float = 0.8
    by = BY_LOGIT
    name = "top_p"
    translation_invariant = True

    def __post_init__(self):
        object.__setattr__(self, "p", check_positive(self.p, "p"))
        if self.p >= 1.0:
            raise ValueError(f"p must be below 1, got {self.p}: all experts are needed for it; use SoftmaxGate().")

    def thresholds(self, key):
        """See :class:`Selection`."""
        k, m = key.shape
        order, column = np.argsort(-key, axis=0, kind="stable"), np.arange(m)
        ranked = np.take_along_axis(key, order, axis=0)
        mass = np.exp(ranked - ranked[0])
        share = mass / mass.sum(axis=0)
        before = np.cumsum(share, axis=0) - share
        last = np.sum(before < self.p, axis=0) - 1
        own, needed = share[last, column], self.p - before[last, column]
        part = needed / own
        following = np.vstack([ranked, ranked[-1:] - BELOW])
        gap = following[last + 1, column] - following[last, column]
        threshold = ranked[last, column] + part * gap
        # Derivatives by rank: of both keys, and of the part, (p sum(mass) - sum(mass before)) / mass of the last one.
        rank = np.arange(k)[:, None]
        in_ranked = (share * self.p - np.where(rank < last, share, 0.0)) / own * gap
        at_last = rank == last
        in_ranked += np.where(at_last, 1.0 - part - part * gap, 0.0)
        in_ranked += np.where(rank == np.minimum(last + 1, k - 1), part, 0.0)
        in_key = np.empty(key.shape)
        np.put_along_axis(in_key, order, in_ranked, axis=0)
        return threshold, in_key

    def check(self, n_experts):
        """See :class:`Selection`."""
        if self.is_sparse(n_experts) and self.p <= 1.0 / n_experts:
            raise ValueError(
                f"p={self.p} is at most 1 / n_experts, so that the likeliest of {n_experts} experts always suffices; "
                "use TopKGate(1, 'logit'), or a larger p."
            )
        super().check(n_experts)
