"""A table from a file, column by column: what its cells are, and where they stand."""

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gmoe.cli._messages import UsageError
from gmoe.design import MOST_LEVELS

# Row numbers that were written without a name, as pandas, readr and Parquet call them afterwards.
UNNAMED = re.compile(r"|Unnamed: \d+(_level_\d+)?|\.\.\.\d+|__index_level_\d+__", re.ASCII)
FEW = 3  # places that a message lists


class Kind(enum.Enum):
    """What the cells of a column are, but for those that are missing."""

    NUMBERS = enum.auto()  # at least half of them; any other is an error where the column is used
    TRUTHS = enum.auto()  # true and false, as 1 and 0
    TEXT = enum.auto()
    EMPTY = enum.auto()


@dataclass(frozen=True, eq=False)
class Column:
    """A column as numbers.

    Attributes
    ----------
    name : str
    kind : Kind
    numbers : ndarray
        Not finite where a cell is missing or no finite number.
    missing : ndarray of bool
    cells : sequence
        As in the file, for messages and categories.
    remedy : str
        What makes numbers of its text, if anything.
    """

    name: str
    kind: Kind
    numbers: np.ndarray
    missing: np.ndarray
    cells: Sequence
    remedy: str = ""

    def advice(self, feature: bool) -> str:
        """Say what to do about text in place of numbers."""
        levels = {str(cell) for cell, gone in zip(self.cells, self.missing, strict=True) if not gone}
        if self.remedy or not feature or not 1 < len(levels) <= min(MOST_LEVELS, len(self.cells) / 2):
            return self.remedy or "give numbers in its place"
        return f"to code its {len(levels)} levels as 0 and 1: --categories {self.name!r}"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns that are made when asked for, as those that nobody uses may hold anything.

    Attributes
    ----------
    file : str
    names : list of str
    make : callable
        Returns the column of a name.
    places : sequence of int
        Line, or row, of each row in the file.
    unit : str
        What ``places`` counts.
    unnamed : list of str
        What else the file has: columns that cannot be asked for.
    hint : str
        Why a name may be unknown.
    """

    file: str
    names: list[str]
    make: Callable[[str], Column]
    places: Sequence[int]
    unit: str = "line"
    unnamed: list[str] = field(default_factory=list)
    hint: str = ""
    _made: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str, option: str) -> Column:
        """Return the column of a name, for an option."""
        if name not in self.names:
            known = ", ".join(map(repr, self.names))
            hint = f"; {self.hint}" if self.hint else ""
            raise UsageError(f"{option} asks for column {name!r}; {self.file} has {known}{hint}")
        if name not in self._made:
            self._made[name] = self.make(name)
        return self._made[name]

    def place(self, row: int) -> str:
        """Say where a row is: ``FILE, line 22``."""
        return f"{self.file}, {self.unit} {self.places[row]}"

    def among(self, rows: np.ndarray) -> str:
        """Say which rows have a fault: ``3 of 60 rows: lines 4, 7, 9``."""
        listed = ", ".join(str(self.places[row]) for row in rows[:FEW])
        more = f" and {len(rows) - FEW} more" if len(rows) > FEW else ""
        plural = "s" if len(rows) > 1 else ""
        return f"{len(rows)} of {len(self.places)} rows: {self.unit}{plural} {listed}{more}"

    def example(self, column: Column) -> str:
        """Show the first cell that is no number."""
        row = int(np.argmax(~column.missing & ~np.isfinite(column.numbers)))
        return f"such as {_short(column.cells[row])} ({self.unit} {self.places[row]})"

    def cell(self, column: Column, row: int) -> str:
        """Show a cell."""
        return _short(column.cells[row])


def check_names(file: str, names: list[str]) -> None:
    """Raise where two columns have one name."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{file} has two columns named {twice!r}; rename one")


def kind_of(missing: np.ndarray, likely: int) -> Kind:
    """Kind of a column of which ``likely`` cells have the form of numbers."""
    present = len(missing) - int(missing.sum())
    return Kind.EMPTY if not present else Kind.NUMBERS if 2 * likely >= present else Kind.TEXT


def _short(cell: object) -> str:
    text = repr(str(cell).strip())
    return text if len(text) <= 40 else f"{text[:37]}...'"
