"""Arguments of ``gmoe fit``."""

import argparse
from typing import Any

from gmoe import GaussianMoERegressor, ParameterSpace, list_activations, list_experts, list_gates
from gmoe.cli._options import bound, encoding, jobs, seed, separator, thousands, whole
from gmoe.estimator import SOLVERS

HELP = "fit a table from a file and print the estimates"
DESCRIPTION = """\
Fit a Gaussian mixture of experts to a table with a header, and print estimates and certificate.

FILE is CSV or a relative of it (separator, decimal mark, comments, encoding and row names are found out), also packed
by gzip, bzip2, xz or zip; or Parquet or Arrow, which need pyarrow. What is left out is said on the standard error.
"""
EPILOG = f"""\
gates, by name and settings (of gates by scores any of activation, intercept, temperature, n_active, select_on,
threshold):
  names: {", ".join(list_gates())}
  --gate topk:n_active=2,select_on=logit      --gate dense_to_sparse:temperature=2
  --gate activation:activation=tanh           --gate topk:n_active=2,activation=gelu,temperature=estimate
  --gate laplace:scale=1.5                    --gate tree:tree=(0+1)+2
  activations: {", ".join(list_activations())}

families of experts, by name and settings:
  names: {", ".join(list_experts())}
  --expert-family student:df=4                --expert-family noise:low=0,high=100

examples:
  gmoe fit penguins.csv --y bill_length_mm --experts 3 \\
      --expert-features bill_depth_mm --gate-features flipper_length_mm
  gmoe fit penguins.csv --y bill_length_mm --x bill_depth_mm --no-gate-features --json

  gmoe fit survey.csv --y income --categories region --drop-missing
  gmoe fit penguins.csv --formula 'bill_length_mm ~ bs(bill_depth_mm, 4) + sex | flipper_length_mm'
  zcat data.csv.gz | gmoe fit - --y y --sep ';' --decimal ,

A fit that did not converge is printed and ends with code 1. Data at fault end with code 2.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``gmoe fit``."""
    add_data(parser)
    model = parser.add_argument_group("model and solver")
    model.add_argument(
        "--experts", type=whole("n_experts", 1), default=2, metavar="K", help="number of experts (default: 2)"
    )
    model.add_argument(
        "--gate",
        default="softmax",
        metavar="NAME[:SETTINGS]",
        help=f"one of {', '.join(list_gates())}, perhaps with settings: see below (default: softmax)",
    )
    add_solver(model)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    output.add_argument(
        "--out", metavar="FILE", help="write means, standard deviations and probabilities of each row as CSV"
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare the file, how it is read, and its columns."""
    columns: dict[str, Any] = {"nargs": "+", "action": "extend", "metavar": "COL"}
    parser.add_argument("file", help="table with a line of names; - for the standard input")
    add_reading(parser.add_argument_group("reading the file"))
    data = parser.add_argument_group("data")
    response = data.add_mutually_exclusive_group(required=True)
    response.add_argument("--y", metavar="COL", help="response")
    response.add_argument(
        "--formula",
        metavar="TEXT",
        help="response, experts, gate, as 'y ~ bs(x, 4) + species | z'; text is a category; needs gmoe[formula]",
    )
    data.add_argument(
        "--x", **columns, help="features of gate and experts (default: all other columns of numbers or true/false)"
    )
    data.add_argument("--expert-features", **columns, help="features of the experts (default: those of --x)")
    gate = data.add_mutually_exclusive_group()
    gate.add_argument("--gate-features", **columns, help="features of the gate (default: those of --x)")
    gate.add_argument("--no-gate-features", action="store_true", help="constant gate: a mixture of regressions")
    data.add_argument("--categories", **columns, help="features of text, coded as 0 and 1 against their first level")
    data.add_argument("--weights", metavar="COL", help="observation weights")
    data.add_argument(
        "--drop-missing", action="store_true", help="fit without the rows that lack a value, and say how many"
    )


def add_solver(model: Any) -> None:
    """Declare the settings of a fit beside experts and gate, to a group."""
    default, space = GaussianMoERegressor(), ParameterSpace()
    model.add_argument(
        "--expert-family",
        default=default.experts,
        metavar="NAME[:SETTINGS]",
        help=f"one of {', '.join(list_experts())}, perhaps with settings: see below (default: {default.experts})",
    )
    model.add_argument(
        "--schedule", nargs="+", type=float, metavar="S", help="dense-to-sparse training: falling softness, as 4 2 1"
    )
    model.add_argument("--solver", choices=SOLVERS, default=default.solver, help=f"(default: {default.solver})")
    model.add_argument(
        "--n-init",
        type=whole("n_init", 1),
        default=default.n_init,
        metavar="N",
        help=f"more of them make more rounds of starts (default: {default.n_init})",
    )
    model.add_argument(
        "--max-iter",
        type=whole("max_iter", 1),
        default=default.max_iter,
        metavar="N",
        help=f"iterations of one start (default: {default.max_iter})",
    )
    model.add_argument(
        "--variance-ratio",
        type=bound("variance_ratio"),
        default=space.variance_ratio,
        metavar="R",
        help=f"least ratio of two experts' variances, 1 for equal ones (default: {space.variance_ratio:g})",
    )
    model.add_argument(
        "--rows-per-parameter",
        type=bound("rows_per_parameter"),
        default=space.rows_per_parameter,
        metavar="M",
        help=f"rows that an expert must have for each of its parameters (default: {space.rows_per_parameter:g})",
    )
    model.add_argument("--random-state", type=seed, default=0, metavar="SEED", help="draws the starts (default: 0)")
    model.add_argument("--jobs", type=jobs, default=1, metavar="N", help="threads, -1 for all; changes no result")


def add_reading(group) -> None:
    """Declare how a table is read."""
    group.add_argument(
        "--sep", type=separator, metavar="CHAR", help="between cells; also tab, space (default: found out)"
    )
    group.add_argument("--decimal", choices=(".", ","), help="decimal mark (default: found out)")
    group.add_argument("--thousands", type=thousands, metavar="CHAR", help="between groups of digits (default: none)")
    group.add_argument(
        "--comment", default="#", metavar="TEXT", help="begins lines to leave out; '' for none (default: #)"
    )
    group.add_argument("--encoding", type=encoding, metavar="NAME", help="of the text (default: found out)")
