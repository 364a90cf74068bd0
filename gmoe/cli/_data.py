"""The numbers that a fit takes from a file."""

import argparse

import numpy as np

from gmoe.cli._arrow import ARROW, PARQUET, read_arrow
from gmoe.cli._bytes import read_bytes
from gmoe.cli._checks import check_weights, coded, usable_rows
from gmoe.cli._dialect import Format
from gmoe.cli._features import check_lists, choose_features, option_of
from gmoe.cli._fit_data import Data
from gmoe.cli._formula import read_formula
from gmoe.cli._messages import UsageError
from gmoe.cli._table import Table
from gmoe.cli._text import read_text
from gmoe.design import Named


def read_data(arguments: argparse.Namespace, notes: list[str]) -> Data:
    """Read the file and choose the columns that the arguments ask for; what was not asked for is noted.

    Raises
    ------
    UsageError
        With the notes so far, as what was taken for granted may be the cause.
    """
    try:
        choose = _choose if arguments.formula is None else read_formula
        return choose(read_table(arguments, notes), arguments, notes)
    except UsageError as error:
        raise UsageError("; ".join([str(error), *notes])) from error


def read_table(arguments: argparse.Namespace, notes: list[str]) -> Table:
    """Read the file, in the form that the arguments say; what was found and is not plain is noted."""
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
    asked = {name: (column, option_of(name, arguments)) for name, column in features.items()}
    numeric = [asked[name] for name in features if name not in categories]
    text = [column for name, column in features.items() if name in categories]
    others = [(y, "--y"), *([(weight, "--weights")] if weight else [])]
    rows = usable_rows(table, numeric, others, text, arguments.drop_missing, notes)
    if weight:
        check_weights(table, weight, rows)
    blocks = {name: coded(table, column, rows, name in categories) for name, column in features.items()}
    names = [name for term, _ in blocks.values() for name in term.names]
    clash = next((name for name in names if names.count(name) > 1), None)
    if clash:
        raise UsageError(f"a level of a category and a column are both named {clash!r}; rename the column")
    X = np.column_stack([matrix for _, matrix in blocks.values()])
    gate_columns, expert_columns = (
        [names.index(level) for name in chosen for level in blocks[name][0].names] for chosen in (gate, expert)
    )
    settings = {"gate_features": gate_columns, "expert_features": expert_columns}
    places = {name: j for j, name in enumerate(features)}
    design = Named.of([term for term, _ in blocks.values()], gate_columns, expert_columns, places)
    weights = weight.numbers[rows] if weight else None
    lines = np.asarray(table.places)[rows]
    return Data(y.name, names, X, y.numbers[rows], weights, settings, lines, table.unit, left_out, design)
