"""Rows of the data from which starts are made, in an order and in axes that belong to the data.

Starts draw rows by their place and directions by their axes.  So that they do not depend on how the user ordered the
rows or mixed the columns, rows are sorted and the axes are those of the fourth moments (whitened features have no
principal axes of their own), each pointing along its third moment.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows in memory.

    Attributes
    ----------
    x_gate, x_expert : ndarray, shape (n, rank)
        Scaled features, for least squares.
    y, weight : ndarray, shapes (n, n_outputs) and (n,)
        Scaled response; positive weights.
    gate_axes, expert_axes, y_axis : ndarray, shapes (n, rank), (n, rank) and (n, n_outputs)
        The same data in their own axes, for random choices.
    """

    x_gate: np.ndarray
    x_expert: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    gate_axes: np.ndarray
    expert_axes: np.ndarray
    y_axis: np.ndarray

    @classmethod
    def of(cls, blocks, most=None, rng=None):
        """All rows of the blocks with a positive weight, or at most ``most`` of them at random."""
        parts = [blocks.get(b, blocks.buffer()) for b in range(blocks.n_blocks)]
        x_gate = np.concatenate([x[:, :m] for x, _, _, _, m in parts], axis=1).T
        x_expert = np.concatenate([x[:, :m] for _, x, _, _, m in parts], axis=1).T
        y = np.concatenate([y[:, :m] for _, _, y, _, m in parts], axis=1).T
        weight = np.concatenate([w[:m] for _, _, _, w, m in parts])
        y_axis = _axes(y) if y.shape[1] > 1 else y * _sign(np.mean(y**3))
        # Ties in y (rounded data) are ordered by the expert's features, which is as good as any order.
        rows = np.lexsort((*_axes(x_expert).T, *y_axis.T))
        rows = rows[weight[rows] > 0]
        if most is not None and len(rows) > most:
            rows = rows[np.sort(rng.choice(len(rows), most, replace=False))]
        return cls(
            x_gate[rows], x_expert[rows], y[rows], weight[rows],
            _axes(x_gate)[rows], _axes(x_expert)[rows], y_axis[rows],
        )  # fmt: skip


def _axes(x):
    """Return whitened features along the eigenvectors of their fourth moments, each with a positive third moment."""
    if x.shape[1] == 0:
        return x
    _, vectors = np.linalg.eigh((x * (x * x).sum(axis=1, keepdims=True)).T @ x / len(x))
    turned = x @ vectors
    return turned * _sign(np.mean(turned**3, axis=0))


def _sign(value):
    return np.where(value < 0, -1.0, 1.0)
