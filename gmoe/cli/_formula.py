"""The columns of a file that a formula reads, as a data frame."""

import argparse
from typing import Any

import numpy as np

from gmoe.cli._checks import check_weights, usable_rows
from gmoe.cli._fit_data import Data
from gmoe.cli._messages import UsageError, WorkError
from gmoe.cli._table import Kind, Table
from gmoe.design import choose

# What a formula says in their place.
IN_PLACE = ("x", "expert_features", "gate_features", "no_gate_features", "categories")


def read_formula(table: Table, arguments: argparse.Namespace, notes: list[str]) -> Data:
    """Read what the formula names; text is a category.

    Raises
    ------
    UsageError
        For formulas that cannot be read, unknown columns, missing values, and options that say the same.
    WorkError
        Without formulaic.
    """
    given = next((name for name in IN_PLACE if getattr(arguments, name)), None)
    if given:
        raise UsageError(f"--formula says what gate and experts see; leave out --{given.replace('_', '-')}")
    pd = _pandas()
    weight = table.column(arguments.weights, "--weights") if arguments.weights else None
    named = [name for name in table.names if name != arguments.weights]
    try:
        choice: Any = choose(pd.DataFrame(columns=named), formula=arguments.formula)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error).replace("X has", f"{table.file} has")) from error
    columns = [table.column(name, "--formula") for name in choice.reads]
    numeric = [(column, "--formula") for column in columns if column.kind is not Kind.TEXT]
    text = [column for column in columns if column.kind is Kind.TEXT]
    weights = [(weight, "--weights")] if weight else []
    rows = usable_rows(table, numeric, weights, text, arguments.drop_missing, notes)
    if weight:
        check_weights(table, weight, rows)
    X = pd.DataFrame(
        {column.name: column.numbers[rows] for column, _ in numeric}
        | {column.name: [str(column.cells[row]) for row in rows] for column in text}
    )
    return Data(
        target=arguments.formula.split("~")[0].strip(),
        names=[],
        X=X,
        y=None,
        weight=weight.numbers[rows] if weight else None,
        settings={"formula": arguments.formula},
        places=np.asarray(table.places)[rows],
        unit=table.unit,
        left_out={},
    )


def _pandas():
    try:
        import formulaic  # noqa: F401
        import pandas as pd
    except ImportError as error:
        raise WorkError("--formula needs formulaic; install it: pip install gmoe[formula]") from error
    return pd
