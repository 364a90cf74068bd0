"""One part of a formula in JSON's types, and back: terms, and what a fit has learnt of them; no code."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gmoe import _json
from gmoe.design.expressions import check_expression
from gmoe.design.part import Part, formulaic
from gmoe.design.terms import Category

# How formulaic gets at the values of a factor.
METHODS = ("literal", "lookup", "python")


def part_content(part: Part, columns: Collection[str]) -> dict[str, Any]:
    """Return a part in JSON's types.

    Raises
    ------
    ValueError
        For a formula that may not be read back: see :mod:`gmoe.design.expressions`.
    """
    terms = [[[factor.expr, factor.eval_method.value] for factor in term.factors] for term in part.spec.formula]
    _check(terms, columns)
    return {
        "terms": terms,
        "state": _plain(part.spec.transform_state),
        "levels": {expr: _plain(list(levels)) for expr, levels in part.factor_levels.items()},
        "reads": list(part.reads),
        "categories": [category.content() for category in part.levels],
    }


def part_of(content: Any, columns: Collection[str]) -> Part:
    """Return the part that a content describes; a ValueError where it describes none, or holds what is refused."""
    if not isinstance(content, dict):
        raise ValueError(f"A part of the formula of the JSON must be an object, got {content!r}; {_json.SOURCE}.")
    terms = _json.entry(content, "terms", list)
    reads = _texts(content, "reads")
    if not set(reads) <= set(columns):
        raise ValueError(f"The formula of the JSON reads {sorted(set(reads) - set(columns))}, which it does not list.")
    _check(terms, reads)
    levels, categories = _json.entry(content, "levels", dict), _json.entry(content, "categories", list)
    if not all(isinstance(found, list) and found for found in levels.values()):
        raise ValueError(f"Entry 'levels' of the JSON must hold lists of levels; {_json.SOURCE}.")
    package = formulaic()
    from formulaic.formula import SimpleFormula
    from formulaic.parser.types import Factor, Term

    formula = SimpleFormula([Term([Factor(expr, eval_method=how) for expr, how in term]) for term in terms])
    spec = package.ModelSpec(
        formula=formula,
        output="numpy",
        na_action="ignore",
        transform_state=_learnt(_json.entry(content, "state", dict)),
        encoder_state={
            expr: (Factor.Kind.CATEGORICAL, {"categories": _learnt(found)}) for expr, found in levels.items()
        },
    )
    return Part.again(spec, tuple(reads), tuple(map(_category, categories)))


def _check(terms, columns):
    """Raise a ValueError for what is no list of factors, or may not be evaluated."""
    for term in terms:
        for factor in term if isinstance(term, list) else [term]:
            if not (isinstance(factor, list) and len(factor) == 2 and all(isinstance(text, str) for text in factor)):
                raise ValueError(f"A factor of the JSON must be a text and how it is read, got {factor!r}.")
            expression, how = factor
            if how not in METHODS or (how == "lookup" and expression not in columns):
                raise ValueError(f"The formula of the JSON has the factor {expression!r}, which is no column.")
            # What is looked up may have any name. All else is read as Python, a column of that name or not.
            if how != "lookup":
                check_expression(expression, columns)


def _texts(content, name):
    values = _json.entry(content, name, list)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"Entry {name!r} of the JSON must hold names of columns; {_json.SOURCE}.")
    return values


def _category(content):
    if not isinstance(content, dict):
        raise ValueError(f"A category of the JSON must be an object, got {content!r}; {_json.SOURCE}.")
    levels = _json.entry(content, "levels", list)
    return Category(_json.entry(content, "name", str), tuple(levels))


def _plain(value):
    """Numbers, texts, lists, arrays and mappings with any keys in JSON's types."""
    if isinstance(value, Mapping):
        return {"keys": [_plain(key) for key in value], "values": [_plain(item) for item in value.values()]}
    if isinstance(value, np.ndarray):
        return {"array": _json.numbers(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"The formula has learnt {value} from the data, which JSON has no number for; use pickle.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = type(value).__name__
    raise ValueError(f"The formula has learnt a {kind} from the data, which JSON has no type for; use pickle.")


def _learnt(content):
    """Return what :func:`_plain` made plain."""
    if isinstance(content, dict) and "array" in content:
        return _json.array(content["array"], "state")
    if isinstance(content, dict):
        keys, values = _json.entry(content, "keys", list), _json.entry(content, "values", list)
        if len(keys) != len(values) or not all(isinstance(key, str | int) for key in keys):
            raise ValueError(f"What the formula of the JSON has learnt cannot be read; {_json.SOURCE}.")
        return dict(zip(keys, map(_learnt, values), strict=True))
    return [_learnt(item) for item in content] if isinstance(content, list) else content
