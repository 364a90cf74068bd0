"""Voronoi loss by the cells of the fits: which true expert has got the surplus ones."""

from dataclasses import dataclass

import numpy as np
from _common import caption, main
from _panels import DOTTED, DRAWN, PROTOCOLS, Line, rate_figure

from gmoe.study import Loss, Voronoi

DESIGNS = {"softmax_over3": ("k = 3", ("2+1", "1+2")), "softmax_over4": ("k = 4", ("3+1", "2+2", "1+3"))}
STUDIES = tuple(DESIGNS)
TEXT = """Voronoi loss (smallest over translations of the gate) of over-specified fits, by their cells: 2+1 has two
fitted experts in the cell of the first true one. The first true expert has the weight exp(-8) and the second 1, so
that the same errors count differently: the median over all fits depends on the shares of the cells."""


def draw(results):
    """Return the figure and its caption."""
    shares = [
        f"{name}, {protocol}: {share(found, protocol)}" for name, found in results.items() for protocol in PROTOCOLS
    ]
    results = {name: by_cells(found) for name, found in results.items()}
    contents = [
        (f"{title}: {label}", [Line(pattern, name, protocol, key_of(pattern)) for pattern in patterns])
        for name, (title, patterns) in DESIGNS.items()
        for protocol, label in PROTOCOLS.items()
    ]
    figure, rows = rate_figure(contents, len(PROTOCOLS), 5.8, results, "median Voronoi loss")
    return figure, caption("cells", f"{TEXT} {DRAWN} {DOTTED} Cells of the fits: {'; '.join(shares)}.", rows, results)


@dataclass(frozen=True)
class ByCells(Loss):
    """A Voronoi loss, of the fits with each pattern of cells as a number of its own."""

    loss: Voronoi
    patterns: tuple[str, ...]

    def numbers(self, setting):
        """One for each pattern; the theory's exponent is that of the loss."""
        return {key_of(pattern): self.loss.quantity(setting) for pattern in self.patterns}

    def values(self, fits):
        """Loss of the fits with the pattern, nan for the others."""
        loss, cells = self.loss.values(fits)[self.loss.name], np.array(self.loss.cells(fits))
        return {key_of(pattern): np.where(cells == pattern, loss, np.nan) for pattern in self.patterns}


def by_cells(found):
    """Add the loss of the fits with each pattern."""
    [loss] = [loss for loss in found.study.losses if loss.name == "voronoi"]
    return found.measured(ByCells("by_cells", loss, tuple(sorted(set(found.fits["cells"]) - {""}))))


def key_of(pattern):
    """Name of the loss of the fits with a pattern."""
    return f"voronoi ({pattern})"


def share(found, protocol):
    """Patterns with their shares."""
    counts = found.fits.loc[found.fits["protocol"] == protocol, "cells"].value_counts(normalize=True)
    return ", ".join(f"{pattern or 'failed'} {100.0 * counts[pattern]:.1f} %" for pattern in sorted(counts.index))


if __name__ == "__main__":
    main("cells", STUDIES, draw)
