"""The softmax paper's figure: loss against n, exact- and over-specified, the paper's sizes and ours."""

from _common import caption, main
from _panels import PROTOCOLS, Line, caption_rows, rate_panel
from _style import letter, panels

DESIGNS = {
    "softmax_exact": "k = 2, exact",
    "softmax_over3": "k = 3, over-specified",
    "softmax_over4": "k = 4, over-specified",
}
COLUMNS = {"_paper": "paper's sizes, grid x", "": "our sizes, random x"}
STUDIES = tuple(design + suffix for design in DESIGNS for suffix in COLUMNS)
TEXT = """Voronoi loss (smallest over translations of the gate) of fits to data of the softmax paper's two experts:
the certified maximum of the likelihood and the published protocol (EM from beside the truth, stopped by the
relative change of the log-likelihood), on the same data. Points: medians over replications with two standard
errors, and least squares lines with slopes and 95 % intervals. Thin lines (right): means, which few exploded runs
can drive out of the panel; slopes of means are in the table. Dotted: the theory's slope, moved below the data.
Left: the sizes and the regular grid of x of the paper's code; right: ours, x drawn uniformly."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(len(DESIGNS), len(COLUMNS), 7.6)
    rows = []
    for i, name in enumerate(STUDIES):
        ax = axes.flat[i]
        design, suffix = next((d, s) for d in DESIGNS for s in COLUMNS if d + s == name)
        lines = [Line(label, name, protocol, "voronoi") for protocol, label in PROTOCOLS.items()]
        rate_panel(ax, f"{letter(i)} {DESIGNS[design]}; {COLUMNS[suffix]}", lines, results)
        rows += caption_rows(letter(i), lines, results)
    figure.supxlabel("n")
    figure.supylabel("median Voronoi loss")
    return figure, caption("softmax", TEXT, rows, results)


if __name__ == "__main__":
    main("softmax", STUDIES, draw)
