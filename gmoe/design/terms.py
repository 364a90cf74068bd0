"""Terms: what becomes of one column of a table."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gmoe._names import near
from gmoe._validation import check_numeric
from gmoe.design.coding import CODINGS
from gmoe.design.columns import cells, declared_levels, is_category

# Text of more levels is rather a label of its row; who means it declares it as a category.
MOST_LEVELS = 50


@dataclass(frozen=True)
class Number:
    """A column of numbers, or of true and false as 1 and 0.

    Attributes
    ----------
    name : str
    """

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that this one becomes."""
        return (self.name,)

    def content(self) -> dict[str, Any]:
        """Return the term in JSON's types."""
        return {"name": self.name}

    def matrix(self, column: Any) -> np.ndarray:
        """Numbers, (n, 1)."""
        check_numeric(column, f"column {self.name!r}")
        values = cells(column)
        if values.dtype.kind not in "biufO":
            raise TypeError(
                f"Column {self.name!r} holds {values.dtype}, neither numbers nor categories; make numbers of it, "
                "for instance days since a date, or leave it out."
            )
        return values.astype(float)[:, None]


@dataclass(frozen=True)
class Category:
    """A column of text or categories; better made by :meth:`learn`.

    Attributes
    ----------
    name : str
    levels : tuple
        In the order that the column's type declares, else sorted.
    coding : str
        A name of ``CODINGS``.
    """

    name: str
    levels: tuple
    coding: str = "treatment"
    _codes: dict = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_codes", {level: code for code, level in enumerate(self.levels)})

    @classmethod
    def learn(cls, name: str, column: Any, coding: str = "treatment") -> "Category":
        """Keep the levels that a column without missing values has.

        Raises
        ------
        ValueError
            For one level, which is constant; for text of more levels than a category has.
        TypeError
            For a mixture of text and numbers.
        """
        found, declared = set(cells(column)), declared_levels(column)
        if declared is None and len({isinstance(value, str) for value in found}) > 1:
            odd = next(value for value in found if not isinstance(value, str))
            raise TypeError(f"Column {name!r} holds text and also {odd!r}; make all of it text, or all of it numbers.")
        if len(found) == 1:
            raise ValueError(
                f"Column {name!r} has one level, {str(next(iter(found)))!r}, in all rows that are used: it is "
                "constant, leave it out."
            )
        if declared is None and len(found) > MOST_LEVELS:
            raise ValueError(
                f"Column {name!r} holds text of {len(found)} levels; leave it out, or if it is a category "
                f"of more than {MOST_LEVELS} levels declare it: astype('category')."
            )
        # A level without rows has no estimate: it is as unknown as any other.
        levels = sorted(found) if declared is None else [level for level in declared if level in found]
        return cls(name, tuple(levels), coding)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that this one becomes, as ``species[Gentoo]``."""
        return tuple(f"{self.name}[{level}]" for level in CODINGS[self.coding](self.levels)[1])

    def content(self) -> dict[str, Any]:
        """Return the term in JSON's types; a ValueError for levels that are neither text nor numbers."""
        levels = [level.item() if isinstance(level, np.generic) else level for level in self.levels]
        odd = next((level for level in levels if not isinstance(level, str | int | float)), None)
        if odd is not None:
            raise ValueError(
                f"Column {self.name!r} has the level {odd!r}, which JSON has no type for; make text of the column "
                "before the fit, or use pickle."
            )
        return {"name": self.name, "levels": levels, "coding": self.coding}

    def check(self, column: Any) -> None:
        """Raise a ValueError where a level is none of those of the fit."""
        self._code(column)

    def matrix(self, column: Any) -> np.ndarray:
        """Coded levels, (n, levels - 1)."""
        return CODINGS[self.coding](self.levels)[0][self._code(column)]

    def _code(self, column):
        values = cells(column)
        codes = np.array([self._codes.get(value, -1) for value in values], dtype=np.intp)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            level = str(values[unknown[0]])
            raise ValueError(
                f"Column {self.name!r} has the unknown level {level!r} in {len(unknown)} of {len(values)} rows, first "
                f"in row {unknown[0]}; {near(level, self.levels, 'the fit had')}. Correct it, leave such rows out, "
                "or fit with them."
            )
        return codes


Term = Number | Category


def as_term(name: str, column: Any, coding: str) -> Term:
    """Say what becomes of a column without missing values."""
    return Category.learn(name, column, coding) if is_category(column) else Number(name)
