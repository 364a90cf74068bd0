"""Slopes of every block's error beside the theory's exponents, for the over-specified designs."""

import numpy as np
from _common import caption, main
from _errors import AVERAGE, stated, with_blocks
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
# By cell size, of the worst atom and (open markers) on average; what belongs to no cell looks as single cells do.
LOOKS = {1: ("#0072B2", "o", -0.32), 2: ("#D55E00", "s", -0.16), 3: ("#009E73", "^", 0.16)}
STEP = 0.16
LIMITS = (-0.85, 0.25)
STUDIES = tuple(DESIGNS)
TEXT = """Slope on log n of the median error of each block of parameters, with 95 % intervals; certified maximum
likelihood of over-specified models. Circles: cells of one fitted expert, and what belongs to no cell; squares: cells
of two; triangles: of three; filled: the worst atom of a cell, open: the average over its atoms by gate probability.
Grey bars: the theory's exponents, upper bounds, so that a point to the left is faster. A block without a bar is not
identified or has no polynomial rate. What lies outside of the panels is cut off."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(3, 2, 8.6)
    rows = []
    for i, (name, label) in enumerate(DESIGNS.items()):
        title = f"{letter(i)} {label}"
        if name not in results:
            absent(axes.flat[i], title)
            continue
        found = with_blocks(results[name])
        said = [key for key in stated(found) if block_of(key) in BLOCKS]
        slopes(axes.flat[i], title, found, said)
        lines = [Line(key, name, "mle", key) for key in said]
        rows += caption_rows(letter(i), lines, {name: found})
    handles = [Line2D([], [], color=c, marker=m, markersize=4.0, linewidth=1.0) for c, m, _ in LOOKS.values()]
    handles += [Line2D([], [], color="0.25", marker="s", markersize=4.0, markerfacecolor="none", linewidth=1.0)]
    handles += [Line2D([], [], color="0.6", linewidth=4.0)]
    labels = ["cells of one, or of none", "cells of two", "cells of three", "average", "theory"]
    figure.legend(handles, labels, loc="outside upper left", ncols=5, frameon=False, columnspacing=1.2)
    figure.supxlabel("slope of the median error")
    return figure, caption("block_slopes", TEXT, rows, results)


def slopes(ax, title, found, keys):
    """Draw one row for each block, cells of different sizes below each other."""
    order = [block for block in BLOCKS if any(block_of(key) == block for key in keys)]
    for key in keys:
        rate = found.rate("mle", key)
        if rate is None or not np.isfinite(rate.slope):
            continue
        cell, average = key.partition(" (cell of ")[2], AVERAGE in key
        colour, marker, shift = LOOKS.get(int(cell[:-1]) if cell else 1, LOOKS[3])
        y = order.index(block_of(key)) + (shift + STEP * average if cell else 0.0)
        if rate.theory is not None:
            ax.plot([rate.theory] * 2, [y - STEP / 2, y + STEP / 2], color="0.7", linewidth=4.0, zorder=1)
        error = np.maximum([[rate.slope - rate.low], [rate.high - rate.slope]], 0.0)
        ax.errorbar(
            rate.slope, y, xerr=error, color=colour, marker=marker, markersize=3.5, linewidth=1.0,
            markerfacecolor="white" if average else colour,
        )  # fmt: skip
    ax.axvline(0.0, color="0.25", linewidth=0.6)
    ax.set(xlim=LIMITS, ylim=(len(order) - 0.5, -0.5), yticks=range(len(order)), yticklabels=[BLOCKS[b] for b in order])
    ax.set_title(title, loc="left", pad=3.0)


def block_of(key):
    """Block of the key of an error."""
    return key.partition(" (")[0].removesuffix(AVERAGE)


if __name__ == "__main__":
    main("block_slopes", STUDIES, draw)
