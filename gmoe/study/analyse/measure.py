"""Losses of stored fits: measured after the fact, as often and by whatever one likes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmoe.study.compute.runner import table
from gmoe.study.describe.spec import Study
from gmoe.study.losses.base import Loss, Task
from gmoe.study.losses.together import Measured, measured, numbers_of
from gmoe.study.results.columns import LOSS
from gmoe.study.results.fits import ends_of, fits_of
from gmoe.study.results.manifest import load_study
from gmoe.study.results.store import KEY

if TYPE_CHECKING:
    import pandas as pd


def measure(folder: str | Path, losses: Sequence[Loss]) -> "pd.DataFrame":
    """Take losses of all fits in a results folder; nothing in it changes.

    Parameters
    ----------
    folder : path
        Of the results of a study.
    losses : sequence of Loss
        Any, also such that the study does not have: :class:`gmoe.study.Blocks`, one of your own, ...

    Returns
    -------
    DataFrame
        A row for each of :func:`gmoe.study.table`, in its order: ``protocol``, ``n``, ``replication``, a column
        ``loss:<number>`` for each number of the losses, and ``error``, empty where all went well. Numbers are nan where
        there is no fit, where the fit does not have them, or where the loss failed.
        :func:`gmoe.study.estimate_rates` takes it, with ``theory=exponents(study, losses)``.

    Raises
    ------
    StoreError
        For a folder without results.
    ValueError
        Where two losses give numbers of the same name.

    Examples
    --------
    >>> from gmoe.study import Blocks, estimate_rates, exponents, load_study, measure
    >>> study, losses = load_study("results"), [Blocks()]  # doctest: +SKIP
    >>> rates = estimate_rates(measure("results", losses), theory=exponents(study, losses))  # doctest: +SKIP
    """
    return measure_table(load_study(folder), table(folder), losses)


def measure_table(study: Study, fits: "pd.DataFrame", losses: Sequence[Loss]) -> "pd.DataFrame":
    """Take losses of the fits in a table, or a part of one; as :func:`measure`, with the table's index."""
    found: dict[tuple[str, Task], Measured] = {}
    with np.errstate(all="ignore"):  # as in a worker: what fails says so in its row
        for group in fits_of(study, ends_of(study, fits)):
            keys = [(group.setting.protocol, task) for task in group.tasks]
            found |= zip(keys, measured(losses, group), strict=True)
    tasks = zip(fits["n"], fits["replication"], strict=True)
    rows = [found.get(key, Measured({}, "", "")) for key in zip(fits["protocol"], tasks, strict=True)]
    result = fits[KEY].copy()
    for name in _numbers(study, losses):
        result[LOSS + name] = [row.numbers.get(name, np.nan) for row in rows]
    result["error"] = [row.error for row in rows]
    return result


def _numbers(study: Study, losses: Sequence[Loss]) -> list[str]:
    """Numbers of all protocols, each once."""
    return list(dict.fromkeys(name for p in study.protocols for name in numbers_of(losses, study.setting(p))))
