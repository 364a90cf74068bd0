"""Missing values: in which columns, in which rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils._missing import is_pandas_na

from gmoe._validation import not_finite

FEW = 3  # rows that a message lists


def missing(values: Any) -> Any:
    """Which cells are missing, shaped like the values: NaN, None, NA of pandas."""
    if hasattr(values, "isna"):
        return np.asarray(values.isna(), dtype=bool)
    values = np.asarray(values)
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        return np.frompyfunc(_is_missing, 1, 1)(values).astype(bool)
    return np.zeros(values.shape, dtype=bool)


def _is_missing(value):
    return value is None or is_pandas_na(value) or (isinstance(value, float | np.floating) and value != value)


def any_missing(values: np.ndarray) -> bool:
    """Whether an array of numbers has NaN; reads large arrays in chunks."""
    return any(np.isnan(part).any() for _, part, _ in not_finite(values))


@dataclass(frozen=True, eq=False)
class Gaps:
    """Rows that lack a value, by column.

    Attributes
    ----------
    columns : dict of str to ndarray of bool, shape (n,)
        Of those columns that lack some; the names as a message shows them.
    labels : sequence
        What the rows are called.
    """

    columns: dict[str, np.ndarray]
    labels: Sequence

    @classmethod
    def of(cls, columns: Mapping[str, Any], labels: Sequence) -> "Gaps":
        """Find them."""
        masks = {name: missing(values) for name, values in columns.items()}
        rows = {name: mask.reshape(len(mask), -1).any(axis=1) for name, mask in masks.items() if mask.ndim}
        return cls({name: mask for name, mask in rows.items() if mask.any()}, labels)

    def __or__(self, other: "Gaps") -> "Gaps":
        return Gaps(self.columns | other.columns, self.labels)

    def __bool__(self) -> bool:
        return bool(self.columns)

    @property
    def rows(self) -> np.ndarray:
        """Rows that lack something, (n,) of bool."""
        return np.any(list(self.columns.values()), axis=0)

    def __str__(self) -> str:
        return ", ".join(f"{name} {self._places(mask)}" for name, mask in self.columns.items())

    def _places(self, mask):
        rows = np.flatnonzero(mask)
        if len(rows) == 1:
            return f"in row {self.labels[rows[0]]}"
        if len(rows) == len(mask):
            return f"in all {len(mask)} rows"
        listed = ", ".join(str(self.labels[row]) for row in rows[:FEW])
        more = f" and {len(rows) - FEW} more" if len(rows) > FEW else ""
        return f"in {len(rows)} of {len(mask)} rows ({listed}{more})"

    def refuse(self, remedy: str) -> None:
        """Raise a ValueError that lists columns and rows, if there are any."""
        if self:
            raise ValueError(f"Missing values (NaN): {self}; {remedy}.")
