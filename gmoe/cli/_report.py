"""A fit as JSON and as a CSV of predictions."""

import csv
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gmoe import FitResult, GaussianMoERegressor, Summary, __version__
from gmoe.cli._messages import WorkError
from gmoe.inference import explain


def with_names(result: FitResult, names: list[str]) -> FitResult:
    """Return the result with names in place of column numbers."""

    def named(labels):
        return tuple(re.sub(r"\[(\d+)\]", lambda match: f"[{names[int(match[1])]}]", label) for label in labels)

    return replace(
        result,
        parameter_names=named(result.parameter_names),
        not_identified=named(result.not_identified),
        collinear=tuple(names[int(column)] for column in result.collinear),
    )


def as_dict(result: FitResult, target: str, names: list[str], n: int) -> dict[str, Any]:
    """Return the fit in JSON's types: what is not a finite number is None, and its note says why."""
    model = result.model
    return {
        "gmoe_version": __version__,
        "target": target,
        "gate": repr(model.gate),
        "temperature": model.parameters.temperature,
        "gate_features": [names[j] for j in model.gate_columns or ()],
        "expert_features": [names[j] for j in model.expert_columns or ()],
        "n_experts": model.n_experts,
        "n": n,
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
            "separated": result.separated,
            "selection_held": result.selection_held,
            "n_starts": result.n_starts,
            "n_agreeing": result.n_agreeing,
            "n_iter": result.n_iter,
            "n_passes": result.n_passes,
            "messages": explain(result),
        },
    }


def write_predictions(file: str, estimator: GaussianMoERegressor, X: np.ndarray, y: np.ndarray, target: str) -> None:
    """Write one row per observation: response, mean, standard deviation, log-density, expert, probabilities."""
    mean, std = estimator.predict(X, return_std=True)
    gate, responsibility = estimator.predict_gate(X), estimator.responsibilities(X, y)
    experts = range(gate.shape[1])
    header = [target, "mean", "std", "log_density", "expert"]
    header += [f"gate_{j}" for j in experts] + [f"responsibility_{j}" for j in experts]
    density, likely = estimator.score_samples(X, y), responsibility.argmax(axis=1)
    rows = zip(y, mean, std, density, likely, gate, responsibility, strict=True)
    try:
        with Path(file).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([*map(_cell, first), *map(_cell, p), *map(_cell, r)] for *first, p, r in rows)
    except OSError as error:
        raise WorkError(f"cannot write {file}: {error.strerror or error}") from error


def _cell(value):
    return value.item()  # a NumPy number prints as the shortest text that reads back the same


def _json(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value
