"""``gmoe select``: choose experts, gate and columns for a table from a file."""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from gmoe import Summary, _json, list_gates, select
from gmoe.cli._data import read_data
from gmoe.cli._fit_data import Data
from gmoe.cli._fit_options import add_data, add_solver
from gmoe.cli._messages import UsageError, WorkError, say, tell
from gmoe.cli._options import whole
from gmoe.cli._report import as_dict, with_names
from gmoe.cli.fit import solver_settings
from gmoe.inference import explain
from gmoe.model_selection import COLUMN_CHOICES, CRITERIA, ModelSelection

HELP = "choose the number of experts, gate and columns for a table from a file"
DESCRIPTION = """\
Fit mixtures of 1 to K experts to a table with a header, perhaps with several gates and choices of columns, and print a
table of them and the best one by a criterion. Files are read as by 'gmoe fit'.
"""
EPILOG = """\
examples:
  gmoe select penguins.csv --y bill_length_mm --max-experts 4
  gmoe select penguins.csv --y bill_length_mm --max-experts 3 --columns stepwise --criterion icl
  gmoe select penguins.csv --y bill_length_mm --gates softmax laplace topk:n_active=2 --json

A best fit that did not converge is printed and ends with code 1. Data at fault end with code 2.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe select``."""
    add_data(parser)
    choice = parser.add_argument_group("choice")
    choice.add_argument(
        "--max-experts", type=whole("n_experts", 1), default=5, metavar="K", help="largest number (default: 5)"
    )
    choice.add_argument(
        "--gates",
        nargs="+",
        default=["softmax"],
        metavar="NAME[:SETTINGS]",
        help=f"any of {', '.join(list_gates())}, perhaps with settings (default: softmax)",
    )
    choice.add_argument(
        "--columns", choices=tuple(COLUMN_CHOICES), default="all", help="how features are chosen (default: all)"
    )
    choice.add_argument("--criterion", choices=tuple(CRITERIA), default="bic", help="made smallest (default: bic)")
    add_solver(parser.add_argument_group("solver"))
    parser.add_argument_group("output").add_argument(
        "--json", action="store_true", help="print one JSON object in place of the tables"
    )


def run(arguments: argparse.Namespace) -> int:
    """Choose, print, and return the exit code."""
    notes: list[str] = []
    data = read_data(arguments, notes)
    if arguments.categories and COLUMN_CHOICES[arguments.columns].explores:
        raise UsageError("--columns cannot take the levels of --categories together; use gmoe.select on a data frame")
    selection = _select(arguments, data)
    best = selection.best
    names = list(best.design_.names or data.names)
    result = with_names(best.fit_result_, names, best.design_.names)
    for note in notes:
        tell("note", note)
    for message in explain(result):
        tell("warning", message)
    if arguments.json:
        models = [{**row, "best": bool(row["best"])} for row in selection.rows()]
        both: dict[str, Any] = {"models": models, "best": as_dict(best, result, names, data)}
        say(_json.dumps(both, indent=2))
    else:
        say(f"{selection}\n\n{Summary(result)}")
    return 0 if best.converged_ else 1


def _select(arguments, data: Data) -> ModelSelection:
    try:
        selection = select(
            data.X,
            data.y,
            n_experts=range(1, arguments.max_experts + 1),
            gates=arguments.gates,
            columns=arguments.columns,
            criterion=arguments.criterion,
            sample_weight=data.weight,
            **solver_settings(arguments),
            **data.settings,
        )
    except np.linalg.LinAlgError as error:
        raise WorkError(f"the fit broke down: {error}") from error
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
    # Columns of an array are numbers; the file has names.
    named = [[[data.name_of(column) for column in part] for part in seen] for seen in selection.columns]
    return replace(selection, columns=tuple((tuple(gate), tuple(experts)) for gate, experts in named))
