"""How far EM stops from the maximum: gaps in log-likelihood and in parameters against n."""

from dataclasses import dataclass

import numpy as np
from _common import caption, main
from _panels import DRAWN, Line, rate_figure

from gmoe.metrics import voronoi_loss
from gmoe.study import Loss

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


@dataclass(frozen=True)
class Gap(Loss):
    """How far fits are from the maximum on the same data, by log-likelihood and parameters; and from the truth."""

    maximum: str = "mle"

    def numbers(self, setting):
        """Of the maximum itself, the distance from the truth alone; the theory has no exponents."""
        own = setting.protocol == self.maximum
        return dict.fromkeys(("from_truth",) if own else ("from_truth", "distance", "gap"))

    def values(self, fits):
        """Return the numbers of each fit, nan where there is no maximum."""
        best = fits.of_protocol(self.maximum)
        there = [end is not None for end in best]
        found = {"from_truth": np.where(there, voronoi_loss(fits.models, fits.truth, kind="exact").value, np.nan)}
        if "gap" in self.numbers(fits.setting):
            pairs = [(fit, end[0]) for fit, end in zip(fits.models, best, strict=True) if end]
            found["distance"] = np.full(len(best), np.nan)
            found["distance"][there] = [voronoi_loss(fit, maximum, kind="exact").value for fit, maximum in pairs]
            top = np.array([end[1] if end else np.nan for end in best])
            found["gap"] = np.maximum(top - fits.log_likelihood, 0.0)
        return found


def with_gaps(results):
    """Add the distances of all fits."""
    return results.measured(Gap("gaps"))


def higher(results):
    """Share of EM's ends above the certified maximum."""
    fits = results.fits.set_index(["n", "replication"])
    best = fits.loc[fits["protocol"] == "mle", "log_likelihood"]
    rows = fits[fits["protocol"].isin(STOPS)]
    above = rows["log_likelihood"] > best.reindex(rows.index) + 1e-6
    return f"{above.sum()} of {len(rows)}"


if __name__ == "__main__":
    main("em_gap", STUDIES, draw)
