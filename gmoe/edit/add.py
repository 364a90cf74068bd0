"""One more expert: a twin of one, and the climb from there."""

from dataclasses import replace
from typing import Any

import numpy as np

from gmoe.edit._edited import Edited, Rows, edited
from gmoe.edit._experts import check_expert, pick
from gmoe.frames import Frame, ResponseFrame
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters

# Standard deviations by which twins are moved apart, each to its side.
APART = 0.5


def add(
    model: GMoE, X: Any, y: Any, expert: int | None = None, *, weight: Any = None, refit: bool = True,
    space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Add an expert: a twin of one, each with half of its weight.

    Without another fit the density is the same, where the gate can halve a weight. With it the twins are moved apart,
    by their means, and climb; of all experts the one is doubled whose twins end highest.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
    expert : int, optional
        Which one is doubled; by default each is tried, without another fit that of the largest share.
    weight : array-like, shape (n,), optional
    refit : bool, default True
    space : ParameterSpace, optional
        Of the fit.

    Returns
    -------
    Edited
        The twin comes after the expert. With a fit experts are in the order of their shares.

    Raises
    ------
    ValueError
        For a gate that gives experts a place among the others, and where there is no such expert of a fitted density.
    """
    rows = Rows.of(X, y, weight)
    free = range(model.n_experts - model.experts.n_given)
    if expert is not None and check_expert(model, expert) not in free:
        raise ValueError(f"Expert {expert} has a given density, which a twin cannot improve; give one of {list(free)}.")
    asked = list(free) if expert is None else [expert]
    if not refit:
        shares = rows.weight @ model.gate_proba(rows.X)
        chosen = max(asked, key=lambda j: shares[j])
        return edited(f"expert {chosen} doubled", twin(model, chosen), model, rows)
    starts = [start for j in asked for start in _starts(twin(model, j), j)]
    first = replace(twin(model, asked[0]), parameters=starts[0])
    return edited("an expert added", first, model, rows, refit=True, space=space, starts=starts)


def twin(model: GMoE, expert: int) -> GMoE:
    """Return the model with an expert twice, each with half its weight where the gate can say so."""
    order = [j for j in range(model.n_experts) for _ in range(1 + (j == expert))]
    twice = pick(model, order)
    if not twice.gate.doubles:
        return twice
    own, shared, frame = _gate(twice)
    own[[expert, expert + 1], 0] -= np.log(2.0)
    return _with(twice, twice.gate.to_raw(own, shared, frame))


def _starts(twice: GMoE, expert: int) -> list[Parameters]:
    """Return the twins as they are, and moved apart by their means."""
    apart = moved(moved(twice, expert, -APART), expert + 1, APART)
    return [twice.parameters, apart.parameters]


def moved(model: GMoE, expert: int, step: float) -> GMoE:
    """Return the model with the mean of an expert moved by so many of its standard deviations."""
    size = model.sizes[1]
    frame = ResponseFrame.identity(size.n_features, size.n_outputs)
    own, shared = model.experts.from_raw(model.parameters.arrays, frame)
    own = np.array(own)
    intercept = model.experts.mean_columns(size)[0]
    own[expert, intercept] += step * model.experts.measures(own, shared)[expert, intercept]
    return _with(model, model.experts.to_raw(own, shared, frame))


def _gate(model):
    frame = Frame.identity(model.sizes[0].n_features)
    own, shared = model.gate.from_raw(model.parameters.arrays, frame)
    return np.array(own, dtype=float), shared, frame


def _with(model, arrays):
    return replace(model, parameters=Parameters(**(model.parameters.arrays | arrays)))
