"""Errors of each block of parameters against n, in cells of one atom and of two."""

from _common import caption, main
from _errors import with_blocks
from _panels import Line, caption_rows, rate_panel
from _style import letter, panels

DESIGNS = {"softmax_over3": "k = 3", "softmax_over4": "k = 4"}
BLOCKS = {"gate_coef": "gate slope", "intercept": "expert intercept", "coef": "expert slope", "variance": "variance"}
CELLS = {1: "cells of one", 2: "cells of two"}
STUDIES = tuple(DESIGNS)
TEXT = """Errors of the certified maximum likelihood estimator of an over-specified softmax gate, block by block,
the largest over the cells of one (left) or two (right) fitted experts. The gate is known up to a translation, which
a single cell takes up: its slope has no error of its own. Points: medians over replications with two standard
errors, and least squares lines with slopes and 95 % intervals; in parentheses the theory's exponent, an upper
bound. Thin lines: means."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(len(DESIGNS), len(CELLS), 6.4)
    results = {name: with_blocks(found) for name, found in results.items()}
    rows = []
    for i, (name, size) in enumerate((name, size) for name in DESIGNS for size in CELLS):
        lines = [Line(label, name, "mle", f"{block} (cell of {size})") for block, label in BLOCKS.items()]
        rate_panel(axes.flat[i], f"{letter(i)} {DESIGNS[name]}, {CELLS[size]}", lines, results, each=True)
        rows += caption_rows(letter(i), lines, results)
    figure.supxlabel("n")
    figure.supylabel("median error")
    return figure, caption("blocks", TEXT, rows, results)


if __name__ == "__main__":
    main("blocks", STUDIES, draw)
