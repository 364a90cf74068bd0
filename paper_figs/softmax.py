"""The softmax paper's figure: loss against n, exact- and over-specified, the paper's sizes and ours."""

from _common import caption, main
from _panels import DOTTED, DRAWN, PROTOCOLS, Line, rate_figure

DESIGNS = {
    "softmax_exact": "k = 2, exact",
    "softmax_over3": "k = 3, over-specified",
    "softmax_over4": "k = 4, over-specified",
}
COLUMNS = {"_paper": "paper's sizes, grid x", "": "our sizes, random x"}
STUDIES = tuple(design + suffix for design in DESIGNS for suffix in COLUMNS)
TEXT = """Voronoi loss (smallest over translations of the gate) of fits to data of the softmax paper's two experts:
the certified maximum of the likelihood and the published protocol (EM from beside the truth, stopped by the relative
change of the log-likelihood), on the same data. Left: the sizes and the regular grid of x of the paper's code;
right: ours, x drawn uniformly."""


def draw(results):
    """Return the figure and its caption."""
    contents = [
        (
            f"{title}; {sizes}",
            [Line(label, design + suffix, protocol, "voronoi") for protocol, label in PROTOCOLS.items()],
        )
        for design, title in DESIGNS.items()
        for suffix, sizes in COLUMNS.items()
    ]
    figure, rows = rate_figure(contents, len(COLUMNS), 7.6, results, "median Voronoi loss")
    return figure, caption("softmax", f"{TEXT} {DRAWN} {DOTTED}", rows, results)


if __name__ == "__main__":
    main("softmax", STUDIES, draw)
