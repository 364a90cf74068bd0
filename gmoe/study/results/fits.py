"""Fitted models of rows, and the fits that losses are taken of."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.study.data.arrays import shapes, sizes_of
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import End, Fits, Task
from gmoe.study.results.columns import TEMPERATURE, columns_of


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
    gate, experts = protocol.gate_for(truth), protocol.experts_for(truth)
    named = columns_of(study, protocol)
    arrays = {
        name: np.array([row[key] for key in named[name]], dtype=float).reshape(shape)
        for name, shape in shapes((gate, experts), sizes_of(truth, protocol.n_experts)).items()
    }
    temperature = {"temperature": row[TEMPERATURE]} if gate.can_anneal else {}
    return GMoE(Parameters(**arrays, **temperature), gate, truth.gate_columns, truth.expert_columns, experts)


def has_model(study: Study, frame: Any) -> Any:
    """Whether each row of a table holds a fit."""
    found = np.zeros(len(frame), dtype=bool)
    for protocol in study.protocols:
        last = next(keys[-1] for keys in reversed(columns_of(study, protocol).values()) if keys)
        found |= (frame["protocol"] == protocol.name).to_numpy() & np.isfinite(frame[last].to_numpy(dtype=float))
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
