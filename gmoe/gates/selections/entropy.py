"""All experts where the gate is uncertain, few where it is not."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_not_negative, check_positive
from gmoe.gates.keys import BY_LOGIT
from gmoe.gates.selections._selection import Selection
from gmoe.gates.selections.top_p import BELOW, TopP


@dataclass(frozen=True)
class EntropyRule(Selection):
    """All experts where the entropy of the dense gate's probabilities is at least ``limit``, else those of ``TopP(p)``.

    Parameters
    ----------
    limit : float, default 0.5
        At least 0, where all experts are active; infinite, or above the largest entropy, where it never matters.
    p : float, default 0.8
        See :class:`TopP`.
    index : float, default 1.0
        Of the entropy of Tsallis, ``(1 - sum p**index) / (index - 1)``; Shannon's with 1.
    band : float, default 0.05
        Entropies so far below the limit in which the threshold falls from that of TopP to below the smallest key.

    Raises
    ------
    ValueError
        For values outside.

    Notes
    -----
    DynMoLE (Li et al., 2025), which leaves the weights of the active experts as they are, so that they do not sum to 1:
    here they do. As published many experts enter at once where the entropy passes its limit; a threshold that is
    continuous lets them in one after the other, within the band.
    """

    limit: float = 0.5
    p: float = 0.8
    index: float = 1.0
    band: float = 0.05
    by = BY_LOGIT
    name = "entropy"
    translation_invariant = True

    def __post_init__(self):
        limit = np.inf if self.limit == np.inf else check_not_negative(self.limit, "limit")
        object.__setattr__(self, "limit", limit)
        for name in ("index", "band"):
            object.__setattr__(self, name, check_positive(getattr(self, name), name))
        object.__setattr__(self, "p", TopP(self.p).p)

    def thresholds(self, key):
        """See :class:`Selection`."""
        few, in_few = TopP(self.p).thresholds(key)
        entropy, in_entropy = self._entropy(key)
        part = np.clip((entropy - self.limit + self.band) / self.band, 0.0, 1.0)
        lowest = np.argmin(key, axis=0) == np.arange(len(key))[:, None]
        all_of_them = key.min(axis=0) - BELOW
        fall = np.where((part > 0.0) & (part < 1.0), (all_of_them - few) / self.band, 0.0)
        return (1.0 - part) * few + part * all_of_them, (1.0 - part) * in_few + part * lowest + fall * in_entropy

    def _entropy(self, key):
        """Entropy (m,) and its derivatives in the keys."""
        q, log_p = self.index, key - key.max(axis=0)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=0))
        p = np.exp(log_p)
        # The mean of the Tsallis logarithm of 1 / p, at 1 the mean of -log p.
        surprise = -log_p if q == 1.0 else np.expm1((q - 1.0) * log_p) / (1.0 - q)
        entropy = np.sum(p * surprise, axis=0)
        power = np.exp(q * log_p)
        mean = -log_p * p - p * entropy if q == 1.0 else q * (power - p * power.sum(axis=0)) / (1.0 - q)
        return entropy, mean

    def check(self, n_experts):
        """See :class:`Selection`."""
        if self.is_sparse(n_experts):
            TopP(self.p).check(n_experts)
        super().check(n_experts)
