"""Trees whose nodes are smooth steps: far from a node's boundary an observation goes to one side alone."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates._link import likeliest
from gmoe.gates.tree import TreeGate


@dataclass(frozen=True, repr=False)
class SmoothTreeGate(TreeGate):
    """A binary tree as :class:`TreeGate`, whose nodes are cubic steps in place of logistic functions.

    An observation goes to the second subtree of a node with probability ``3 u**2 - 2 u**3``, where ``u = 1/2 +
    gate_node_intercept + gate_node_coef . x`` is cut off at 0 and 1. So leaves have weights of exactly 0 outside of a
    band about each boundary, and the log-likelihood has a continuous gradient all the same.

    Parameters
    ----------
    tree : nested tuple of int, or str, optional
        See :class:`TreeGate`.

    Notes
    -----
    Hazimeh et al. (The tree ensemble layer, ICML 2020; DSelect-k, NeurIPS 2021), and COMET (Ibrahim et al., KDD 2023),
    whose width is the unit of the scores here: it is a scale of them.
    """

    @property
    def is_concave(self):
        return False

    def side(self, score):
        u = np.clip(score + 0.5, 0.0, 1.0)
        inside = (u > 0.0) & (u < 1.0)
        near = np.where(inside, u, 1.0)
        with np.errstate(divide="ignore"):
            yield 2.0 * np.log(u) + np.log(3.0 - 2.0 * u)
        yield np.where(inside, 2.0 / near - 2.0 / (3.0 - 2.0 * near), 0.0)
        yield np.where(inside, -2.0 / near**2 - 4.0 / (3.0 - 2.0 * near) ** 2, 0.0)

    def guess(self, x, r):
        """Find the multiple of the logistic regressions by which these labels are likeliest."""
        own, shared = super().guess(x, r)
        return likeliest(self, own, shared, x, r)
