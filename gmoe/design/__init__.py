"""From tables as they are to numbers with names: columns chosen by name, categories coded, formulas, missing values."""

from gmoe.design.base import REMEDY, Choice, Design
from gmoe.design.choose import choose
from gmoe.design.coding import CODINGS
from gmoe.design.columns import cells, column_names, is_category, row_labels, take
from gmoe.design.formula import check_formula
from gmoe.design.gaps import Gaps
from gmoe.design.named import Named
from gmoe.design.terms import MOST_LEVELS, Category, Number, Term
from gmoe.design.written import design_of

__all__ = [
    "CODINGS",
    "MOST_LEVELS",
    "REMEDY",
    "Category",
    "Choice",
    "Design",
    "Gaps",
    "Named",
    "Number",
    "Term",
    "cells",
    "check_formula",
    "choose",
    "column_names",
    "design_of",
    "is_category",
    "row_labels",
    "take",
]
