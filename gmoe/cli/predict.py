"""``gmoe predict``: predictions of a fit that was kept, for a table from a file."""

import argparse
import io
from typing import Any

import numpy as np

from gmoe import GaussianMoERegressor
from gmoe._validation import check_level
from gmoe.cli._bytes import read_bytes
from gmoe.cli._checks import usable_rows
from gmoe.cli._data import read_table
from gmoe.cli._fit_options import add_reading
from gmoe.cli._messages import UsageError, say, tell
from gmoe.cli._output import planned
from gmoe.cli._report import Rows, write_predictions
from gmoe.design import Category

HELP = "predict the rows of a file by a fit that was kept as JSON"
DESCRIPTION = """\
Predict the rows of a table by a fit that 'gmoe fit --json' printed or GaussianMoERegressor.to_json() returned.

Writes one row per row of FILE as CSV: mean, standard deviation, quantiles, gate probabilities; with --y also
log-density, expert and responsibilities. FILE is read as by 'gmoe fit'; columns are found by name, others are ignored.
"""
EPILOG = """\
examples:
  gmoe fit penguins.csv --y bill_length_mm --experts 3 --x bill_depth_mm --json > fit.json
  gmoe predict fit.json new.csv --quantiles 0.05 0.95
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe predict``."""
    parser.add_argument("fit", help="JSON of a fit; - for the standard input")
    parser.add_argument("file", help="table with a line of names; - for the standard input")
    add_reading(parser.add_argument_group("reading the file"))
    parser.add_argument("--y", metavar="COL", help="response: adds log-density, expert and responsibilities")
    parser.add_argument(
        "--quantiles", nargs="+", type=_level, default=[], metavar="P", help="adds these quantiles, as 0.05 0.95"
    )
    parser.add_argument(
        "--drop-missing", action="store_true", help="leave out rows that lack a value; each row begins with its line"
    )
    parser.add_argument("--out", metavar="FILE", help="write to a file (default: standard output)")


def run(arguments: argparse.Namespace) -> int:
    """Predict, write, and return the exit code."""
    with planned(arguments.out, arguments.file) as output:
        notes: list[str] = []
        fitted = _read_fit(arguments.fit)
        rows = _rows(fitted, arguments, notes)
        for note in notes:
            tell("note", note)

        def write(stream):
            names = fitted.fit_result_.expert_names
            write_predictions(stream, fitted.model_, rows, arguments.drop_missing, arguments.quantiles, names)

        try:
            if output:
                output.write(write)
            else:
                text = io.StringIO()
                write(text)
                say(text.getvalue(), end="")
        except ValueError as error:
            raise UsageError(str(error)) from error
    return 0


def _read_fit(file: str) -> GaussianMoERegressor:
    name, data = read_bytes(file)
    try:
        return GaussianMoERegressor.from_json(data.decode("utf-8"))
    except (TypeError, ValueError) as error:
        raise UsageError(f"cannot read {name} as a fit: {error}") from error


def _rows(fitted: GaussianMoERegressor, arguments, notes: list[str]) -> Rows:
    """Read the columns that the fit needs."""
    design: Any = fitted.design_
    if design.names is None:
        raise UsageError(
            f"{arguments.fit} holds a fit to an array, whose columns have no names; fit a data frame, or by 'gmoe fit'"
        )
    if arguments.fit == arguments.file:
        raise UsageError("the fit and the table are the same file; give two")
    if arguments.y and design.has_response:
        raise UsageError(f"the formula of the fit says the response, {_response(fitted)}; leave out --y")
    table = read_table(arguments, notes)
    columns = {term.name: table.column(term.name, "the fit") for term in design.by_term}
    text = [columns[term.name] for term in design.by_term if _is_text(term)]
    numeric = [(columns[term.name], "the fit") for term in design.by_term if not _is_text(term)]
    # Where the table has what the formula makes the response of, it is known.
    asked = [arguments.y] * bool(arguments.y) or [name for name in design.response_reads if name in table.names]
    response = [(table.column(name, "--y"), "--y") for name in asked]
    rows = usable_rows(table, numeric, response, text, arguments.drop_missing, notes)
    values = {name: column.numbers[rows] for name, column in columns.items() if column not in text}
    values |= {column.name: np.array([str(column.cells[row]) for row in rows], dtype=object) for column in text}
    try:
        X = design.of_columns(values, len(rows))
        y = response[0][0].numbers[rows] if response else None
        if design.has_response:
            y = _formula_response(design, response, rows)
    except ValueError as error:
        raise UsageError(f"{table.file}: {error}") from error
    return Rows(X, y, arguments.y or _response(fitted), np.asarray(table.places)[rows], table.unit)


def _is_text(term) -> bool:
    return isinstance(term, Category) and any(isinstance(level, str) for level in term.levels)


def _response(fitted):
    """Return what the response of a formula is called."""
    return (fitted.formula or "").split("~")[0].strip()


def _formula_response(design, columns, rows):
    """Response by the formula, or None where the table lacks a column of it."""
    import pandas as pd

    X = pd.DataFrame({column.name: column.numbers[rows] for column, _ in columns}, index=range(len(rows)))
    return design.response(X, None) if design.finds_response(X) else None


def _level(text: str) -> float:
    try:
        return check_level(float(text), "a quantile")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
