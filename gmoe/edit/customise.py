"""A model as it is, and one more expert for rows of one's own."""

from typing import Any

import numpy as np

from gmoe.constraints import Constraint, HeldModel
from gmoe.edit._edited import Edited, Rows
from gmoe.edit._experts import pick
from gmoe.edit.add import APART, moved
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.solvers.fit import fit


def customise(
    model: GMoE, X: Any, y: Any, *, weight: Any = None, space: ParameterSpace | None = None,
    constraints: tuple[Constraint, ...] = (), n_init: int = 10, seed: int = 0,
) -> Edited:  # fmt: skip
    """Fit one new expert beside those of a model, which stay as they are: a published model on data of one's own.

    The densities of the model's experts and its gate among them are held: their parameters are the same numbers, bit
    for bit. What the rows decide is the density of the new expert, and where the gate gives it weight, which is taken
    from all others alike.

    Parameters
    ----------
    model : GMoE
        With a dense gate, in canonical form, as fits return it.
    X, y : array-like
    weight : array-like, shape (n,), optional
    space : ParameterSpace, optional
        Of the fit. What is held need not obey it.
    constraints : tuple of Constraint
        Further ones, on the new expert: it is the last one.
    n_init : int, default 10
        Effort of the search.
    seed : int, default 0

    Returns
    -------
    Edited
        The new expert is the last one. ``loss`` is negative by what it gains; ``result`` has the certificate, and
        standard errors of what was fitted.

    Raises
    ------
    ValueError
        For a sparse gate, one that gives experts a place among the others, and experts with a given density.
    """
    rows = Rows.of(X, y, weight)
    if model.experts.n_given:
        raise ValueError(f"{model.experts!r} keep a given density for the last expert; customise a model without it.")
    model = model.canonical()
    before = rows.log_likelihood(model)
    larger = pick(model, [*range(model.n_experts), model.n_experts - 1])
    result = fit(
        rows.X,
        rows.y,
        rows.weight,
        gate=larger.gate,
        gate_columns=np.array(model.gate_columns, dtype=np.intp),
        expert_columns=np.array(model.expert_columns, dtype=np.intp),
        n_experts=larger.n_experts,
        n_init=n_init,
        also=_starts(model),
        space=ParameterSpace() if space is None else space,
        seed=seed,
        experts=model.experts,
        constraints=(HeldModel(model), *constraints),
    )
    after, total = rows.log_likelihood(result.model), float(rows.weight.sum())
    return Edited("one expert beside those of the model", result.model, model, after, before, rows.X, total, result)


def _starts(model: GMoE) -> list[Parameters]:
    """Return the model with a copy of each expert at the end, moved to either side."""
    copies = [pick(model, [*range(model.n_experts), j]) for j in range(model.n_experts)]
    apart = [moved(copy, model.n_experts, side * APART) for copy in copies for side in (-1.0, 1.0)]
    return [one.parameters for one in apart]
