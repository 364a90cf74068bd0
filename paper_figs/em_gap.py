"""How far EM stops from the maximum: gaps in log-likelihood and in parameters against n."""

from dataclasses import replace

import numpy as np
import pandas as pd
from _common import caption, main
from _errors import KEYS, PREFIX, fitted_rows
from _panels import DRAWN, Line, rate_figure

from gmoe.metrics import voronoi_loss
from gmoe.study.results.rows import model_of

DESIGNS = {"em_against_mle_exact": "k = 2, exact", "em_against_mle_over3": "k = 3"}
STOPS = {"em_relative": "EM, relative stop", "em_absolute": "EM, absolute stop"}
ERRORS = {"gap": "log-likelihood below the maximum", "distance": "Voronoi distance"}
STUDIES = tuple(DESIGNS)
TEXT = """EM from one start beside the truth, stopped as published (relative change of the log-likelihood, absolute
change of its average, 1e-6 both), against the certified maximum on the same data. Top: the maximum's log-likelihood
less that of EM's end. Bottom: Voronoi distance (first powers, smallest over translations) of EM's end from the
maximum, beside those of the maximum and of EM's end from the truth. The theory has no exponent here."""


def draw(results):
    """Return the figure and its caption."""
    shares = [f"{name}: {higher(found)}" for name, found in results.items()]
    results = {name: with_gaps(found) for name, found in results.items()}
    contents = [
        (f"{title}: {label}", [Line(words, name, stop, error) for stop, words in STOPS.items()] + beside(name, error))
        for error, label in ERRORS.items()
        for name, title in DESIGNS.items()
    ]
    figure, rows = rate_figure(contents, len(DESIGNS), 5.6, results, "median")
    text = f"{TEXT} {DRAWN} Ends of EM above the certified maximum, which count as a gap of 0: {'; '.join(shares)}."
    return figure, caption("em_gap", text, rows, results)


def beside(name, error):
    """Lines of distances from the truth, beside those from the maximum."""
    labels = {"mle": "maximum from truth", "em_relative": "EM, relative, from truth"}
    return [Line(label, name, key, "from_truth") for key, label in labels.items()] if error == "distance" else []


def with_gaps(results):
    """Add ``loss:gap`` and ``loss:distance``, from the maximum, of EM's ends, and ``loss:from_truth`` of all fits."""
    best = fitted_rows(results, "mle").set_index(["n", "replication"])
    tables = []
    for protocol in ("mle", *STOPS):
        rows = fitted_rows(results, protocol)
        rows = rows[[key in best.index for key in zip(rows["n"], rows["replication"], strict=True)]]
        maxima = best.loc[list(zip(rows["n"], rows["replication"], strict=True))]
        models = [model_of(results.study, row) for row in rows.to_dict("records")]
        columns = {"from_truth": voronoi_loss(models, results.study.truth, kind="exact").value}
        if protocol in STOPS:
            best_models = [model_of(results.study, row) for row in maxima.reset_index().to_dict("records")]
            pairs = zip(models, best_models, strict=True)
            columns["distance"] = [float(voronoi_loss(*pair, kind="exact").value) for pair in pairs]
            columns["gap"] = np.maximum(maxima["log_likelihood"].to_numpy() - rows["log_likelihood"].to_numpy(), 0.0)
        tables.append(rows[KEYS].assign(**{PREFIX + name: values for name, values in columns.items()}))
    return replace(results, extra=pd.concat(tables), extra_theory={})


def higher(results):
    """Share of EM's ends above the certified maximum."""
    best = fitted_rows(results, "mle").set_index(["n", "replication"])["log_likelihood"]
    rows = results.fits[results.fits["protocol"].isin(STOPS)].set_index(["n", "replication"])
    above = rows["log_likelihood"] > best.reindex(rows.index) + 1e-6
    return f"{above.sum()} of {len(rows)}"


if __name__ == "__main__":
    main("em_gap", STUDIES, draw)
