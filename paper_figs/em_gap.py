"""How far EM stops from the maximum: gaps in log-likelihood and in parameters against n."""

from dataclasses import replace

import numpy as np
import pandas as pd
from _common import caption, main
from _errors import KEYS, PREFIX, fitted_rows
from _panels import Line, rate_figure

from gmoe.metrics import voronoi_loss
from gmoe.study.rows import model_of

DESIGNS = {"em_against_mle_exact": "k = 2, exact", "em_against_mle_over3": "k = 3"}
STOPS = {"em_relative": "EM, relative stop", "em_absolute": "EM, absolute stop"}
ERRORS = {"gap": "log-likelihood below the maximum", "distance": "Voronoi distance"}
STUDIES = tuple(DESIGNS)
TEXT = """EM from one start beside the truth, stopped as published (relative change of the log-likelihood, absolute
change of its average, 1e-6 both), against the certified maximum on the same data. Top: the maximum's log-likelihood
less that of EM's end. Bottom: Voronoi distance (first powers, smallest over translations) of EM's end from the
maximum, beside that of the maximum from the truth: EM does no harm where it is far below. Points: medians over
replications with two standard errors, and least squares lines with slopes and 95 % intervals. Thin lines: means.
The theory has no exponent here."""


def draw(results):
    """Return the figure and its caption."""
    shares = [f"{name}: {higher(found)}" for name, found in results.items()]
    results = {name: with_gaps(found) for name, found in results.items()}
    beside = {"gap": [], "distance": [("mle", "maximum, from the truth")]}
    contents = [
        (f"{title}: {label}", [Line(words, name, stop, error) for stop, words in [*STOPS.items(), *beside[error]]])
        for error, label in ERRORS.items()
        for name, title in DESIGNS.items()
    ]
    figure, rows = rate_figure(contents, len(DESIGNS), 5.6, results, "median")
    text = TEXT + f" Ends of EM above the certified maximum, which count as a gap of 0: {'; '.join(shares)}."
    return figure, caption("em_gap", text, rows, results)


def with_gaps(results):
    """Add ``loss:gap`` and ``loss:distance`` of every protocol."""
    best = fitted_rows(results, "mle").set_index(["n", "replication"])
    truth = results.study.truth
    tables = []
    for protocol in ("mle", *STOPS):
        rows = fitted_rows(results, protocol)
        rows = rows[[key in best.index for key in zip(rows["n"], rows["replication"], strict=True)]]
        maxima = best.loc[list(zip(rows["n"], rows["replication"], strict=True))]
        gap = np.maximum(maxima["log_likelihood"].to_numpy() - rows["log_likelihood"].to_numpy(), 0.0)
        pairs = zip(rows.to_dict("records"), maxima.reset_index().to_dict("records"), strict=True)
        distance = [apart(results.study, own, None if protocol == "mle" else other, truth) for own, other in pairs]
        columns = {PREFIX + "distance": distance} | ({} if protocol == "mle" else {PREFIX + "gap": gap})
        tables.append(rows[KEYS].assign(**columns))
    return replace(results, extra=pd.concat(tables), extra_theory={})


def apart(study, own, other, truth):
    """Voronoi distance of a fit from another one of the same data, or from the truth."""
    target = truth if other is None else model_of(study, other)
    return float(voronoi_loss(model_of(study, own), target, kind="exact").value)


def higher(results):
    """Share of EM's ends above the certified maximum."""
    best = fitted_rows(results, "mle").set_index(["n", "replication"])["log_likelihood"]
    rows = results.fits[results.fits["protocol"].isin(STOPS)].set_index(["n", "replication"])
    above = rows["log_likelihood"] > best.reindex(rows.index) + 1e-6
    return f"{above.sum()} of {len(rows)}"


if __name__ == "__main__":
    main("em_gap", STUDIES, draw)
