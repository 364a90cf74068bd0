"""``gmoe fit``: fit a CSV file."""

import argparse
import json
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, Summary, list_activations, list_gates
from gmoe.cli._messages import UsageError, WorkError, tell
from gmoe.cli._report import as_dict, with_names, write_predictions
from gmoe.cli._table import Table, read_table
from gmoe.estimator import SOLVERS
from gmoe.inference import explain

HELP = "fit a CSV file and print the estimates"
DESCRIPTION = "Fit a Gaussian mixture of experts to a CSV file with a header, and print estimates and certificate."
EPILOG = f"""\
gates, by name and settings (any of activation, intercept, temperature, n_active, select_on):
  names: {", ".join(list_gates())}
  --gate topk:n_active=2,select_on=logit      --gate dense_to_sparse:temperature=2
  --gate activation:activation=tanh           --gate topk:n_active=2,activation=gelu,temperature=estimate
  activations: {", ".join(list_activations())}

examples:
  gmoe fit penguins.csv --y bill_length_mm --experts 3 \\
      --expert-features bill_depth_mm --gate-features flipper_length_mm
  gmoe fit penguins.csv --y bill_length_mm --x bill_depth_mm --no-gate-features --json

A fit that did not converge is printed and ends with code 1. Data at fault end with code 2.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe fit``."""
    columns: dict[str, Any] = {"nargs": "+", "action": "extend", "metavar": "COL"}
    parser.add_argument("file", help="CSV file with a header line")
    data = parser.add_argument_group("data")
    data.add_argument("--y", required=True, metavar="COL", help="response")
    data.add_argument("--x", **columns, help="features of gate and experts (default: all other numeric columns)")
    data.add_argument("--expert-features", **columns, help="features of the experts (default: those of --x)")
    gate = data.add_mutually_exclusive_group()
    gate.add_argument("--gate-features", **columns, help="features of the gate (default: those of --x)")
    gate.add_argument("--no-gate-features", action="store_true", help="constant gate: a mixture of regressions")
    data.add_argument("--weights", metavar="COL", help="observation weights")
    model = parser.add_argument_group("model and solver")
    default = GaussianMoERegressor()
    model.add_argument("--experts", type=int, default=2, metavar="K", help="number of experts (default: 2)")
    model.add_argument(
        "--gate",
        default="softmax",
        metavar="NAME[:SETTINGS]",
        help=f"one of {', '.join(list_gates())}, perhaps with settings: see below (default: softmax)",
    )
    model.add_argument(
        "--schedule", nargs="+", type=float, metavar="S", help="dense-to-sparse training: falling softness, as 4 2 1"
    )
    model.add_argument("--solver", choices=SOLVERS, default=default.solver, help=f"(default: {default.solver})")
    model.add_argument(
        "--n-init",
        type=int,
        default=default.n_init,
        metavar="N",
        help=f"starts of the first round (default: {default.n_init})",
    )
    model.add_argument("--max-iter", type=int, default=default.max_iter, metavar="N", help="iterations of one start")
    model.add_argument(
        "--min-variance",
        type=float,
        default=default.min_variance,
        metavar="V",
        help=f"lower bound of the variances, as a part of one regression's (default: {default.min_variance:g})",
    )
    model.add_argument("--random-state", type=int, default=0, metavar="SEED", help="draws the starts (default: 0)")
    model.add_argument("--jobs", type=int, default=1, metavar="N", help="threads, -1 for all; changes no result")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    output.add_argument(
        "--out", metavar="FILE", help="write means, standard deviations and probabilities of each row as CSV"
    )


def run(arguments: argparse.Namespace) -> int:
    """Fit, print, and return the exit code."""
    data = _read(arguments)
    estimator = _fit(arguments, data)
    result = with_names(estimator.fit_result_, data.names)
    for message in explain(result):
        tell("warning", message)
    if arguments.out:
        write_predictions(arguments.out, estimator, data.X, data.y, arguments.y)
    if arguments.json:
        print(json.dumps(as_dict(result, arguments.y, data.names, len(data.y)), indent=2, allow_nan=False))
    else:
        print(Summary(result))
    sys.stdout.flush()
    return 0 if estimator.converged_ else 1


@dataclass(frozen=True, eq=False)
class _Data:
    names: list[str]
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    gate: list[int]
    expert: list[int]


def _read(arguments) -> _Data:
    table = read_table(arguments.file)
    y = table.numbers(arguments.y, "--y")
    weight = table.numbers(arguments.weights, "--weights") if arguments.weights else None
    expert = arguments.expert_features or arguments.x or _default_features(table, arguments)
    gate = [] if arguments.no_gate_features else arguments.gate_features or arguments.x
    if gate is None:
        gate = _default_features(table, arguments)
    names = list(dict.fromkeys([*expert, *gate]))
    for name in (arguments.y, arguments.weights):
        if name in names:
            raise UsageError(f"column {name!r} cannot be a feature too, as it is the response or the weight")
    X = np.column_stack([table.numbers(name, _option(name, arguments)) for name in names])
    return _Data(names, X, y, weight, [names.index(name) for name in gate], [names.index(name) for name in expert])


def _default_features(table: Table, arguments) -> list[str]:
    features = [name for name in table.numeric_columns() if name not in (arguments.y, arguments.weights)]
    if not features:
        raise UsageError(f"{table.file} has no numeric column besides {arguments.y!r}; a fit needs a feature")
    return features


def _option(name, arguments) -> str:
    """Option that asked for a column; a default column is always known."""
    options = {"--gate-features": arguments.gate_features, "--expert-features": arguments.expert_features}
    return next((option for option, columns in options.items() if name in (columns or [])), "--x")


def _fit(arguments, data: _Data) -> GaussianMoERegressor:
    estimator = GaussianMoERegressor(
        arguments.experts,
        arguments.gate,
        gate_features=data.gate,
        expert_features=data.expert,
        solver=arguments.solver,
        n_init=arguments.n_init,
        max_iter=arguments.max_iter,
        min_variance=arguments.min_variance,
        random_state=arguments.random_state,
        n_jobs=arguments.jobs,
        schedule=arguments.schedule,
    )
    try:
        with warnings.catch_warnings():
            # Told by run(), with the columns' names in place of their numbers.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(data.X, data.y, data.weight)
    except np.linalg.LinAlgError as error:
        raise WorkError(f"the fit broke down: {error}") from error
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error
