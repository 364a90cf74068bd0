"""Nodes of a fixed quadrature over y at given x that follows the experts of the truth."""

from dataclasses import dataclass

import numpy as np

from gmoe.metrics._quadrature import panels
from gmoe.model import GMoE

#: Panels end at these multiples of each true expert's standard deviation; the mass beyond the last is 3e-12.
MARKS = np.array([0.0, 1.5, 3.0, 5.0, 7.0])
#: Nodes per panel: with twice as many a distance changes by less than a thousandth of its value.
PER_PANEL = 3
#: Least density, relative to the largest, of a node that counts.
NEGLIGIBLE = 1e-22


@dataclass(frozen=True, eq=False)
class Nodes:
    """Points of the quadrature.

    Attributes
    ----------
    x : ndarray, shape (d, n_x)
        The rows of features, as columns.
    row : ndarray of int, shape (n,)
        Which x each node has.
    y, weight : ndarray, shape (n,)
        Response, and weight of x and y together.
    """

    x: np.ndarray
    row: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def nodes(truth: GMoE, X, x_weights, finer: int = 1) -> Nodes:
    """Gauss-Legendre nodes about the truth's experts at each row of X; ``finer`` times as many per panel."""
    means = truth.expert_means(X)
    row, low, high = panels(means, np.broadcast_to(truth.parameters.variance, means.shape), MARKS)
    node, weight = np.polynomial.legendre.leggauss(PER_PANEL * finer)
    y = (0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * node).ravel()
    row, weight = np.repeat(row, len(node)), (0.5 * (high - low)[:, None] * weight).ravel()
    density = truth.log_density(X[row], y)
    seen = density > density.max() + np.log(NEGLIGIBLE)
    return Nodes(np.ascontiguousarray(X.T), row[seen], y[seen], (weight * x_weights[row])[seen])
