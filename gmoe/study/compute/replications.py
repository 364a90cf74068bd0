"""Replications: their data, what the protocols make of them, and the rows of the table."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmoe.study.data.seeds import generator
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import End, Task
from gmoe.study.losses.together import Measured, measured
from gmoe.study.protocols.base import Data, Fitted, Protocol
from gmoe.study.results.columns import FAILED, LOSS, Row, columns, parameter_columns, parameters_of
from gmoe.study.results.fits import fits_of


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a protocol made of one data set: a fit, or the error that came instead."""

    protocol: Protocol
    n: int
    replication: int
    seed: np.random.SeedSequence
    result: Fitted | Exception
    seconds: float

    @property
    def task(self) -> Task:
        """Size and number of the replication."""
        return self.n, self.replication


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
    """Return the data of one replication: a function of the root seed, truth, law of x, n and replication alone.

    Parameters
    ----------
    study : Study
    n : int
    seed : SeedSequence
        Of the replication: ``study.seed_of(n, replication)``.
    """
    rng, truth = generator(seed, 0), study.truth_at(n)
    X = study.law.draw(n, rng)
    return Data(X, truth.sample(X, rng)[0], truth)


def rows_of(study: Study, found: Sequence[Attempt]) -> list[Row]:
    """One row per attempt, in their order.

    The losses of a protocol are taken of all its fits together, which costs a tenth of one by one, and gives the same.
    """
    ends: dict[str, dict[Task, End]] = {protocol.name: {} for protocol in study.protocols}
    for a in found:
        if isinstance(a.result, Fitted):
            ends[a.protocol.name][a.task] = a.result.model, a.result.log_likelihood
    numbers: dict[tuple[str, Task], Measured] = {}
    for fits in fits_of(study, ends):
        keys = [(fits.setting.protocol, task) for task in fits.tasks]
        numbers |= zip(keys, measured(study.losses, fits), strict=True)
    return [_row(study, a, numbers.get((a.protocol.name, a.task))) for a in found]


def failed_row(study: Study, protocol, n: int, replication: int, status: str, error: str) -> Row:
    """Row of a replication without a fit."""
    row = dict.fromkeys(columns(study), np.nan) | _key(study, protocol, n, replication, study.seed_of(n, replication))
    row |= {"cells": "", "status": status, "certified": False, "n_starts": 0, "n_agreeing": 0, "n_iter": 0}
    return row | {"error": error, "seconds": 0.0}


def _row(study, attempt, measured) -> Row:
    key = attempt.protocol, attempt.n, attempt.replication
    if isinstance(error := attempt.result, Exception):
        return failed_row(study, *key, FAILED, f"{type(error).__name__}: {error}") | {"seconds": attempt.seconds}
    fitted = attempt.result
    row = dict.fromkeys(parameter_columns(study), np.nan) | _key(study, *key, attempt.seed)
    row |= dict.fromkeys((name for name in columns(study) if name.startswith(LOSS)), np.nan)
    row |= {LOSS + name: value for name, value in measured.numbers.items()}
    row |= {"cells": measured.cells, "error": measured.error, "seconds": attempt.seconds}
    # A fit whose loss cannot be taken counts as failed, and keeps its parameters and its other losses.
    row |= {"status": FAILED if measured.error else fitted.status}
    row |= {"certified": fitted.certified, "log_likelihood": fitted.log_likelihood, "gradient": fitted.gradient}
    row |= {"n_starts": fitted.n_starts, "n_agreeing": fitted.n_agreeing, "n_iter": fitted.n_iter}
    return row | parameters_of(fitted.model)


def _key(study, protocol, n, replication, seed):
    text = f"{seed.entropy}:{','.join(map(str, seed.spawn_key))}"
    return {"study": study.name, "protocol": protocol.name, "n": n, "replication": replication, "seed": text}
