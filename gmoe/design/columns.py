"""Columns of a table by name, whoever made the table: pandas, polars, or an array whose columns are counted."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _get_feature_names

from gmoe._names import near


def column_names(X: Any) -> tuple[str, ...] | None:
    """Names of the columns of a data frame; None for what has none.

    Raises
    ------
    ValueError
        Where two columns have one name.
    """
    listed = list(getattr(X, "columns", ()))
    twice = next((name for name in listed if listed.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"X has two columns named {twice!r}; rename one.")
    names = _get_feature_names(X)
    return None if names is None else tuple(names)


def check_known(asked: Iterable[str], known: Sequence[str], what: str) -> None:
    """Raise at the first name that is no column, with those that are near."""
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        raise ValueError(f"{what} asks for column {unknown!r}; {near(unknown, known, 'X has')}.")


def take(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of a table, an array or a list."""
    return _safe_indexing(values, rows)


def row_labels(X: Any, n: int) -> Sequence:
    """Return what rows are called: by the index of a pandas table, else by their number."""
    index = getattr(X, "index", None)
    return range(n) if index is None or callable(index) else list(index)


def cells(column: Any) -> np.ndarray:
    """Return a column as an array, of objects where it holds no plain numbers."""
    values = np.asarray(column)
    return values if values.dtype.kind in "biufcmM" else values.astype(object)


def declared_levels(column: Any) -> list | None:
    """Return the levels that the type of a column lists, in its order; None where it lists none."""
    listed = getattr(getattr(column, "dtype", None), "categories", None)
    return list(listed) if isinstance(listed, Iterable) else None


def is_category(column: Any) -> bool:
    """Whether a column holds text, or is declared as a category."""
    if getattr(getattr(column, "dtype", None), "categories", None) is not None:
        return True
    values = cells(column)
    return values.dtype.kind == "O" and any(isinstance(value, str) for value in values)
