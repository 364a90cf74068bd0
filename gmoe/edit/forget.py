"""A model without one of its experts, beside the fit that never knew it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.edit._edited import Edited, Rows, edited
from gmoe.edit._experts import check_expert, others, pick
from gmoe.metrics import hellinger
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.fit import fit


@dataclass(frozen=True, eq=False, repr=False)
class Forgotten:
    """An expert taken out, and what a fit from the data alone has instead.

    Attributes
    ----------
    edited : Edited
        The others, fitted again from where they were; with its certificate in ``edited.result``.
    exact : FitResult
        The best maximum of the same rows and weights with one expert less, searched for without the model.
    """

    edited: Edited
    exact: FitResult

    @property
    def model(self) -> GMoE:
        """The model without the expert."""
        return self.edited.model

    @property
    def gap(self) -> float:
        """Log-likelihood by which the exact fit is higher: what the model still remembers of the expert."""
        return self.exact.log_likelihood - self.edited.log_likelihood

    @property
    def hellinger(self) -> float:
        """Hellinger distance of the two densities, averaged over the rows of X; of one response."""
        return float(hellinger(self.model, self.exact.model, self.edited.X))

    def __str__(self):
        return (
            f"{self.edited}\nexact fit: {self.exact.status}, log-likelihood {self.exact.log_likelihood:.10g}, "
            f"{self.gap:.6g} above"
        )

    def __repr__(self):
        return f"<Forgotten: {self.edited.what}; {self.gap:.6g} below the exact fit; print it, or see .model>"


def forget(
    model: GMoE, X: Any, y: Any, expert: int, *, weight: Any = None, with_rows: bool = False,
    space: ParameterSpace | None = None, n_init: int = 10, seed: int = 0,
) -> Forgotten:  # fmt: skip
    """Take an expert out, fit the others again, and compare them with the exact fit, which never knew it.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
    expert : int
    weight : array-like, shape (n,), optional
    with_rows : bool, default False
        Whether what the expert explains goes too: each row then counts by the posterior probability of the others,
        in both fits, and in the log-likelihoods before and after.
    space : ParameterSpace, optional
    n_init : int, default 10
        Effort of the search for the exact fit.
    seed : int, default 0

    Returns
    -------
    Forgotten

    Raises
    ------
    ValueError
        For a gate that gives experts a place among the others, an expert with a given density, and the only one.
    """
    rows, expert = Rows.of(X, y, weight), check_expert(model, expert)
    smaller = pick(model, others(model, expert))
    if with_rows:
        kept = 1.0 - model.responsibilities(rows.X, rows.y)[:, expert]
        rows = Rows(rows.X, rows.y, rows.weight * kept)
    found = edited(f"expert {expert} forgotten", smaller, model, rows, refit=True, space=space)
    exact = fit(
        rows.X,
        rows.y,
        rows.weight,
        gate=smaller.gate,
        gate_columns=np.array(smaller.gate_columns, dtype=np.intp),
        expert_columns=np.array(smaller.expert_columns, dtype=np.intp),
        n_experts=smaller.n_experts,
        n_init=n_init,
        seed=seed,
        space=ParameterSpace() if space is None else space,
        experts=smaller.experts,
    )
    return Forgotten(found, exact)
