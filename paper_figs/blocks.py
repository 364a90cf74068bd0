"""Errors of each block of parameters against n: cells of one atom, and of two by the worst atom and on average."""

from _common import caption, main
from _errors import AVERAGE, SMALLEST, with_blocks
from _panels import DRAWN, Line, rate_figure

DESIGNS = {"softmax_over3": "k = 3", "softmax_over4": "k = 4"}
BLOCKS = {"gate_coef": "gate slope", "intercept": "expert intercept", "coef": "expert slope", "variance": "variance"}
CELLS = {("", 1): "cells of one", ("", 2): "cells of two, worst atom", (AVERAGE, 2): "cells of two, average"}
STUDIES = tuple(DESIGNS)
TEXT = """Errors of the certified maximum likelihood estimator of an over-specified softmax gate, block by block:
largest over the cells of one fitted expert (top); over the cells of two, by the worse of the two (middle) and
averaged over the two by their gate probabilities (bottom), with the smallest gate probability of the fitted experts.
The Voronoi loss weighs errors with the experts' weights, so that it bounds averages; the theory's exponents for the
worst atom need weights that stay away from 0. The gate is known up to a translation, which a single cell takes up:
its slope has no error of its own. In parentheses: the theory's exponents, upper bounds."""


def draw(results):
    """Return the figure and its caption."""
    results = {name: with_blocks(found) for name, found in results.items()}
    contents = [
        (f"{title}: {label}", lines_of(name, *cell)) for cell, label in CELLS.items() for name, title in DESIGNS.items()
    ]
    figure, rows = rate_figure(contents, len(DESIGNS), 8.6, results, "median error", each=True)
    return figure, caption("blocks", f"{TEXT} {DRAWN}", rows, results)


def lines_of(name, suffix, size):
    """Lines of all blocks in cells of a size, with the smallest probability beside averages."""
    lines = [Line(label, name, "mle", f"{block}{suffix} (cell of {size})") for block, label in BLOCKS.items()]
    return lines + ([Line("smallest probability", name, "mle", SMALLEST)] if suffix else [])


if __name__ == "__main__":
    main("blocks", STUDIES, draw)
