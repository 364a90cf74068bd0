"""Run one replication again, with its data and, if it failed, its error."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmoe.solvers._blas import single_threaded
from gmoe.study.compute.replications import draw
from gmoe.study.data.seeds import generator
from gmoe.study.errors import StudyError
from gmoe.study.losses.base import Fits
from gmoe.study.losses.together import measured
from gmoe.study.protocols.base import Fitted
from gmoe.study.results.manifest import load_study


@dataclass(frozen=True, eq=False)
class Replay:
    """A replication: its data, its fit, and the losses by name."""

    X: np.ndarray
    y: np.ndarray
    fitted: Fitted
    losses: dict[str, float]


def replay(folder: str | Path, protocol: str, n: int, replication: int) -> Replay:
    """Run one replication of a study again: the same data, the same starts, the same numbers.

    Parameters
    ----------
    folder : path
        Of the results; the replication need not be among them.
    protocol : str
    n, replication : int

    Raises
    ------
    Exception
        What the fit itself raised, where it failed; a loss that failed is nan.
    """
    study = load_study(folder)
    if n not in study.sizes or not 0 <= replication < study.replications:
        raise StudyError(
            f"No replication {replication} of size {n} in study {study.name!r}: sizes are {_short(study.sizes)}, "
            f"replications 0 to {study.replications - 1}."
        )
    seed = study.seed_of(n, replication)
    chosen = study.protocol(protocol)
    # As in a worker: the number of BLAS threads decides last bits, and a fit's evidence is in what is returned.
    with single_threaded(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        data = draw(study, n, seed)
        fitted = chosen.fit(data, generator(seed, 1))
        task = n, replication
        ends = {protocol: {task: (fitted.model, fitted.log_likelihood)}}
        [found] = measured(study.losses, Fits.of(study.setting(chosen, n), ends, [task]))
    return Replay(data.X, data.y, fitted, found.numbers)


def _short(sizes) -> str:
    return ", ".join(map(str, sizes)) if len(sizes) <= 8 else f"{sizes[0]}, {sizes[1]}, ..., {sizes[-1]}"
