"""What the published form of the loss does: every fit's loss, with and without translations of the gate."""

import numpy as np
from _common import caption, main
from _panels import Line, caption_rows
from _style import absent, letter, panels

from gmoe.plotting import log_ticks

DESIGNS = {"softmax_over3_paper": "k = 3", "softmax_over4_paper": "k = 4"}
COLUMNS = (
    ("published", "published_form", "published, as published"),
    ("published", "voronoi", "published, translated"),
    ("mle", "voronoi", "certified, translated"),
)
STUDIES = tuple(DESIGNS)
CONSTANTS = (1.0, 2.0)
NEAR = 0.1
GROUPS = 10
LIMITS = (1e-5, 1e3)
TEXT = """One point for each fit of an over-specified softmax gate, at the paper's sizes. Left: the published
protocol and the published form of the loss, which compares masses as they are pinned: where the pinned true expert
has m + 1 fitted ones, the loss is near the constant m (dashed lines at 1 and 2), whatever n is. Middle: the same
fits, the loss smallest over translations of the gate. Right: the certified maximum on the same data. Line: medians
of ten groups of neighbouring sizes."""


def draw(results):
    """Return the figure and its caption."""
    figure, axes = panels(len(DESIGNS), len(COLUMNS), 5.2, sharey="row")
    rows, shares = [], []
    for i, (name, column) in enumerate((name, column) for name in DESIGNS for column in COLUMNS):
        protocol, loss, label = column
        title = f"{letter(i)} {DESIGNS[name]}: {label}"
        if name not in results:
            absent(axes.flat[i], title)
            continue
        fits = results[name].fits
        fits = fits[(fits["protocol"] == protocol) & np.isfinite(fits[f"loss:{loss}"])]
        cloud(axes.flat[i], title, fits["n"], fits[f"loss:{loss}"])
        line = Line(label, name, protocol, loss)
        rows += caption_rows(letter(i), [line], results)
        losses = fits[f"loss:{loss}"]
        shares.append(f"{letter(i)} {share(losses)}, outside of the panel {outside(losses)}")
    figure.supxlabel("n")
    figure.supylabel("loss of each fit")
    text = TEXT + f" Fits within {NEAR} of 1, and of 2: {'; '.join(shares)}."
    return figure, caption("protocols", text, rows, results)


def cloud(ax, title, n, loss):
    """Draw every loss, the medians of groups of sizes, and the constants."""
    some = loss > 0.0
    ax.loglog(n[some], loss[some], ".", color="#0072B2", markersize=3.0, alpha=0.5, markeredgewidth=0.0)
    group = n.rank(method="dense") * GROUPS // (n.nunique() + 1)
    ax.plot(n.groupby(group).median(), loss.groupby(group).median(), "s-", color="#D55E00", linewidth=1.2, markersize=3)
    ax.set_ylim(*LIMITS)
    log_ticks(ax.xaxis)
    for constant in CONSTANTS:
        ax.axhline(constant, color="0.25", linestyle="--", linewidth=0.6, zorder=0)
    ax.set_title(title, loc="left", pad=3.0, fontsize=8.0)


def outside(loss):
    """Share of the losses that are outside of the panel."""
    return f"{100.0 * np.mean((loss < LIMITS[0]) | (loss > LIMITS[1])):.1f} %"


def share(loss):
    """Shares of the losses that are near the constants."""
    return " and ".join(f"{100.0 * np.mean(np.abs(loss - constant) <= NEAR):.1f} %" for constant in CONSTANTS)


if __name__ == "__main__":
    main("protocols", STUDIES, draw)
