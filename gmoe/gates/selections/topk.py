"""The experts with the largest keys."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_integer
from gmoe.gates._rules import check_ties
from gmoe.gates.keys import BY_SCORE, Key, as_key
from gmoe.gates.selections._selection import Selection
from gmoe.kernels.rank import line_breaks, mask_others, middle_thresholds


@dataclass(frozen=True)
class TopK(Selection):
    """The ``n`` experts with the largest keys are active; of equal keys the lower index.

    Parameters
    ----------
    n : int
        From 1 to the number of experts.
    by : str or Key, default "score"
        The theory ranks by "score", without intercept (Nguyen et al., ICLR 2024), the authors' code by "logit".
    """

    n: int
    by: Key = BY_SCORE

    def __post_init__(self):
        object.__setattr__(self, "n", check_integer(self.n, "n_active", 1))
        object.__setattr__(self, "by", as_key(self.by))

    @property
    def n_active(self):
        """Number of active experts."""
        return self.n

    @property
    def translation_invariant(self):
        """Whether the ranks of the keys are."""
        return self.by.translation_invariant

    @property
    def scale_invariant(self):
        """Whether the ranks of the keys are."""
        return self.by.scale_invariant

    def thresholds(self, key):
        """Halfway between the n-th and the next largest key; see :class:`Selection`."""
        threshold, in_key = np.empty(key.shape[1]), np.empty(key.shape)
        middle_thresholds(key, key.shape[1], self.n, threshold, in_key)
        return threshold, in_key

    def mask(self, key, m, logit):
        """See :class:`Selection`."""
        mask_others(key, m, self.n, np.empty_like(key), logit)

    def crossings(self, key, j):
        """See :class:`Selection`."""
        others = np.sort(np.delete(key, j, axis=0), axis=0)
        return others[[-self.n]]

    def line_breaks(self, weight, logit, joint, key, j, rate_logit, rate_key):
        """See :class:`Selection`."""
        breaks, jumps = np.empty((2, key.shape[1]))
        line_breaks(weight, key.shape[1], logit, joint, key, self.n, j, rate_logit, rate_key, breaks, jumps)
        return breaks, jumps

    def is_sparse(self, n_experts):
        """See :class:`Selection`."""
        return self.n < n_experts

    def limited(self, n_experts):
        """See :class:`Selection`."""
        return TopK(min(self.n, n_experts), self.by)

    def like(self, other):
        """See :class:`Selection`."""
        return isinstance(other, TopK) and self.by == other.by

    def settings(self):
        """See :class:`Selection`."""
        return {"select_on": self.by.name, "n_active": self.n}

    def check(self, n_experts):
        """See :class:`Selection`."""
        if self.n > n_experts:
            raise ValueError(f"n_active={self.n} is more than n_experts={n_experts}; use 1 to {n_experts}.")
        if self.is_sparse(n_experts):
            check_ties(self.by, n_experts)
