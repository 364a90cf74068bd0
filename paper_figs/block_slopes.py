"""Slopes of every block's error beside the theory's exponents, for the over-specified designs."""

import numpy as np
from _common import caption, main
from _errors import predictions, with_blocks
from _panels import Line, caption_rows
from _style import absent, letter, panels
from matplotlib.lines import Line2D

DESIGNS = {
    "softmax_over3": "softmax, k = 3",
    "softmax_over4": "softmax, k = 4",
    "temperature_linear_over3": "linear, k = 3",
    "temperature_sigmoid_over3": "sigmoid, k = 3",
    "temperature_tanh_over3": "tanh, k = 3",
    "temperature_gelu_over3": "gelu, k = 3",
}
BLOCKS = {
    "gate_coef": "gate slope",
    "gate_coef/temperature": "gate slope / temp.",
    "gate_intercept": "gate intercept",
    "gate_intercept/temperature": "gate int. / temp.",
    "intercept": "expert intercept",
    "coef": "expert slope",
    "variance": "variance",
    "temperature": "temperature",
}
# Blocks of single cells and of no cell have one look.
LOOKS = {1: ("#0072B2", "o", -0.22), 2: ("#D55E00", "s", 0.0), 3: ("#009E73", "^", 0.22)}
LIMITS = (-1.3, 0.3)
STUDIES = tuple(DESIGNS)
TEXT = """Slope on log n of the median error of each block of parameters, with 95 % intervals; certified maximum
likelihood of over-specified models. Circles: cells of one fitted expert, and what belongs to no cell; squares:
cells of two; triangles: of three. Grey bars: the theory's exponents, to which upper bounds give the least steep
slope; a block without one is not identified or has no polynomial rate. What lies outside of the panels is cut off."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(3, 2, 8.6, sharex=True)
    rows = []
    for i, (name, label) in enumerate(DESIGNS.items()):
        title = f"{letter(i)} {label}"
        if name not in results:
            absent(axes.flat[i], title)
            continue
        found = with_blocks(results[name])
        said = [key for key in predictions(found) if key.partition(" (")[0] in BLOCKS]
        slopes(axes.flat[i], title, found, said)
        lines = [Line(key, name, "mle", key) for key in said]
        rows += caption_rows(letter(i), lines, {name: found})
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=4.0, linewidth=1.0)
        for colour, marker, _ in LOOKS.values()
    ]
    handles.append(Line2D([], [], color="0.6", linewidth=4.0))
    labels = ["cells of one, or of no cell", "cells of two", "cells of three", "theory"]
    figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)
    figure.supxlabel("slope of the median error")
    return figure, caption("block_slopes", TEXT, rows, results)


def slopes(ax, title, found, keys):
    """Draw one row for each block, cells of different sizes below each other."""
    order = [block for block in BLOCKS if any(key.partition(" (")[0] == block for key in keys)]
    for key in keys:
        block, _, cell = key.partition(" (cell of ")
        rate = found.rate("mle", key)
        colour, marker, shift = LOOKS.get(int(cell[:-1]) if cell else 1, LOOKS[3])
        y = order.index(block) + (shift if cell else 0.0)
        if rate is None or not np.isfinite(rate.slope):
            continue
        if rate.theory is not None:
            ax.plot([rate.theory] * 2, [y - 0.13, y + 0.13], color="0.6", linewidth=4.0, zorder=1)
        error = np.maximum([[rate.slope - rate.low], [rate.high - rate.slope]], 0.0)
        ax.errorbar(rate.slope, y, xerr=error, color=colour, marker=marker, markersize=4.0, linewidth=1.0, capsize=2.0)
    ax.axvline(0.0, color="0.25", linewidth=0.6)
    ax.set(xlim=LIMITS, ylim=(len(order) - 0.5, -0.5), yticks=range(len(order)), yticklabels=[BLOCKS[b] for b in order])
    ax.set_title(title, loc="left", pad=3.0)


if __name__ == "__main__":
    main("block_slopes", STUDIES, draw)
