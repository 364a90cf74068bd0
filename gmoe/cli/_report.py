"""A fit as JSON and as a CSV of predictions."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

import numpy as np

from gmoe import FitResult, GaussianMoERegressor, GMoE, Summary
from gmoe.cli._fit_data import Data
from gmoe.cli._messages import tell
from gmoe.estimator.written import fit_content
from gmoe.inference import explain
from gmoe.table import parameter_names


@dataclass(frozen=True, eq=False)
class Rows:
    """What predictions are made for.

    Attributes
    ----------
    X : ndarray
        Columns of the model.
    y : ndarray or None
    target : str
        What the response is called.
    places : ndarray of int
        Line, or row, of the file of each row.
    unit : str
        What ``places`` counts.
    """

    X: np.ndarray
    y: np.ndarray | None
    target: str
    places: np.ndarray
    unit: str


def with_names(result: FitResult, names: Sequence[str], before: Sequence[str] | None = None) -> FitResult:
    """Return the result with names in place of those before, or of column numbers."""
    labels = map(str, range(len(names))) if before is None else before
    columns = dict(zip(labels, names, strict=True))
    named = parameter_names(result.model, names, result.expert_names)
    new = dict(zip(result.parameter_names, named, strict=True))
    return replace(
        result,
        parameter_names=named,
        not_identified=tuple(new[name] for name in result.not_identified),
        collinear=tuple(columns[column] for column in result.collinear),
    )


def as_dict(estimator: GaussianMoERegressor, result: FitResult, names: list[str], data: Data) -> dict[str, Any]:
    """Return the fit as it is read back, and a report of it: what is not a finite number is None, its note says why."""
    model = result.model
    return {
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
        **_readable(estimator, result, data),
    }


def _readable(estimator, result, data):
    """Return what the fit is read back from; the columns of the file are the features."""
    if data.design is None:
        return fit_content(estimator, result, _formula_content(estimator), estimator.feature_names_in_)
    design = replace(data.design, gate=estimator.design_.gate, experts=estimator.design_.experts)
    features = list(design.places)
    content = fit_content(estimator, result, design.content(), features)
    chosen = {"gate_features": design.gate_sources, "expert_features": design.expert_sources}
    content["settings"] |= {name: [features[j] for j in places] for name, places in chosen.items()}
    return content


def _formula_content(estimator):
    """Design of a formula; None, and a note, where a file may not hold it."""
    try:
        return estimator.design_.content()
    except ValueError as error:
        tell("note", f"gmoe predict cannot read this fit. {error}")
        return None


def weight_line(result: FitResult, data: Data) -> str:
    """Say what the n of a weighted fit is."""
    return f"weights: n = {result.total_weight:g} is their sum, over {data.n_rows} rows of positive weight"


def write_predictions(
    stream: TextIO, model: GMoE, rows: Rows, places: bool = False, levels: Sequence[float] = (), names: Sequence = ()
) -> None:
    """Write one row per observation: mean, standard deviation, quantiles, gate; what the response says, if known.

    Parameters
    ----------
    stream : TextIO
    model : GMoE
    rows : Rows
    places : bool
        Whether each row begins with its line, or row, in the file.
    levels : sequence of float
        Of the quantiles.
    names : sequence of int or str
        Of the experts; numbers by default.
    """
    names = names or range(model.n_experts)
    columns: dict[str, np.ndarray] = {rows.unit: rows.places} if places else {}
    posterior = None if rows.y is None else model.responsibilities(rows.X, rows.y)
    if rows.y is not None:
        columns[rows.target] = rows.y
    columns |= {"mean": model.mean(rows.X), "std": np.sqrt(model.variance(rows.X))}
    if levels:
        quantiles = model.predictive(rows.X).quantile(list(levels))
        columns |= {f"quantile_{level:g}": column for level, column in zip(levels, quantiles.T, strict=True)}
    if posterior is not None:
        columns |= {
            "log_density": model.log_density(rows.X, rows.y),
            "expert": np.array(names)[posterior.argmax(axis=1)],
        }
    columns |= _named("gate", model.gate_proba(rows.X), names)
    if posterior is not None:
        columns |= _named("responsibility", posterior, names)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    # Python's numbers print as the shortest text that reads back the same.
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _named(what, values, names):
    return {f"{what}_{name}": column for name, column in zip(names, values.T, strict=True)}


def _json(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
