"""Which soft group goes to which leaf of a tree: so that what is below the nodes is told apart by the features."""

from itertools import combinations
from math import comb

import numpy as np

# Ways to divide the groups of a node that are compared; with more the groups stay as they are.
MOST = 20_000


def arranged(tree, x, r) -> np.ndarray:
    """Soft groups (m, k) by the leaves of a tree over 0 .. k - 1, divided node by node from the root.

    Of all ways to divide the groups of a node as its subtrees ask, that of the largest R squared of a regression of
    the side on the features, as in linear discriminant analysis.
    """
    order = np.arange(r.shape[1])
    mass = r.sum(axis=0) + 1e-12
    means = (x @ r / mass).T
    scatter = np.einsum("im,mj,lm->jil", x, r, x) / mass[:, None, None]

    def divide(tree, groups):
        if not isinstance(tree, tuple):
            order[tree] = groups[0]
            return
        n, m = len(groups), n_leaves(tree[0])
        if comb(n, m) > MOST or n == 2:
            first = groups[:m]
        else:
            subsets = np.array(list(combinations(range(n), m)))
            inside = np.zeros((len(subsets), n))
            inside[np.arange(len(subsets))[:, None], subsets] = 1.0
            share = mass[groups] / mass[groups].sum()
            centre = share @ means[groups]
            total = np.einsum("j,jil->il", share, scatter[groups]) - np.outer(centre, centre)
            off = share[:, None] * (means[groups] - centre)
            moved, part = inside @ off, inside @ share
            explained = np.einsum("ai,il,al->a", moved, np.linalg.pinv(total), moved) / (part * (1.0 - part))
            first = [groups[i] for i in subsets[np.argmax(explained)]]
        divide(tree[0], first)
        divide(tree[1], [group for group in groups if group not in first])

    divide(tree, list(range(r.shape[1])))
    return np.ascontiguousarray(r[:, order])


def n_leaves(tree) -> int:
    """Count the leaves of nested pairs."""
    return n_leaves(tree[0]) + n_leaves(tree[1]) if isinstance(tree, tuple) else 1
