"""Hierarchical mixtures of experts: a binary tree of logistic regressions, with an expert at each leaf."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np

from gmoe.gates._arrange import arranged
from gmoe.gates._gate import Gate
from gmoe.gates._link import Bend, LinkGate
from gmoe.gates.symmetry import Exchange, Symmetry
from gmoe.part import Array, Axis

Tree = int | tuple["Tree", "Tree"]
# Weight of a label: of a subtree without observations any node is as good.
LEAST = 1e-12


@dataclass(frozen=True)
class TreeGate(LinkGate):
    """A binary tree whose nodes are logistic regressions (Jordan and Jacobs, Neural Computation 1994).

    An observation goes from the root to a leaf, and at each node to the second subtree with probability
    ``1 / (1 + exp(-(gate_node_intercept + gate_node_coef . x)))``. The weight of an expert is the probability of its
    leaf. Nodes are counted from the root, each before those below it, first subtrees before second ones.

    Parameters
    ----------
    tree : nested tuple of int, or str, optional
        Leaves are experts, counted from 0: ``((0, 1), 2)``, or the same as a text, ``"(0+1)+2"``. By default a
        balanced tree over all experts in turn.

    Raises
    ------
    ValueError
        For anything that is not a binary tree with each of the leaves 0, 1, .. once.
    """

    tree: Tree | str | None = None

    def __post_init__(self):
        tree = self.tree
        try:
            tree = _pairs(ast.literal_eval(tree.replace("+", ",")) if isinstance(tree, str) else tree)
            valid = tree is None or sorted(_leaves(tree)) == list(range(len(_leaves(tree))))
        except (TypeError, ValueError, SyntaxError):
            valid = False
        if not valid:
            raise ValueError(
                f"tree must be nested pairs of leaves, each of 0, 1, .. once, as ((0, 1), 2) or '(0+1)+2'; "
                f"got {self.tree!r}."
            )
        object.__setattr__(self, "tree", tree)

    def __repr__(self):
        return f"{type(self).__name__}({'' if self.tree is None else repr(self.tree)})"

    def settings(self):
        """Return the tree as a text."""
        text = repr(self.tree).replace(", ", "+")
        return {} if self.tree is None else {"tree": text[1:-1] if isinstance(self.tree, tuple) else text}

    def check(self, n_experts, n_features):
        if self.tree is not None and len(_leaves(self.tree)) != n_experts:
            raise ValueError(
                f"{self!r} has {len(_leaves(self.tree))} leaves, but there are {n_experts} experts: use n_experts="
                f"{len(_leaves(self.tree))}, another tree, or none for a balanced one."
            )

    def of(self, n_experts: int) -> Tree:
        """Return the tree over so many experts."""
        return _balanced(0, n_experts) if self.tree is None else cast(Tree, self.tree)

    def with_experts(self, n_experts):
        """Leave out leaves from ``n_experts`` on, and nodes with one subtree."""
        return self if self.tree is None else type(self)(_first(self.tree, n_experts))

    def n_scores(self, n_experts):
        return n_experts - 1, 0

    def link(self, score, n_experts):
        sign = _signs(self.of(n_experts))
        below = [(sign < 0.0), (sign > 0.0)]
        sides = [self.side(-score), self.side(score)]
        log_p = np.zeros((n_experts, score.shape[1]))
        for experts, side in zip(below, sides, strict=True):
            for row, cost in zip(experts, next(side), strict=True):
                log_p[row] += cost
        yield log_p
        slopes = [turn * next(side) for turn, side in zip((-1.0, 1.0), sides, strict=True)]
        inside = np.isfinite(log_p)
        yield sum(experts[:, :, None] * slope[:, None] for experts, slope in zip(below, slopes, strict=True)) * inside
        curves = [next(side) for side in sides]
        yield [
            Bend(node, node, np.flatnonzero(experts[node]), curve[node])
            for experts, curve in zip(below, curves, strict=True) for node in range(len(sign))
        ]  # fmt: skip

    def side(self, score) -> Iterator[np.ndarray]:
        """Yield the log-probability of the second subtree, and two derivatives: of the logistic function."""
        tail = np.exp(-np.abs(score))
        log_p = np.minimum(score, 0.0) - np.log1p(tail)
        yield log_p
        p, other = np.exp(log_p), np.where(score > 0.0, tail, 1.0) / (1.0 + tail)
        yield other
        yield -p * other

    def arranged(self, x, r):
        return arranged(self.of(r.shape[1]), x, r)

    def guess(self, x, r):
        """At each node the logistic regression of its two subtrees."""
        k = r.shape[1]
        shared = [np.empty(0)]
        for row in _signs(self.of(k)):
            groups = np.column_stack([r[:, row < 0.0].sum(axis=1), r[:, row > 0.0].sum(axis=1)])
            first, second = Gate().start(x, np.maximum(groups, LEAST))[0]
            shared.append(second - first)
        return np.empty((k, 0)), np.concatenate(shared)

    def arrays(self, size):
        return Array("gate_node_intercept", (Axis.NODE,)), Array("gate_node_coef", (Axis.NODE, Axis.FEATURE))

    def to_raw(self, own, shared, frame):
        intercept, coef = frame.raw_rows(self.coefficients(shared, len(own), 1 + len(frame.transform))[0])
        return {"gate_node_intercept": intercept, "gate_node_coef": coef}

    def from_raw(self, arrays, frame):
        rows = frame.scaled_rows(arrays["gate_node_intercept"], arrays["gate_node_coef"])
        return np.empty((len(rows) + 1, 0)), rows.ravel()

    def symmetry_of(self, size):
        """State that subtrees of one shape may change places, with the sign of the node above them."""
        n_experts, n_columns = size.n_experts, 1 + size.n_features
        tree = self.of(n_experts)
        nodes, exchanges = _nodes(tree), []
        for above, subtrees in enumerate(nodes):
            if (same := _match(*subtrees)) is None:
                continue
            experts, order, sign = np.arange(n_experts), np.arange(len(nodes)), np.ones(len(nodes))
            sign[above] = -1.0
            for one, other, turned in same:
                if isinstance(one, int):
                    experts[[one, other]] = other, one
                else:
                    a, b = nodes.index(one), nodes.index(other)
                    order[[a, b]], sign[[a, b]] = (b, a), turned
            places = np.add.outer(order * n_columns, np.arange(n_columns)).ravel()
            signs = np.repeat(sign, n_columns)
            exchanges.append(Exchange(tuple(experts.tolist()), tuple(places.tolist()), tuple(signs.tolist())))
        return Symmetry(n_experts, 0, len(nodes) * n_columns, exchanges=tuple(exchanges))


def _pairs(tree):
    """Return the same made of tuples."""
    return tuple(_pairs(part) for part in tree) if isinstance(tree, list | tuple) else tree


def _leaves(tree) -> list:
    """Leaves from first to last; a ValueError where a node has not two subtrees."""
    if not isinstance(tree, tuple):
        return [tree]
    first, second = tree
    return _leaves(first) + _leaves(second)


def _nodes(tree) -> list:
    """Nodes as the trees below them, the root first."""
    return [tree, *_nodes(tree[0]), *_nodes(tree[1])] if isinstance(tree, tuple) else []


def _first(tree, n):
    """Return the tree of the leaves below n; None if there are none."""
    if not isinstance(tree, tuple):
        return tree if tree < n else None
    left = [part for part in (_first(part, n) for part in tree) if part is not None]
    return tuple(left) if len(left) == 2 else left[0] if left else None


def _balanced(first, end):
    middle = (first + end + 1) // 2
    return first if end - first == 1 else (_balanced(first, middle), _balanced(middle, end))


@lru_cache
def _signs(tree):
    """-1 for experts in the first subtree of a node, 1 in the second, 0 elsewhere, (n_nodes, n_experts)."""
    signs = np.zeros((len(_nodes(tree)), len(_leaves(tree))))
    for row, (first, second) in zip(signs, _nodes(tree), strict=True):
        row[_leaves(first)], row[_leaves(second)] = -1.0, 1.0
    return signs


def _match(one, other) -> list | None:
    """Pairs of parts by which two trees are of one shape, with -1 where subtrees change sides; None if they are not."""
    if isinstance(one, int) and isinstance(other, int):
        return [(one, other, 1.0)]
    if isinstance(one, int) or isinstance(other, int):
        return None
    for sign, (first, second) in ((1.0, other), (-1.0, other[::-1])):
        left, right = _match(one[0], first), _match(one[1], second)
        if left is not None and right is not None:
            return [(one, other, sign), *left, *right]
    return None
