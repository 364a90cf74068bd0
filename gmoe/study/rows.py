"""From one replication to the rows of the result table."""

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT, Parameters
from gmoe.study.protocols import Data
from gmoe.study.seeds import generator
from gmoe.study.spec import Study

Row = dict[str, Any]
FAILED, KILLED = "failed", "killed"


def columns(study: Study) -> dict[str, type]:
    """Names and types of the columns, in order: those of the table that :mod:`gmoe.study.store` documents."""
    kinds: dict[str, type] = {"study": str, "protocol": str, "n": int, "replication": int}
    kinds |= {f"loss:{loss.name}": float for loss in study.losses}
    kinds |= {"cells": str, "log_likelihood": float, "gradient": float, "status": str, "certified": bool}
    kinds |= {"n_starts": int, "n_agreeing": int, "n_iter": int, "error": str, "seed": str, "seconds": float}
    return kinds | dict.fromkeys(_parameter_names(study), float)


def replicate(study: Study, n: int, replication: int) -> list[Row]:
    """One row per protocol, all on the same data; whatever fails becomes a row that says so."""
    rows = []
    data: Data | Exception
    try:
        data = draw(study, n, replication)
    except Exception as error:  # whatever it is becomes a row that says so
        data = error
    for protocol in study.protocols:
        begin = time.perf_counter()
        try:
            if isinstance(data, Exception):
                raise data
            row = _fit(study, protocol, data, n, replication)
        except Exception as error:  # the same: a study outlives a failed replication
            row = failed_row(study, protocol, n, replication, FAILED, f"{type(error).__name__}: {error}")
            row["seconds"] = time.perf_counter() - begin
        rows.append(row)
    return rows


def draw(study: Study, n: int, replication: int) -> Data:
    """Return the data of one replication: a function of the root seed, truth, law of x, n and replication alone."""
    rng = generator(study.seed_of(n, replication), 0)
    X = study.law.draw(n, rng)
    return Data(X, study.truth.sample(X, rng)[0], study.truth)


def fit_one(study: Study, protocol, data: Data, n: int, replication: int):
    """Fit one data set with the starts of its replication."""
    rng = generator(study.seed_of(n, replication), 1)
    return protocol.fit(data, rng)


def failed_row(study: Study, protocol, n: int, replication: int, status: str, error: str) -> Row:
    """Row of a replication without a fit."""
    row = dict.fromkeys(columns(study), np.nan) | _key(study, protocol, n, replication)
    row |= {"cells": "", "status": status, "certified": False, "n_starts": 0, "n_agreeing": 0, "n_iter": 0}
    return row | {"error": error, "seconds": 0.0}


def model_of(study: Study, row) -> GMoE:
    """Fitted model of a row of the table."""
    protocol = study.protocol(row["protocol"])
    k, d = protocol.n_experts, len(study.law.first)
    arrays = {
        name: np.array([[row[key] for key in keys] for keys in _names(name, k, d)], dtype=float) for name in PER_EXPERT
    }
    arrays = {name: array if name in ("gate_coef", "coef") else array[:, 0] for name, array in arrays.items()}
    parameters = Parameters(**arrays, temperature=row["param:temperature"])
    return GMoE(parameters, protocol.gate_for(study.truth))


def _fit(study, protocol, data, n, replication):
    begin = time.perf_counter()
    fitted = fit_one(study, protocol, data, n, replication)
    seconds = time.perf_counter() - begin
    losses, cells = study.measured.values(fitted.model, study.truth)
    row = dict.fromkeys(_parameter_names(study), np.nan) | _key(study, protocol, n, replication)
    row |= {f"loss:{loss.name}": value for loss, value in zip(study.losses, losses, strict=True)}
    row |= {"cells": cells, "error": "", "seconds": seconds, "status": fitted.status, "certified": fitted.certified}
    row |= {"log_likelihood": fitted.log_likelihood, "gradient": fitted.gradient}
    row |= {"n_starts": fitted.n_starts, "n_agreeing": fitted.n_agreeing, "n_iter": fitted.n_iter}
    return row | dict(_parameters(fitted.model.parameters))


def _key(study, protocol, n, replication):
    seed = study.seed_of(n, replication)
    text = f"{seed.entropy}:{','.join(map(str, seed.spawn_key))}"
    return {"study": study.name, "protocol": protocol.name, "n": n, "replication": replication, "seed": text}


def _names(name: str, k: int, d: int) -> list[list[str]]:
    """Columns of one field of :class:`Parameters`, by expert."""
    if name in ("gate_coef", "coef"):
        return [[f"param:{name}[{j},{c}]" for c in range(d)] for j in range(k)]
    return [[f"param:{name}[{j}]"] for j in range(k)]


@lru_cache(maxsize=8)
def _parameter_names(study: Study) -> list[str]:
    k, d = max(protocol.n_experts for protocol in study.protocols), len(study.law.first)
    return [key for name in PER_EXPERT for keys in _names(name, k, d) for key in keys] + ["param:temperature"]


def _parameters(p: Parameters) -> Iterable[tuple[str, float]]:
    for name in PER_EXPERT:
        keys = _names(name, p.n_experts, p.coef.shape[1])
        yield from zip([key for row in keys for key in row], getattr(p, name).ravel().tolist(), strict=True)
    yield "param:temperature", p.temperature
