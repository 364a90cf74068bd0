"""Which fitted expert is which reference expert."""

from dataclasses import dataclass

import numpy as np
import scipy

from gmoe._validation import check_choice, check_finite
from gmoe.metrics._freedom import freedom, gate_rows
from gmoe.metrics._stack import as_stack, check_models
from gmoe.model import GMoE


@dataclass(frozen=True, eq=False)
class Matching:
    """An assignment of experts.

    Attributes
    ----------
    order : ndarray of int, shape (l,)
        Fitted expert matched to each of the l reference experts, -1 for none; where all are matched,
        ``fitted.parameters.reorder(order)``, of gates by scores and Gaussian experts, lists the experts as the
        reference does.
    cost : ndarray, shape (k, l)
        Of each pair; the assignment has the least sum.
    """

    order: np.ndarray
    cost: np.ndarray


def match_experts(fitted: GMoE, reference: GMoE, X=None, y=None, *, by: str = "parameters") -> Matching:
    """Match the experts of two models, one to one, by SciPy's assignment solver; of equal costs in their given order.

    Parameters
    ----------
    fitted, reference : GMoE
        On the same features; k and l experts.  Where the numbers differ, the rest stays unmatched.
    X : array-like, shape (n, n_features), optional
    y : array-like, shape (n,), optional
        Observations, for ``by="responsibilities"``.
    by : {"parameters", "responsibilities"}
        The cost of a pair.  "parameters": squared errors of intercept, coef, log variance and, for equal numbers of
        experts, gate parameters centred at their means over the experts (which no translation of the gate moves), each
        in units of the reference's spread; the gate in the scale that the density determines.  "responsibilities":
        share of the observations that exactly one of both claims, ``1/2 mean |r_i - s_j|``; it needs no units and suits
        experts that overlap.

    Returns
    -------
    Matching

    Raises
    ------
    ValueError
        For different numbers of features, missing observations, or ``by="parameters"`` with other parts than gates by
        scores and Gaussian experts.
    """
    check_choice(by, "by", ("parameters", "responsibilities"))
    check_models(fitted=fitted, reference=reference)
    for name in ("gate_coef", "coef"):
        # Other gates and experts have other arrays, and none of these to compare.
        widths = [np.atleast_2d(model.parameters.arrays.get(name, 0.0)).shape[-1] for model in (fitted, reference)]
        if widths[0] != widths[1]:
            raise ValueError(f"{name} has {widths[0]} features in fitted and {widths[1]} in reference; pass the same.")
    for name in ("gate_columns", "expert_columns"):
        columns = [getattr(model, name) for model in (fitted, reference)]
        if columns[0] != columns[1]:
            raise ValueError(f"{name} are {columns[0]} in fitted and {columns[1]} in reference; pass the same.")
    if by == "parameters":
        cost = sum(_scaled_squares(left, right) for left, right in _features(fitted, reference))
    elif X is None or y is None:
        raise ValueError("by='responsibilities' compares posterior probabilities; pass observations X and y.")
    else:
        check_finite(np.asarray(y, dtype=float), "y")
        if not np.size(y):
            raise ValueError("by='responsibilities' compares posterior probabilities; got no observations, pass some.")
        left, right = (model.responsibilities(X, y) for model in (fitted, reference))
        cost = np.stack([0.5 * np.abs(left - column[:, None]).mean(axis=0) for column in right.T], axis=1)
    # Of equal costs, the experts in their given order: a convex term below what rounding leaves of the costs.
    away = np.square(np.subtract.outer(np.arange(cost.shape[0]), np.arange(cost.shape[1])))
    rows, columns = scipy.optimize.linear_sum_assignment(cost + 1e-13 * cost.max() * away / away.size)
    order = np.full(reference.n_experts, -1)
    order[columns] = rows
    return Matching(order, cost)


def _features(fitted, reference):
    """Pairs of arrays (k, q) and (l, q) to compare."""
    for model in (fitted, reference):
        if not (model.gate.has_slopes and model.experts.has_slopes):
            raise ValueError(
                f"Experts are matched by their parameters for gates by scores and Gaussian experts, not for "
                f"{model.gate!r} with {model.experts!r}; pass by='responsibilities'."
            )
    left, right = fitted.parameters, reference.parameters
    yield left.intercept[:, None], right.intercept[:, None]
    yield left.coef, right.coef
    yield np.log(left.variance)[:, None], np.log(right.variance)[:, None]
    if left.n_experts == right.n_experts:
        yield _gate_rows(fitted, reference)


def _gate_rows(fitted, reference):
    """Centred gate parameters in the scale that the density determines; of mirror images they are the same."""
    given = as_stack(fitted, "fitted"), as_stack(reference, "reference")
    free = freedom(*given, None, True)
    if free.hard:
        rows = [np.concatenate(gate_rows(one.stack, free), axis=-1)[0] for one in given]
    else:
        rows = [m.gate.natural(m.parameters.gate, m.parameters.temperature)[0] for m in (fitted, reference)]
    left, right = (row - row.mean(axis=0) for row in rows)
    return left, right


def _scaled_squares(left, right):
    spread = np.ptp(right, axis=0)
    # What all reference experts share keeps its own unit.
    spread = np.where(spread > 0.0, spread, 1.0)
    # The solver takes no infinite cost; here it is as good as any that is too large.
    return np.square(np.clip((left[:, None] - right) / spread, -1e150, 1e150)).sum(axis=2)
