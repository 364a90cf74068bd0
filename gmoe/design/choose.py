"""Which kind of design data and settings ask for."""

from typing import Any

from gmoe._validation import check_choice
from gmoe.design.base import Choice
from gmoe.design.coding import CODINGS
from gmoe.design.columns import column_names
from gmoe.design.formula import ByFormula
from gmoe.design.named import ByName
from gmoe.design.whole import ByPlace


def choose(
    X: Any,
    gate_features: Any = None,
    expert_features: Any = None,
    formula: str | None = None,
    coding: str = "treatment",
) -> Choice:
    """Return the choice of columns.

    Parameters
    ----------
    X : data frame, or ndarray of numbers
    gate_features, expert_features, formula, coding
        As of :class:`gmoe.GaussianMoERegressor`.
    """
    check_choice(coding, "coding", tuple(CODINGS))
    if formula is not None:
        return ByFormula.parse(formula, X, gate_features, expert_features, coding)
    names = column_names(X)
    if names is None:
        return ByPlace(gate_features, expert_features, X.shape[1])
    return ByName(names, gate_features, expert_features, coding)
