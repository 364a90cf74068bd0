"""Which columns of a table a fit takes, which it leaves out and why, and their numbers."""

import argparse
from dataclasses import dataclass

import numpy as np

from gmoe.cli._arrow import ARROW, PARQUET, read_arrow
from gmoe.cli._bytes import read_bytes
from gmoe.cli._checks import check_kind, check_numbers, check_weights, coded, complete_rows
from gmoe.cli._dialect import Format
from gmoe.cli._messages import UsageError
from gmoe.cli._table import UNNAMED, Column, Kind, Table
from gmoe.cli._text import read_text


@dataclass(frozen=True, eq=False)
class Data:
    """What a fit needs.

    Attributes
    ----------
    names : list of str
        Of the columns of X: a category has one for each level but the first.
    X, y : ndarray
    weight : ndarray or None
    gate, expert : list of int
        Columns of X.
    places : ndarray of int
        Line, or row, of the file of each row.
    unit : str
        What ``places`` counts.
    left_out : dict of str to str
        Why, by column.
    """

    names: list[str]
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    gate: list[int]
    expert: list[int]
    places: np.ndarray
    unit: str
    left_out: dict[str, str]

    @property
    def n_rows(self) -> int:
        """Rows that have a part in the fit: those of positive weight."""
        return len(self.y) if self.weight is None else int(np.count_nonzero(self.weight))


def read_data(arguments: argparse.Namespace, notes: list[str]) -> Data:
    """Read the file and choose the columns that the arguments ask for; what was not asked for is noted.

    Raises
    ------
    UsageError
        With the notes so far, as what was taken for granted may be the cause.
    """
    try:
        return _choose(_read(arguments, notes), arguments, notes)
    except UsageError as error:
        raise UsageError("; ".join([str(error), *notes])) from error


def _read(arguments, notes) -> Table:
    form = Format(arguments.sep, arguments.decimal, arguments.thousands, arguments.comment, arguments.encoding)
    name, data = read_bytes(arguments.file)
    return read_arrow(name, data) if data.startswith((PARQUET, ARROW)) else read_text(name, data, form, notes)


def _choose(table: Table, arguments, notes) -> Data:
    _check_lists(arguments)
    y = table.column(arguments.y, "--y")
    weight = table.column(arguments.weights, "--weights") if arguments.weights else None
    left_out: dict[str, str] = {}
    expert, gate = _features(table, arguments, left_out, notes)
    features = {name: table.column(name, _option(name, arguments)) for name in [*expert, *gate]}
    for name in (arguments.y, arguments.weights):
        if name in features:
            raise UsageError(f"column {name!r} cannot be a feature too, as it is the response or the weight")
    categories = arguments.categories or []
    numeric = {name: (column, _option(name, arguments)) for name, column in features.items() if name not in categories}
    numeric |= {y.name: (y, "--y")} | ({weight.name: (weight, "--weights")} if weight else {})
    for column, option in numeric.values():
        check_kind(table, column, option)
    rows = complete_rows(table, [y, *([weight] if weight else []), *features.values()], arguments.drop_missing, notes)
    for column, _ in numeric.values():
        check_numbers(table, column, rows)
    if weight:
        check_weights(table, weight, rows)
    blocks = {name: coded(table, column, rows, name in categories) for name, column in features.items()}
    names = [name for columns in blocks.values() for name in columns]
    clash = next((name for name in names if names.count(name) > 1), None)
    if clash:
        raise UsageError(f"a level of a category and a column are both named {clash!r}; rename the column")
    X = np.column_stack([values for columns in blocks.values() for values in columns.values()])
    gate_columns, expert_columns = (
        [names.index(level) for name in chosen for level in blocks[name]] for chosen in (gate, expert)
    )
    weights = weight.numbers[rows] if weight else None
    places = np.asarray(table.places)[rows]
    return Data(names, X, y.numbers[rows], weights, gate_columns, expert_columns, places, table.unit, left_out)


def _check_lists(arguments) -> None:
    lists = ("--x", "--expert-features", "--gate-features", "--categories")
    for option in lists:
        names = getattr(arguments, option.strip("-").replace("-", "_")) or []
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"{option} names column {twice!r} twice; name each column once")


def _features(table, arguments, left_out, notes) -> tuple[list[str], list[str]]:
    """Names for the experts and for the gate."""
    expert, gate = arguments.expert_features or arguments.x, arguments.gate_features or arguments.x
    gate = [] if arguments.no_gate_features else gate
    if expert is None or gate is None:
        default = _default_features(table, arguments, left_out, notes)
        expert, gate = (default if chosen is None else chosen for chosen in (expert, gate))
    unused = [name for name in arguments.categories or [] if name not in (*expert, *gate)]
    if unused:
        table.column(unused[0], "--categories")
        raise UsageError(f"--categories names column {unused[0]!r}, which is no feature; name it in --x too")
    return expert, gate


def _default_features(table: Table, arguments, left_out, notes) -> list[str]:
    """All columns of numbers, truths and named categories; what is left out is said."""
    nameless = "it has no name, as row numbers and row names have none; to use it, name it in the file"
    left_out |= dict.fromkeys(table.unnamed, nameless)
    notes += [f"{column} is left out: {nameless}" for column in table.unnamed]
    chosen = []
    for name in table.names:
        if name in (arguments.y, arguments.weights):
            continue
        column = table.column(name, "--x")
        reason = None if name in (arguments.categories or []) else _reason(table, column)
        if reason is None:
            chosen.append(name)
        else:
            left_out[name] = reason
            notes.append(f"column {name!r} is left out: {reason}")
    if not chosen:
        raise UsageError(f"{table.file} has no numeric column besides {arguments.y!r}; a fit needs a feature")
    for name in chosen:
        column = table.column(name, "--x")
        if column.kind is Kind.TRUTHS:
            notes.append(f"column {name!r} is taken as 1 (true) and 0 (false)")
        elif _counts_rows(column):
            notes.append(
                f"column {name!r} is taken, though it counts the rows; if it says no more, leave it out by --x"
            )
    return chosen


def _reason(table: Table, column: Column) -> str | None:
    """Why a column is no feature unless asked for; None where it is one."""
    if UNNAMED.fullmatch(column.name):
        return "it was written without a name, as row numbers are; to use it, name it in --x"
    if column.kind is Kind.EMPTY:
        return "it has no values"
    if column.kind is Kind.TEXT:
        return f"it holds text, {table.example(column)}; {column.remedy}"
    return None


def _counts_rows(column: Column) -> bool:
    steps = np.diff(column.numbers)
    return len(steps) > 1 and column.numbers[0] in (0, 1) and bool(np.all(steps == 1))


def _option(name, arguments) -> str:
    """Option that asked for a column; a default column is always known."""
    options = {"--gate-features": arguments.gate_features, "--expert-features": arguments.expert_features}
    return next((option for option, columns in options.items() if name in (columns or [])), "--x")
