"""Choice of a model: number of experts, gate, columns; and the dendrogram of a fit."""

from gmoe.model_selection.columns import COLUMN_CHOICES, All, ColumnChoice, Exhaustive, Scored, Stepwise
from gmoe.model_selection.criteria import AIC, BIC, CRITERIA, ICL, Criterion, CrossValidation, InformationCriterion
from gmoe.model_selection.dendrogram import Dendrogram, dendrogram
from gmoe.model_selection.fits import Columns, Fits
from gmoe.model_selection.linkages import LikelihoodLinkage, Linkage, RateLinkage
from gmoe.model_selection.result import ModelSelection
from gmoe.model_selection.selecting import select

__all__ = [
    "AIC",
    "BIC",
    "COLUMN_CHOICES",
    "CRITERIA",
    "ICL",
    "All",
    "ColumnChoice",
    "Columns",
    "Criterion",
    "CrossValidation",
    "Dendrogram",
    "Exhaustive",
    "Fits",
    "InformationCriterion",
    "LikelihoodLinkage",
    "Linkage",
    "ModelSelection",
    "RateLinkage",
    "Scored",
    "Stepwise",
    "dendrogram",
    "select",
]
