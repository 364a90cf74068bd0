"""Cells of the columns that a fit uses: what is missing, what is no number, what is no weight."""

import numpy as np

from gmoe.cli._messages import UsageError
from gmoe.cli._table import Column, Kind, Table
from gmoe.design import MOST_LEVELS, Category, Number, Term


def check_kind(table: Table, column: Column, option: str, feature: bool) -> None:
    """Raise where a column that an option asks for is not one of numbers."""
    if column.kind is Kind.EMPTY:
        raise UsageError(f"{option} asks for column {column.name!r}, which has no values; leave it out")
    if column.kind is Kind.TEXT:
        reason = f"which holds text, {table.example(column)}, not numbers"
        raise UsageError(f"{option} asks for column {column.name!r}, {reason}; {column.advice(feature)}")


def complete_rows(table: Table, columns: list[Column], drop: bool, notes: list[str]) -> np.ndarray:
    """Rows without a missing cell; where there are others, say so, or raise unless they may be dropped."""
    missing = np.any([column.missing for column in columns], axis=0)
    lacking = np.flatnonzero(missing)
    if not len(lacking):
        return np.arange(len(missing))
    if not drop:
        row, column = next((row, c) for row in lacking[:1] for c in columns if c.missing[row])
        counts = ", ".join(f"{c.name!r} in {c.missing.sum()}" for c in columns if c.missing.any())
        raise UsageError(
            f"{table.place(row)}: column {column.name!r} is missing; a value is missing in {table.among(lacking)} "
            f"(column {counts}); fit without such rows by --drop-missing, impute them, or leave the column out"
        )
    if len(lacking) == len(missing):
        raise UsageError(f"{table.file}: --drop-missing leaves no row, as each lacks a value; use fewer columns")
    notes.append(f"--drop-missing leaves out {table.among(lacking)}")
    return np.flatnonzero(~missing)


Asked = tuple[Column, str]  # with the option that asks for it


def usable_rows(
    table: Table, features: list[Asked], others: list[Asked], text: list[Column], drop: bool, notes: list[str]
) -> np.ndarray:
    """Rows that lack nothing, of columns that have been checked.

    Parameters
    ----------
    features, others : list of (Column, str)
        Columns of numbers; the others are response and weights, for which text has no remedy.
    text : list of Column
        Categories.
    drop : bool
        Whether rows may lack a value.
    """
    for column, option in features:
        check_kind(table, column, option, feature=True)
    for column, option in others:
        check_kind(table, column, option, feature=False)
    numeric = [column for column, _ in [*others, *features]]
    rows = complete_rows(table, [*numeric, *text], drop, notes)
    for column in numeric:
        check_numbers(table, column, rows)
    return rows


def check_numbers(table: Table, column: Column, rows: np.ndarray) -> None:
    """Raise at the first cell that is no finite number."""
    bad = rows[~np.isfinite(column.numbers[rows])]
    if len(bad):
        raise UsageError(
            f"{table.place(bad[0])}: column {column.name!r} is {table.cell(column, bad[0])}, not a finite number "
            f"(such cells in {table.among(bad)}); correct or remove such rows, or leave the column out"
        )


def check_weights(table: Table, column: Column, rows: np.ndarray) -> None:
    """Raise at the first negative weight, and where all are 0."""
    weight = column.numbers[rows]
    bad = rows[weight < 0]
    if len(bad):
        raise UsageError(
            f"{table.place(bad[0])}: --weights column {column.name!r} is {table.cell(column, bad[0])}; weights must be "
            f">= 0 (negative in {table.among(bad)}); give a column of counts or other weights"
        )
    if not weight.any():
        raise UsageError(f"{table.file}: --weights column {column.name!r} is 0 in every row; some must be positive")


def coded(table: Table, column: Column, rows: np.ndarray, category: bool) -> tuple[Term, np.ndarray]:
    """Say what becomes of a column, and give its columns of X: itself, or of a category one for each level but one."""
    if not category:
        return Number(column.name), column.numbers[rows][:, None]
    cells = [str(column.cells[row]) for row in rows]
    levels = sorted(set(cells))
    if not 1 < len(levels) <= MOST_LEVELS:
        raise UsageError(
            f"--categories column {column.name!r} has {len(levels)} levels in {table.file}; expected 2 to {MOST_LEVELS}"
        )
    coding = Category(column.name, tuple(levels))
    return coding, coding.matrix(cells)
