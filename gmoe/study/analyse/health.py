"""Certificates and failures of a study, by protocol and size."""

from typing import Any

import numpy as np

from gmoe.solvers.evidence.result import EDGES


def health(table: Any) -> Any:
    """Count what happened to the fits.

    Parameters
    ----------
    table : DataFrame
        As :func:`gmoe.study.table` returns it.

    Returns
    -------
    DataFrame
        By protocol and n: replications, failed ones, share of certified fits with its Monte Carlo standard error,
        share of fits at an edge (the highest end that was found lies at a bound or at infinity), median share of the
        starts that agree, most frequent status and cells with their shares, median seconds of a fit.
    """
    import pandas as pd

    rows = [
        {"protocol": protocol, "n": n} | _counts(group)
        for (protocol, n), group in table.groupby(["protocol", "n"], sort=True)
    ]
    return pd.DataFrame(rows)


def failures(table: Any) -> Any:
    """Return the failed replications: protocol, n, replication, seed and error."""
    keys = [key for key in ("protocol", "n", "replication", "status", "seed", "error") if key in table]
    return table.loc[table["error"] != "", keys]


def _counts(group) -> dict[str, Any]:
    done = group[group["error"] == ""]
    certified = float(done["certified"].mean()) if len(done) else np.nan
    starts = done.loc[done["n_starts"] > 0]
    return {
        "n_replications": len(group),
        "n_failed": len(group) - len(done),
        "certified": certified,
        "certified_mcse": np.sqrt(certified * (1.0 - certified) / max(len(done), 1)),
        "at_edge": float(done["status"].isin(EDGES).mean()) if len(done) else np.nan,
        "agreeing": float((starts["n_agreeing"] / starts["n_starts"]).median()),
        "status": _most_frequent(done["status"]),
        "cells": _most_frequent(done["cells"]),
        "seconds": float(done["seconds"].median()),
    }


def _most_frequent(column) -> str:
    counts = column.value_counts()
    return f"{counts.index[0]} {100 * counts.iloc[0] / len(column):.0f} %" if len(counts) else ""
