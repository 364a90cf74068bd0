"""``gmoe fit``: fit a table from a file."""

import argparse
import signal
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import FitResult, GaussianMoERegressor, ParameterSpace, Summary, _json
from gmoe._interrupt import INTERRUPTED, saving
from gmoe.cli._data import read_data
from gmoe.cli._fit_data import Data
from gmoe.cli._fit_options import DESCRIPTION, EPILOG, HELP, add_arguments
from gmoe.cli._messages import UsageError, WorkError, say, tell
from gmoe.cli._output import planned
from gmoe.cli._report import Rows, as_dict, weight_line, with_names, write_predictions
from gmoe.inference import explain

__all__ = ["DESCRIPTION", "EPILOG", "HELP", "add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Fit, print, and return the exit code."""
    with planned(arguments.out, arguments.file) as output:
        notes: list[str] = []
        data = read_data(arguments, notes)
        estimator = _fit(arguments, data)
        names = list(estimator.design_.names or data.names)
        result = with_names(estimator.fit_result_, names, estimator.design_.names)
        for note in notes:  # not before: an error is one line
            tell("note", note)
        for message in explain(result):
            tell("warning", message)
        try:
            _print(arguments, estimator, data, result, names)
        finally:  # what became of the estimates is no reason to lose the predictions, nor the other way round
            if output:
                rows = _rows(estimator, data)
                places = arguments.drop_missing
                output.write(lambda stream: write_predictions(stream, estimator.model_, rows, places))
    if result.interrupted:
        return INTERRUPTED
    return 0 if estimator.converged_ else 1


def _print(arguments, estimator, data: Data, result: FitResult, names: list[str]) -> None:
    if arguments.json:
        say(_json.dumps(as_dict(estimator, result, names, data), indent=2))
    else:
        say(Summary(result))
        if data.weight is not None:
            say(weight_line(result, data))


def _rows(estimator, data):
    X, y = estimator.design_.matrix(estimator, data.X), estimator.design_.response(data.X, data.y)
    return Rows(X, y, data.target, data.places, data.unit)


def _fit(arguments, data: Data) -> GaussianMoERegressor:
    estimator = GaussianMoERegressor(arguments.experts, arguments.gate, **solver_settings(arguments), **data.settings)
    try:
        with saving(signal.SIGINT), warnings.catch_warnings():
            # Told by run(), with the columns' names in place of their numbers.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(data.X, data.y, data.weight)
    except np.linalg.LinAlgError as error:
        raise WorkError(f"the fit broke down: {error}") from error
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error


def solver_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the estimator beside experts, gate and columns."""
    return {
        "experts": arguments.expert_family,
        "solver": arguments.solver,
        "n_init": arguments.n_init,
        "max_iter": arguments.max_iter,
        "parameter_space": ParameterSpace(
            variance_ratio=arguments.variance_ratio, rows_per_parameter=arguments.rows_per_parameter
        ),
        "random_state": arguments.random_state,
        "n_jobs": arguments.jobs,
        "schedule": arguments.schedule,
    }
