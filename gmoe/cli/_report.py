"""A fit as JSON and as a CSV of predictions."""

import csv
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TextIO

from gmoe import FitResult, GaussianMoERegressor, Summary, __version__
from gmoe.cli._fit_data import Data
from gmoe.inference import explain
from gmoe.table import declared, parameter_names


def with_names(result: FitResult, names: Sequence[str], before: Sequence[str] | None = None) -> FitResult:
    """Return the result with names in place of those before, or of column numbers."""
    labels = map(str, range(len(names))) if before is None else before
    columns = dict(zip(labels, names, strict=True))
    named = parameter_names(result.model, names)
    new = dict(zip(result.parameter_names, named, strict=True))
    return replace(
        result,
        parameter_names=named,
        not_identified=tuple(new[name] for name in result.not_identified),
        collinear=tuple(columns[column] for column in result.collinear),
    )


def as_dict(result: FitResult, names: list[str], data: Data) -> dict[str, Any]:
    """Return the fit in JSON's types: what is not a finite number is None, and its note says why."""
    model = result.model
    return {
        "gmoe_version": __version__,
        "target": data.target,
        "gate": repr(model.gate),
        **({"temperature": model.parameters.temperature} if model.gate.can_anneal else {}),
        "experts": repr(model.experts),
        "gate_features": [names[j] for j in model.gate_columns or ()],
        "expert_features": [names[j] for j in model.expert_columns or ()],
        "n_experts": model.n_experts,
        "left_out": data.left_out,
        "n_rows": data.n_rows,
        "total_weight": result.total_weight,
        "log_likelihood": result.log_likelihood,
        "df": result.n_free_parameters,
        "aic": result.aic,
        "bic": float(result.bic),
        "icl": float(result.icl),
        "shares": [float(share) for share in result.shares],
        "parameters": [{key: _json(value) for key, value in row.items()} for row in Summary(result).rows()],
        "arrays": _arrays(model),
        "certificate": {
            "status": result.status,
            "certified": result.certified,
            "gradient": result.gradient,
            "smallest_eigenvalue": _json(result.smallest_eigenvalue),
            "n_flat": result.n_flat,
            "not_identified": list(result.not_identified),
            "collinear": list(result.collinear),
            "at_bound": list(result.at_bound),
            "few_rows": list(result.few_rows),
            "n_rounds": result.n_rounds,
            "n_rounds_agreeing": result.n_rounds_agreeing,
            "separated": result.separated,
            "selection_held": result.selection_held,
            "exact_curvature": result.exact_curvature,
            "n_starts": result.n_starts,
            "n_agreeing": result.n_agreeing,
            "n_iter": result.n_iter,
            "n_passes": result.n_passes,
            "messages": explain(result),
        },
    }


def _arrays(model) -> dict[str, Any]:
    """Return the arrays that gate and experts declare, in the units of the data."""
    return {array.name: model.parameters.arrays[array.name].tolist() for array in declared(model)}


def weight_line(result: FitResult, data: Data) -> str:
    """Say what the n of a weighted fit is."""
    return f"weights: n = {result.total_weight:g} is their sum, over {data.n_rows} rows of positive weight"


def write_predictions(stream: TextIO, estimator: GaussianMoERegressor, data: Data, arguments) -> None:
    """Write one row per observation: response, mean, standard deviation, log-density, expert, probabilities.

    Where rows of the file were left out, each row begins with its line, or row, there.
    """
    X, y = data.X, data.y
    response = estimator.design_.response(X, y)
    mean, std = estimator.predict(X, return_std=True)
    gate, responsibility = estimator.predict_gate(X), estimator.responsibilities(X, y)
    experts = range(gate.shape[1])
    header = [data.unit] if arguments.drop_missing else []
    header += [data.target, "mean", "std", "log_density", "expert"]
    header += [f"gate_{j}" for j in experts] + [f"responsibility_{j}" for j in experts]
    columns = [data.places] if arguments.drop_missing else []
    columns += [
        response,
        mean,
        std,
        estimator.score_samples(X, y),
        responsibility.argmax(axis=1),
        *gate.T,
        *responsibility.T,
    ]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    # Python's numbers print as the shortest text that reads back the same.
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))


def _json(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
