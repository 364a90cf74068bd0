"""From replications to the rows of the result table."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT, Parameters
from gmoe.study.data.seeds import generator
from gmoe.study.describe.spec import Study
from gmoe.study.losses.losses import Measured
from gmoe.study.protocols.protocols import Data, Fitted, Protocol

Row = dict[str, Any]
FAILED, KILLED = "failed", "killed"


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a protocol made of one data set: a fit, or the error that came instead."""

    protocol: Protocol
    n: int
    replication: int
    seed: np.random.SeedSequence
    result: Fitted | Exception
    seconds: float


def columns(study: Study) -> dict[str, type]:
    """Names and types of the columns, in order: those of the table that :mod:`gmoe.study.results.store` documents."""
    kinds: dict[str, type] = {"study": str, "protocol": str, "n": int, "replication": int}
    kinds |= {f"loss:{loss.name}": float for loss in study.losses}
    kinds |= {"cells": str, "log_likelihood": float, "gradient": float, "status": str, "certified": bool}
    kinds |= {"n_starts": int, "n_agreeing": int, "n_iter": int, "error": str, "seed": str, "seconds": float}
    return kinds | dict.fromkeys(_parameter_names(study), float)


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that is drawn of a replication: its data, or the error that came instead, and each protocol's generator."""

    n: int
    replication: int
    seed: np.random.SeedSequence
    data: Data | Exception
    starts: Sequence[np.random.Generator]


def prepare(study: Study, n: int, replication: int) -> Prepared:
    """Draw the data of a replication."""
    seed = study.seed_of(n, replication)
    data: Data | Exception
    try:
        data = draw(study, n, seed)
    except Exception as error:  # whatever it is becomes a row that says so
        data = error
    return Prepared(n, replication, seed, data, [generator(seed, 1) for _ in study.protocols])


def attempts(study: Study, prepared: Prepared) -> list[Attempt]:
    """Every protocol on the same data; whatever fails becomes an attempt that says so."""
    found, data = [], prepared.data
    for protocol, rng in zip(study.protocols, prepared.starts, strict=True):
        result: Fitted | Exception
        begin = time.perf_counter()
        try:
            result = data if isinstance(data, Exception) else protocol.fit(data, rng)
        except Exception as error:  # the same: a study outlives a failed replication
            result = error
        seconds = time.perf_counter() - begin
        found.append(Attempt(protocol, prepared.n, prepared.replication, prepared.seed, result, seconds))
    return found


def draw(study: Study, n: int, seed: np.random.SeedSequence) -> Data:
    """Return the data of one replication: a function of the root seed, truth, law of x, n and replication alone."""
    rng = generator(seed, 0)
    X = study.law.draw(n, rng)
    return Data(X, study.truth.sample(X, rng)[0], study.truth)


def rows_of(study: Study, found: Sequence[Attempt]) -> list[Row]:
    """One row per attempt, in their order.

    The losses of a protocol are taken of all its fits together, which costs a tenth of one by one, and gives the same.
    """
    measured: dict[Attempt, Measured] = {}
    for protocol in study.protocols:
        fits = {a: a.result.model for a in found if a.protocol is protocol and isinstance(a.result, Fitted)}
        if fits:
            measured |= zip(fits, study.measured.values(list(fits.values()), study.truth), strict=True)
    return [_row(study, a, measured.get(a)) for a in found]


def failed_row(study: Study, protocol, n: int, replication: int, status: str, error: str) -> Row:
    """Row of a replication without a fit."""
    row = dict.fromkeys(columns(study), np.nan) | _key(study, protocol, n, replication, study.seed_of(n, replication))
    row |= {"cells": "", "status": status, "certified": False, "n_starts": 0, "n_agreeing": 0, "n_iter": 0}
    return row | {"error": error, "seconds": 0.0}


def model_of(study: Study, row) -> GMoE:
    """Fitted model of a row of the table."""
    protocol = study.protocol(row["protocol"])
    k, d = protocol.n_experts, len(study.law.first)
    shapes = {name: (k, d) if name in ("gate_coef", "coef") else (k,) for name in PER_EXPERT}
    arrays = {
        name: np.array([row[key] for key in _names(name, k, d)], dtype=float).reshape(shapes[name])
        for name in PER_EXPERT
    }
    parameters = Parameters(**arrays, temperature=row["param:temperature"])
    return GMoE(parameters, protocol.gate_for(study.truth))


def _row(study, attempt, measured) -> Row:
    key = attempt.protocol, attempt.n, attempt.replication
    if isinstance(error := attempt.result, Exception):
        return failed_row(study, *key, FAILED, f"{type(error).__name__}: {error}") | {"seconds": attempt.seconds}
    fitted = attempt.result
    row = dict.fromkeys(_parameter_names(study), np.nan) | _key(study, *key, attempt.seed)
    row |= {f"loss:{loss.name}": value for loss, value in zip(study.losses, measured.losses, strict=True)}
    row |= {"cells": measured.cells, "error": measured.error, "seconds": attempt.seconds}
    # A fit whose loss cannot be taken counts as failed, and keeps its parameters and its other losses.
    row |= {"status": FAILED if measured.error else fitted.status}
    row |= {"certified": fitted.certified, "log_likelihood": fitted.log_likelihood, "gradient": fitted.gradient}
    row |= {"n_starts": fitted.n_starts, "n_agreeing": fitted.n_agreeing, "n_iter": fitted.n_iter}
    return row | _parameters(fitted.model.parameters)


def _key(study, protocol, n, replication, seed):
    text = f"{seed.entropy}:{','.join(map(str, seed.spawn_key))}"
    return {"study": study.name, "protocol": protocol.name, "n": n, "replication": replication, "seed": text}


@lru_cache(maxsize=64)
def _names(name: str, k: int, d: int) -> list[str]:
    """Columns of one field of :class:`Parameters`, expert by expert."""
    if name in ("gate_coef", "coef"):
        return [f"param:{name}[{j},{c}]" for j in range(k) for c in range(d)]
    return [f"param:{name}[{j}]" for j in range(k)]


@lru_cache(maxsize=8)
def _parameter_names(study: Study) -> list[str]:
    k, d = max(protocol.n_experts for protocol in study.protocols), len(study.law.first)
    return [key for name in PER_EXPERT for key in _names(name, k, d)] + ["param:temperature"]


def _parameters(p: Parameters) -> Row:
    k, d = p.coef.shape
    fields = {name: zip(_names(name, k, d), getattr(p, name).ravel().tolist(), strict=True) for name in PER_EXPERT}
    return {key: value for pairs in fields.values() for key, value in pairs} | {"param:temperature": p.temperature}
