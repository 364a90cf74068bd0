"""Choice of a model: number of experts, gate, columns; and the dendrogram of a fit."""

from gmoe.model_selection.columns import All, ColumnChoice, Columns, Exhaustive, Stepwise
from gmoe.model_selection.criteria import AIC, BIC, ICL, Criterion, CrossValidation, InformationCriterion
from gmoe.model_selection.result import ModelSelection
from gmoe.model_selection.selecting import select

__all__ = [
    "AIC",
    "BIC",
    "ICL",
    "All",
    "ColumnChoice",
    "Columns",
    "Criterion",
    "CrossValidation",
    "Exhaustive",
    "InformationCriterion",
    "ModelSelection",
    "Stepwise",
    "select",
]
