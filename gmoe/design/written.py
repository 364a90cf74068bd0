"""Designs from JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gmoe import _json
from gmoe.design.base import Design
from gmoe.design.coding import CODINGS
from gmoe.design.formula import ByTerms
from gmoe.design.named import Named
from gmoe.design.part_written import part_of
from gmoe.design.terms import Category, Number, Term
from gmoe.design.whole import Whole


def design_of(content: Mapping[str, Any]) -> Design:
    """Return the design that :meth:`Design.content` describes.

    Raises
    ------
    ValueError
        For what describes none, and for formulas with other functions than :mod:`gmoe.design.expressions` lists.
    ImportError
        For a formula without formulaic.
    """
    gate, experts = (_places(_json.entry(content, name, list), name) for name in ("gate", "experts"))
    if "formula" in content:
        return _formula(content)
    if "terms" not in content:
        names = _json.entry(content, "names", (list, type(None)))
        return Whole(None if names is None else tuple(names), gate, experts)
    terms = [_term(item) for item in _json.entry(content, "terms", list)]
    found = _json.entry(content, "places", dict)
    unknown = [term.name for term in terms if type(found.get(term.name)) is not int]
    if unknown:
        raise ValueError(f"Entry 'places' of the JSON lacks the column {unknown[0]!r}; {_json.SOURCE}.")
    return Named.of(terms, gate, experts, found)


def _formula(content):
    parts, places = _json.entry(content, "formula", dict), _json.entry(content, "places", dict)
    columns = _json.entry(content, "columns", list)
    left, *others = (parts.get(name) for name in ("response", "experts", "gate"))
    found = [None if left is None else part_of(left, places), *(part_of(part, places) for part in others)]
    if set(columns) != {name for part in found[1:] if part for name in part.columns}:
        raise ValueError(f"Entry 'columns' of the JSON has other columns than its formula makes; {_json.SOURCE}.")
    return ByTerms.of(found, columns, places)


def _places(values, name):
    if not all(type(value) is int and value >= 0 for value in values):
        raise ValueError(f"Entry {name!r} of the JSON must hold numbers of columns; {_json.SOURCE}.")
    return np.array(values, dtype=np.intp)


def _term(content) -> Term:
    if not isinstance(content, dict):
        raise ValueError(f"A term of the JSON must be an object with a name, got {content!r}; {_json.SOURCE}.")
    name = _json.entry(content, "name", str)
    if "levels" not in content:
        return Number(name)
    levels, coding = _json.entry(content, "levels", list), _json.entry(content, "coding", str)
    if coding not in CODINGS or len(levels) < 2 or not all(isinstance(level, str | int | float) for level in levels):
        raise ValueError(f"The category {name!r} of the JSON has no coding and two levels; {_json.SOURCE}.")
    return Category(name, tuple(levels), coding)
