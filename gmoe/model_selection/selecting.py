"""The choice of number of experts, gate and columns in one call."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from gmoe._names import named
from gmoe._validation import check_integer
from gmoe.design import take
from gmoe.estimator import GaussianMoERegressor
from gmoe.estimator.training import Training, check_rows, prepare
from gmoe.gates import BaseGate, as_gate
from gmoe.model_selection.columns import COLUMN_CHOICES, ColumnChoice, Scored, scored
from gmoe.model_selection.criteria import CRITERIA, Criterion
from gmoe.model_selection.fits import Columns, Fits, Fitter
from gmoe.model_selection.result import ModelSelection
from gmoe.parameters import Parameters

WHICH = " Which columns there are to choose from is said by gate_features and expert_features."


def select(
    X: Any,
    y: Any = None,
    *,
    n_experts: Any = range(1, 6),
    gates: Any = "softmax",
    columns: Any = "all",
    criterion: Any = "bic",
    sample_weight: Any = None,
    **settings: Any,
) -> ModelSelection:
    """Choose the number of experts, the gate and the columns by a criterion.

    One search climbs all numbers of experts on its way to the largest, so that they cost one fit. Columns are chosen
    for the best number of experts by climbs from models that differ by one column; then the numbers of experts are
    searched with the new columns, and so on until neither changes. Searches on the way to the columns are short ones
    (one round); those of the path that is returned have all of ``n_init``.

    Parameters
    ----------
    X : array-like or data frame, shape (n, n_features)
        With ``missing="drop"`` all models are fitted to the rows that lack no column that may be chosen.
    y : array-like, shape (n,)
        None where a formula says it.
    n_experts : int or iterable of int, default range(1, 6)
        Numbers to choose from; those that do not suit a gate are left out.
    gates : str, BaseGate, or several of them, default "softmax"
        As ``gate`` of :class:`gmoe.GaussianMoERegressor`.
    columns : {"all", "stepwise", "forward", "exhaustive"} or ColumnChoice, default "all"
        Which of ``gate_features`` and ``expert_features`` (all columns by default) gate and experts see: all of them;
        those where a walk ends that begins with all, or with none, and on which one goes or comes at a time; the best
        of all subsets. A category is one column. With a formula they are its terms, of which none goes before those
        that contain it.
    criterion : {"bic", "aic", "icl", "cv"} or Criterion, default "bic"
        What is to be smallest. "cv" is -2 times the log-likelihood of rows left out, over 5 folds.
    sample_weight : array-like, shape (n,), optional
    **settings
        Of :class:`gmoe.GaussianMoERegressor`, as ``random_state``, ``n_jobs``, ``expert_features``.

    Returns
    -------
    ModelSelection

    Raises
    ------
    ValueError, TypeError
        As of the fit; for unknown names; where no number of experts suits a gate; for ``init``, ``warm_start`` or
        ``expert_labels`` that are of one number of experts.

    Examples
    --------
    >>> from gmoe import select
    >>> from gmoe.datasets import make_gmoe
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> selection = select(X, y, n_experts=range(1, 4), random_state=0)
    >>> selection.best.n_experts
    2
    """
    numbers = _numbers(n_experts)
    rule = named(criterion, CRITERIA, Criterion, "criterion")
    choice = named(columns, COLUMN_CHOICES, ColumnChoice, "columns", WHICH)
    base = GaussianMoERegressor(**settings)
    if base.warm_start or not isinstance(base.init, str):
        raise ValueError("init must be a name, and warm_start False: several numbers of experts have no common start.")
    if base.expert_labels is not None:
        raise ValueError("expert_labels are of one number of experts; relabel the best one: selection.best.relabel().")
    fixed = base._settings()
    data = prepare(base, X, y, sample_weight, fixed["experts"].multi_output)
    check_rows(data.n_used, numbers[0])
    del fixed["gate"], fixed["n_experts"]
    fitter = Fitter(data, fixed | {"init": base.init, "seed": base._seed()})
    chosen, path, steps = [], [], []
    for gate in _listed(gates):
        fits, scores, walked = _choose(fitter, as_gate(gate), numbers, choice, rule)
        chosen += [(gate, fits)] * len(scores)
        path += scores
        steps += walked
    X, y = _used(data, X, y)
    estimators = [_fitted(base, fitter, X, y, *pair, one) for pair, one in zip(chosen, path, strict=True)]
    best = best_of(path)
    return ModelSelection(
        path=tuple(estimator for estimator, _ in estimators),
        scores=tuple(one.score for one in path),
        criterion=rule,
        best=next(estimator for (estimator, _), one in zip(estimators, path, strict=True) if one is best),
        columns=tuple(seen for _, seen in estimators),
        steps=tuple(steps),
    )


def best_of(candidates: Iterable[Scored]) -> Scored:
    """Return the first that no other beats."""
    best, *others = candidates
    for other in others:
        best = other if other.beats(best) else best
    return best


def _choose(fitter: Fitter, gate: BaseGate, numbers, choice: ColumnChoice, rule: Criterion):
    """Choose numbers of experts and columns in turn, until neither changes: at first by short searches."""
    columns, steps = choice.start(fitter.all_columns), []
    also: list[Parameters] = []
    if not any(_allows(fitter, gate, columns, k) for k in numbers):
        columns = fitter.all_columns  # a gate that needs a feature
    for searching in (fitter.hasty(), fitter) if choice.explores else (fitter,):
        visited: set[Columns] = set()
        while columns not in visited:
            visited.add(columns)
            fits = searching.path(gate, columns, _suiting(fitter, gate, columns, numbers), also)
            path = scored(fits, rule)
            walked = choice.walk(searching, gate, best_of(path), rule)
            steps += walked
            columns, also = walked[-1].columns, [walked[-1].result.model.parameters]
    return fits, path, steps


def _suiting(fitter, gate, columns, numbers):
    suiting = [k for k in numbers if _allows(fitter, gate, columns, k)]
    if not suiting:
        fitter.allows(gate, columns, numbers[-1])
    return suiting


def _allows(fitter, gate, columns, k):
    try:
        fitter.allows(gate, columns, k)
    except ValueError:
        return False
    return True


def _fitted(base, fitter: Fitter, X, y, gate, fits: Fits, one: Scored):
    """Make a fitted estimator of a result, and say which columns of X it sees."""
    design, k = fitter.data.design, one.result.model.n_experts
    estimator = clone(base).set_params(n_experts=k, gate=gate)
    parts = zip(design.units, fits.columns, strict=True)
    seen = tuple(tuple(unit for unit, own in units.items() if set(own) <= kept) for units, kept in parts)
    if fits.columns != fitter.all_columns:
        estimator.set_params(**design.settings(*seen))
    design_of_fit = prepare(estimator, X, y, None, fitter.settings["experts"].multi_output).design
    estimator.design_, estimator.n_dropped_ = design_of_fit, fitter.data.n_given - len(fitter.data.rows)
    estimator._adopt(_moved(one.result, design, design_of_fit))
    return estimator, seen


def _moved(result, design, design_of_fit):
    """Return the result with columns counted as another design does."""
    names = design_of_fit.names

    def moved(model):
        gate, experts = (
            [j if names is None else names.index(design.names[j]) for j in part]
            for part in (model.gate_columns, model.expert_columns)
        )
        return replace(model, gate_columns=gate, expert_columns=experts)

    others = tuple(replace(other, model=moved(other.model)) for other in result.other_maxima)
    return replace(result, model=moved(result.model), other_maxima=others)


def _used(data: Training, X, y):
    """Rows of X and y that the fits use."""
    if len(data.rows) == data.n_given:
        return X, y
    return take(X, data.rows), None if y is None else take(y, data.rows)


def _numbers(n_experts):
    listed = [n_experts] if isinstance(n_experts, int | np.integer) else list(n_experts)
    if not listed:
        raise ValueError("n_experts must hold one number at least; got none.")
    return sorted({check_integer(k, "each of n_experts", 1) for k in listed})


def _listed(gates):
    listed = [gates] if isinstance(gates, str | BaseGate) else list(gates)
    if not listed:
        raise ValueError("gates must hold one gate at least; got none.")
    return listed
