"""Fitted models of rows, and the fits that losses are taken of."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT, Parameters
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import End, Fits, Task
from gmoe.study.results.columns import PARAMETER, SLOPES, features_of, names_of


def model_of(study: Study, row: Mapping[str, Any]) -> GMoE:
    """Fitted model of a row of the table.

    Parameters
    ----------
    study : Study
    row : mapping
        By column, as of ``table(folder).to_dict("records")``.

    Raises
    ------
    ValueError
        For a row without a fit, that of a failed replication.
    """
    protocol, truth = study.protocol(row["protocol"]), study.truth
    k, arrays = protocol.n_experts, {}
    for name in PER_EXPERT:
        features = features_of(truth, name)
        values = np.array([row[key] for key in names_of(name, k, features)], dtype=float)
        arrays[name] = values.reshape((k, len(features)) if name in SLOPES else (k,))
    parameters = Parameters(**arrays, temperature=row[f"{PARAMETER}temperature"])
    return GMoE(parameters, protocol.gate_for(truth), truth.gate_columns, truth.expert_columns)


def has_model(study: Study, frame: Any) -> Any:
    """Whether each row of a table holds a fit."""
    last = {p.name: f"{PARAMETER}variance[{p.n_experts - 1}]" for p in study.protocols}
    found = np.zeros(len(frame), dtype=bool)
    for name, column in last.items():
        found |= (frame["protocol"] == name).to_numpy() & np.isfinite(frame[column].to_numpy(dtype=float))
    return found


def fits_of(study: Study, ends: Mapping[str, Mapping[Task, End]]) -> Iterator[Fits]:
    """Yield the fits of each protocol to data from one truth, from all models with their log-likelihoods."""
    for protocol in study.protocols:
        groups: dict[int | None, list[Task]] = {}
        for task in ends[protocol.name]:
            groups.setdefault(task[0] if study.drifts else None, []).append(task)
        for n, tasks in groups.items():
            yield Fits.of(study.setting(protocol, n), ends, tasks)


def ends_of(study: Study, frame: Any) -> dict[str, dict[Task, End]]:
    """Models with their log-likelihoods by protocol and data set, of the rows of a table that hold a fit."""
    ends: dict[str, dict[Task, End]] = {protocol.name: {} for protocol in study.protocols}
    for row in frame[has_model(study, frame)].to_dict("records"):
        ends[row["protocol"]][row["n"], row["replication"]] = model_of(study, row), row["log_likelihood"]
    return ends
