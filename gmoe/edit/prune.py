"""Leaving experts out: one, or all but the best set under a budget."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from gmoe.edit._edited import Edited, Rows, edited
from gmoe.edit._experts import check_given, log_parts, log_sum, others, pick
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace

# Experts up to which all sets are tried: 4095 of them.
EXHAUSTIVE = 12


def prune_losses(model: GMoE, X: Any, y: Any, *, weight: Any = None) -> np.ndarray:
    """Log-likelihood that it costs to leave out each expert, without another fit.

    Parameters
    ----------
    model : GMoE
    X : array-like, shape (n, n_features)
    y : array-like, shape (n,) or (n, n_outputs)
    weight : array-like, shape (n,), optional

    Returns
    -------
    ndarray, shape (k,)
        Infinite for an expert of a given density, which stays.

    Raises
    ------
    ValueError
        For a gate that gives experts a place among the others, as in a tree, and a model of one expert.

    Notes
    -----
    The others keep the ratios of their weights, so that a dense gate loses ``sum_i log((1 - pi_ij) / (1 - r_ij))``, pi
    the gate and r the responsibilities: no approximation. A gate that selects may activate another expert in the place
    of the one that is left out, and is asked.
    """
    return _losses(model, Rows.of(X, y, weight))


def prune(
    model: GMoE, X: Any, y: Any, expert: int | None = None, *, weight: Any = None, refit: bool = False,
    space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Leave an expert out; the others keep their parameters.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
        Rows that the loss is taken over.
    expert : int, optional
        By default the one of the least loss.
    weight : array-like, shape (n,), optional
    refit : bool, default False
        Whether to climb to the maximum of the likelihood from there.
    space : ParameterSpace, optional
        Of that fit.

    Returns
    -------
    Edited

    Raises
    ------
    ValueError
        As :func:`prune_losses`, and where there is no such expert.
    """
    rows = Rows.of(X, y, weight)
    if expert is None:
        expert = int(np.argmin(_losses(model, rows)))
    return edited(f"expert {expert} left out", pick(model, others(model, expert)), model, rows, refit, space)


def subset(
    model: GMoE, X: Any, y: Any, budget: float, *, cost: Sequence[float] | None = None, weight: Any = None,
    refit: bool = False, space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Keep the experts that explain most under a budget.

    All sets are tried for up to 12 experts; of more the worst one, by loss for its cost, is left out again and again.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
    budget : float
        What the experts that stay may cost together.
    cost : sequence of float, shape (k,), optional
        Positive; 1 for each expert by default, so that the budget is their number.
    weight : array-like, shape (n,), optional
    refit, space
        As of :func:`prune`.

    Returns
    -------
    Edited

    Raises
    ------
    ValueError
        As :func:`prune_losses`; for costs that are not positive, and where no expert is within the budget.
    """
    rows = Rows.of(X, y, weight)
    prices = np.ones(model.n_experts) if cost is None else np.asarray(cost, dtype=float)
    if prices.shape != (model.n_experts,) or not np.all((prices > 0.0) & np.isfinite(prices)):
        raise ValueError(f"cost must be {model.n_experts} positive numbers, one for each expert; got {cost}.")
    gain = _Gain(model, rows)
    found = _best(model, gain, prices, budget) if model.n_experts <= EXHAUSTIVE else _greedy(gain, prices, budget)
    if not found:
        raise ValueError(f"No expert is within budget={budget}: the costs are {prices.tolist()}; give a larger one.")
    kept = ", ".join(map(str, found))
    return edited(f"experts {kept} kept", pick(model, found), model, rows, refit, space)


class _Gain:
    """Log-likelihood of the model of some experts."""

    def __init__(self, model: GMoE, rows: Rows):
        self.model, self.rows = model, rows
        model.gate.resized(model.n_experts)
        self.dense = not model.gate.is_sparse(model.n_experts)
        if self.dense:
            self.log_gate, log_density = log_parts(model, rows.X, rows.y)
            self.joint = self.log_gate + log_density

    def __call__(self, experts: Sequence[int]) -> float:
        if not self.dense:
            return self.rows.log_likelihood(pick(self.model, experts))
        check_given(self.model, experts)
        chosen = list(experts)
        return float(self.rows.weight @ (log_sum(self.joint[:, chosen]) - log_sum(self.log_gate[:, chosen])))


def _losses(model, rows):
    gain, k = _Gain(model, rows), model.n_experts
    free = k - model.experts.n_given
    if free < 2:
        raise ValueError(f"The model has {free} expert of a fitted density, and it must stay; there is none to prune.")
    if not gain.dense:
        whole = gain(range(k))
        return np.array([whole - gain(others(model, j)) if j < free else np.inf for j in range(k)])
    log_r = gain.joint - log_sum(gain.joint)[:, None]
    lost = np.full(k, np.inf)
    for j in range(free):
        rest = others(model, j)
        # log(1 - pi) and log(1 - r) by sums over the others: nothing cancels where one expert has all.
        lost[j] = rows.weight @ (log_sum(gain.log_gate[:, rest]) - log_sum(log_r[:, rest]))
    return lost


def _within(model, prices, budget) -> Iterator[tuple[int, ...]]:
    k, n = model.n_experts, model.experts.n_given
    given = tuple(range(k - n, k))
    for size in range(1, k - n + 1):
        for chosen in combinations(range(k - n), size):
            if prices[[*chosen, *given]].sum() <= budget:
                yield (*chosen, *given)


def _best(model, gain, prices, budget):
    return max(_within(model, prices, budget), key=gain, default=())


def _greedy(gain, prices, budget):
    kept, free = list(range(len(prices))), len(prices) - gain.model.experts.n_given
    whole = gain(kept)
    while prices[kept].sum() > budget:
        candidates = [j for j in kept if j < free]
        if len(candidates) < 2:
            return ()
        values = {j: gain([i for i in kept if i != j]) for j in candidates}
        worst = min(candidates, key=lambda j: (whole - values[j]) / prices[j])
        kept.remove(worst)
        whole = values[worst]
    return tuple(kept)
