"""Another number of active experts, with the same parameters."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmoe._validation import check_integer
from gmoe.edit._edited import Edited, Rows, edited
from gmoe.gates import BY_LOGIT, TopK
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace


def activate(
    model: GMoE, X: Any, y: Any, n_active: int, *, weight: Any = None, refit: bool = False,
    space: ParameterSpace | None = None,
) -> Edited:  # fmt: skip
    """Activate another number of experts at each x.

    Experts are ranked by what the gate ranks them by; those of a dense gate by their weight.

    Parameters
    ----------
    model : GMoE
        With a gate by scores.
    X, y : array-like
    n_active : int
        From 1 to the number of experts, which is the dense gate.
    weight : array-like, shape (n,), optional
    refit, space
        As of :func:`gmoe.edit.prune`.

    Returns
    -------
    Edited

    Raises
    ------
    ValueError
        For a gate without scores, and a number beyond that of the experts.
    """
    rows = Rows.of(X, y, weight)
    return edited(f"{n_active} experts active", activated(model, n_active), model, rows, refit, space)


@dataclass(frozen=True, eq=False)
class ActivationCurve:
    """Mean log-density by the number of active experts.

    Attributes
    ----------
    n_active : ndarray of int, shape (k,)
    log_density : ndarray, shape (k,)
        Weighted mean over the rows; minus infinity where an active expert gives a row the density 0.
    """

    n_active: np.ndarray
    log_density: np.ndarray

    @property
    def best(self) -> int:
        """Number of active experts with the largest one."""
        return int(self.n_active[np.argmax(self.log_density)])

    def to_frame(self):
        """Return a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame({"n_active": self.n_active, "log_density": self.log_density}).set_index("n_active")


def activation_curve(model: GMoE, X: Any, y: Any, *, weight: Any = None) -> ActivationCurve:
    """Mean log-density of rows, best ones that the fit has not seen, for each number of active experts.

    Parameters
    ----------
    model : GMoE
        With a gate by scores.
    X, y : array-like
    weight : array-like, shape (n,), optional
    """
    rows, numbers = Rows.of(X, y, weight), np.arange(1, model.n_experts + 1)
    values = [rows.log_likelihood(activated(model, int(n))) / rows.weight.sum() for n in numbers]
    return ActivationCurve(numbers, np.array(values))


def activated(model: GMoE, n_active: int) -> GMoE:
    """Return the model with so many active experts."""
    selection = model.gate.selection
    by = selection.by if selection.selects else BY_LOGIT
    found = TopK(check_integer(n_active, "n_active", 1), by)
    found.check(model.n_experts)
    return replace(model, gate=model.gate.selecting(found))
