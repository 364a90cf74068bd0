"""A CSV file with a header, column by column."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmoe.cli._messages import UsageError

MISSING = {"", "na", "n/a", "nan", "null", "none", "."}


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text; they become numbers when asked for, as columns that nobody uses may hold anything.

    Attributes
    ----------
    file : str
    cells : dict of str to list of str
        By column.
    lines : list of int
        Line of the file of each row, for messages.
    """

    file: str
    cells: dict[str, list[str]]
    lines: list[int]

    def numbers(self, column: str, option: str) -> np.ndarray:
        """Return a column as floats.

        Raises
        ------
        UsageError
            For an unknown column, or the first cell that is missing, not a number or not finite.
        """
        if column not in self.cells:
            known = ", ".join(map(repr, self.cells))
            raise UsageError(f"{option} asks for column {column!r}; {self.file} has {known}")
        return np.array([self._number(column, i, cell) for i, cell in enumerate(self.cells[column])])

    def numeric_columns(self) -> list[str]:
        """Columns with at least one number: a single bad cell in one of them is an error, not a text column."""
        return [column for column, cells in self.cells.items() if any(_is_finite(cell) for cell in cells)]

    def _number(self, column, i, cell):
        if _is_finite(cell):
            return float(cell)
        what = "is missing" if cell.strip().lower() in MISSING else f"is {cell!r}, not a finite number"
        raise UsageError(
            f"{self.file}, line {self.lines[i]}: column {column!r} {what}; "
            "remove or impute such rows, or leave the column out"
        )


def read_table(file: str) -> Table:
    """Read a CSV file.

    Raises
    ------
    UsageError
        For a file that cannot be read, or is not a table with a header.
    """
    try:
        # utf-8-sig: spreadsheets put a byte order mark in front, which would become part of the first name.
        with Path(file).open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is not a CSV file in UTF-8: {error}") from error
    if len(rows) < 2:
        raise UsageError(f"{file} has no data; expected a line with column names, then one line per observation")
    (_, header), *body = rows
    names = [name.strip() for name in header]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{file} has two columns named {twice!r}; rename one")
    for line, row in body:
        if len(row) != len(names):
            raise UsageError(f"{file}, line {line}: {len(row)} cells, expected {len(names)} as in the header")
    cells = {name: [row[j] for _, row in body] for j, name in enumerate(names)}
    return Table(file, cells, [line for line, _ in body])


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
