"""A loss that is zero exactly where the densities agree, whatever the gate."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_choice
from gmoe.experts import GAUSSIAN
from gmoe.metrics._stack import check_models
from gmoe.model import GMoE


@dataclass(frozen=True, eq=False)
class CellLoss:
    """Errors of experts and of the probabilities of their cells; ``float(loss)`` is the value.

    Attributes
    ----------
    value : float
    cells : ndarray of int, shape (k,)
        True expert nearest to each fitted one in (intercept, coef, variance).
    probability : ndarray, shape (l,)
        Average over x of the error of each cell's gate probability.
    experts : ndarray, shape (l,)
        Errors of the cell's experts, weighted by their average gate probabilities.
    """

    value: float
    cells: np.ndarray
    probability: np.ndarray
    experts: np.ndarray

    def __float__(self):
        return self.value


def cell_loss(fitted: GMoE, true: GMoE, X, *, x_weights=None, kind: str = "over") -> CellLoss:
    r"""Loss between two models of Gaussian experts that is zero if and only if their densities agree.

    .. math:: \sum_j \Bigl[\, E_x \Bigl| \sum_{i \in A_j} \pi_i(x) - \pi^*_j(x) \Bigr| + \sum_{i \in A_j} E_x \pi_i(x)
        \bigl( \|a_i - a^*_j\|^{p_1} + |b_i - b^*_j|^{p_2} + |\sigma_i - \sigma^*_j|^{p_3} \bigr) \Bigr]

    Parameters
    ----------
    fitted, true : GMoE
        Of any gates.
    X : array-like, shape (n, n_features)
        Points to average over.
    x_weights : array-like, shape (n,), optional
    kind : {"over", "exact"}
        "exact": first powers.  "over": in cells of m > 1 experts the orders of the page on orders: 2 for coef, 2 m for
        intercept, m for variance.

    Returns
    -------
    CellLoss

    Raises
    ------
    ValueError
        For other experts, different columns, or shapes that do not fit.

    Notes
    -----
    Gate parameters are not compared but what they do.  So the loss does not depend on translations, scales, mirror
    images, on experts that are active nowhere, nor on a factor that all cells of a softmax gate have in common, which
    leaves the Voronoi loss anywhere where all cells have several atoms.  It is zero only for equal densities: then
    every expert that is active anywhere is the true one of its cell, and the cells' probabilities are right. Conversely
    normal mixtures are identified at each x, and so are affine means where x has an open set of values.
    """
    check_choice(kind, "kind", ("over", "exact"))
    check_models(fitted=fitted, true=true)
    for model in (fitted, true):
        if model.experts != GAUSSIAN:
            raise ValueError(f"The loss of cells is known for Gaussian experts of one response, not {model.experts!r}.")
    if fitted.expert_columns != true.expert_columns:
        raise ValueError(f"Experts see the columns {fitted.expert_columns} and {true.expert_columns}; pass the same.")
    X = np.asarray(X, dtype=float)
    weight = np.ones(len(X)) if x_weights is None else np.asarray(x_weights, dtype=float)
    if weight.shape != (len(X),) or not np.all(weight >= 0.0) or not 0.0 < weight.sum() < np.inf:
        raise ValueError(f"x_weights must be {len(X)} non-negative numbers, one per row of X; got {weight}.")
    weight = weight / weight.sum()
    left, right = fitted.parameters, true.parameters
    errors = np.stack(
        [
            np.linalg.norm(left.coef[:, None] - right.coef, axis=2),
            np.abs(left.intercept[:, None] - right.intercept),
            np.abs(left.variance[:, None] - right.variance),
        ]
    )
    cells = np.argmin(np.sum(errors**2, axis=0), axis=1)
    inside = cells[:, None] == np.arange(true.n_experts)
    size = inside.sum(axis=0)[cells]
    powers = np.ones((3, len(cells)))
    if kind == "over":
        powers = np.where(size > 1, np.array([np.full(len(size), 2), 2 * size, size]), powers)
    own = errors[:, np.arange(len(cells)), cells]
    proba = fitted.gate_proba(X)
    probability = weight @ np.abs(proba @ inside - true.gate_proba(X))
    experts = (weight @ proba * np.sum(own**powers, axis=0)) @ inside
    return CellLoss(float(probability.sum() + experts.sum()), cells, probability, experts)
