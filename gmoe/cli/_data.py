"""The numbers that a fit takes from a file."""

import argparse
from dataclasses import dataclass

import numpy as np

from gmoe.cli._arrow import ARROW, PARQUET, read_arrow
from gmoe.cli._bytes import read_bytes
from gmoe.cli._checks import check_kind, check_numbers, check_weights, coded, complete_rows
from gmoe.cli._dialect import Format
from gmoe.cli._features import check_lists, choose_features, option_of
from gmoe.cli._messages import UsageError
from gmoe.cli._table import Table
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
    check_lists(arguments)
    y = table.column(arguments.y, "--y")
    weight = table.column(arguments.weights, "--weights") if arguments.weights else None
    left_out: dict[str, str] = {}
    expert, gate = choose_features(table, arguments, left_out, notes)
    features = {name: table.column(name, option_of(name, arguments)) for name in [*expert, *gate]}
    for name in (arguments.y, arguments.weights):
        if name in features:
            raise UsageError(f"column {name!r} cannot be a feature too, as it is the response or the weight")
    categories = arguments.categories or []
    numeric = {
        name: (column, option_of(name, arguments)) for name, column in features.items() if name not in categories
    }
    numeric |= {y.name: (y, "--y")} | ({weight.name: (weight, "--weights")} if weight else {})
    for column, option in numeric.values():
        check_kind(table, column, option, column.name in features)
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
