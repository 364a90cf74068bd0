"""What an edit of a model returns: the new model, and the evidence of what it costs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gmoe._validation import check_finite
from gmoe.metrics import hellinger, kl_divergence
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.fit import fit


@dataclass(frozen=True, eq=False)
class Rows:
    """Observations that an edit is judged by, checked; better made by :meth:`of`.

    Attributes
    ----------
    X, y : ndarray
    weight : ndarray, shape (n,)
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, X: Any, y: Any, weight: Any = None) -> "Rows":
        """Check weights; X and y are checked by the model.

        Raises
        ------
        ValueError
            For weights that are not one for each row, negative, or all zero.
        """
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=float)
        if w.shape != y.shape[:1] or not np.all(w >= 0.0) or not 0.0 < w.sum() < np.inf:
            raise ValueError(f"weight must be {len(y)} non-negative numbers, not all zero; got the shape {w.shape}.")
        check_finite(y, "y")
        return cls(X, y, w)

    def log_likelihood(self, model: GMoE) -> float:
        """Weighted sum of the log-densities; minus infinity where a row has the density 0."""
        with np.errstate(divide="ignore"):
            return float(self.weight @ model.log_density(self.X, self.y))

    def refit(self, model: GMoE, init: Any, space: ParameterSpace | None = None) -> FitResult:
        """Climb from parameters, or several of them, to the certified maximum in the class of a model."""
        return fit(
            self.X,
            self.y,
            self.weight,
            gate=model.gate,
            gate_columns=np.array(model.gate_columns, dtype=np.intp),
            expert_columns=np.array(model.expert_columns, dtype=np.intp),
            n_experts=model.n_experts,
            init=init,
            space=ParameterSpace() if space is None else space,
            experts=model.experts,
        )


@dataclass(frozen=True, eq=False, repr=False)
class Edited:
    """A model after an edit, beside the one before.

    Attributes
    ----------
    what : str
        The edit in words.
    model, before : GMoE
    log_likelihood, log_likelihood_before : float
        On the rows that were given.
    X : ndarray
        Features of these rows.
    total_weight : float
        Sum of their weights: n of the BIC.
    result : FitResult or None
        With its certificate, where the model was fitted again after the edit; its experts are then in the order of
        their shares.
    """

    what: str
    model: GMoE
    before: GMoE
    log_likelihood: float
    log_likelihood_before: float
    X: np.ndarray
    total_weight: float
    result: FitResult | None = None

    @property
    def loss(self) -> float:
        """Log-likelihood that the edit costs; negative where it gains."""
        return self.log_likelihood_before - self.log_likelihood

    @property
    def df(self) -> int:
        """Identified parameters after the edit."""
        return self.model.n_free_parameters if self.result is None else self.result.n_free_parameters

    @property
    def df_before(self) -> int:
        """Identified parameters before it."""
        return self.before.n_free_parameters

    @property
    def bic(self) -> float:
        """Bayes' criterion after the edit; smaller is better. Without a fit it is an upper bound."""
        return float(np.log(self.total_weight)) * self.df - 2.0 * self.log_likelihood

    @property
    def bic_before(self) -> float:
        """Bayes' criterion before it."""
        return float(np.log(self.total_weight)) * self.df_before - 2.0 * self.log_likelihood_before

    @cached_property
    def hellinger(self) -> float:
        """Hellinger distance of the two densities, averaged over the rows of X; of one response."""
        return float(hellinger(self.model, self.before, self.X))

    @cached_property
    def kl_divergence(self) -> float:
        """Kullback-Leibler divergence of the new density from the former one, averaged likewise."""
        return float(kl_divergence(self.model, self.before, self.X))

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per figure: before, after, change."""
        found = {
            "experts": (self.before.n_experts, self.model.n_experts),
            "log-likelihood": (self.log_likelihood_before, self.log_likelihood),
            "df": (self.df_before, self.df),
            "BIC": (self.bic_before, self.bic),
        }
        return [{"figure": name, "before": a, "after": b, "change": b - a} for name, (a, b) in found.items()]

    def to_frame(self):
        """Return the rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows()).set_index("figure")

    def __str__(self):
        lines = [self.what, f"{'':<14}  {'before':>14}  {'after':>14}  {'change':>12}"]
        lines += [
            f"{row['figure']:<14}  {row['before']:>14.10g}  {row['after']:>14.10g}  {row['change']:>12.6g}"
            for row in self.rows()
        ]
        status = "not fitted again" if self.result is None else f"fitted again: {self.result.status}"
        return "\n".join([*lines, status])

    def __repr__(self):
        return f"<Edited: {self.what}; loss {self.loss:.6g}; print it, or see .model>"


def edited(
    what: str, model: GMoE, before: GMoE, rows: Rows, refit: bool = False, space: ParameterSpace | None = None,
    starts: list[Parameters] | None = None,
) -> Edited:  # fmt: skip
    """Judge an edited model, after another climb if asked for."""
    result = None
    if refit:
        result = rows.refit(model, model.parameters if starts is None else starts, space)
        model = result.model
    values = rows.log_likelihood(model), rows.log_likelihood(before)
    return Edited(what, model, before, *values, rows.X, float(rows.weight.sum()), result)
