"""Figures of a study: losses with their slopes, and how slopes depend on the sizes kept."""

from typing import Any

import numpy as np

from gmoe.plotting import COLOURS, LINES, MARKERS, RatePlotDisplay, log_ticks
from gmoe.study.analyse.rates import Rates

WIDTH, HEIGHT = 5.2, 4.4


def figure_of(rates: Rates, statistic: str = "mean") -> Any:
    """Draw every loss in a panel of its own, protocols together.

    Parameters
    ----------
    rates : Rates
    statistic : {"mean", "median"}

    Returns
    -------
    matplotlib Figure
    """
    losses = list(dict.fromkeys(rate.loss for rate in rates.rates))
    figure, axes = _panels(len(losses))
    for loss, ax in zip(losses, axes, strict=True):
        RatePlotDisplay.from_rates(rates, loss=loss, statistic=statistic, ax=ax)
    return figure


def sizes_figure_of(rates: Rates, statistic: str = "mean") -> Any:
    """Draw, for every loss, the slope against the smallest size kept, and beside it local slopes.

    Parameters
    ----------
    rates : Rates
    statistic : {"mean", "median"}

    Returns
    -------
    matplotlib Figure
    """
    losses = list(dict.fromkeys(rate.loss for rate in rates.rates))
    figure, axes = _panels(2 * len(losses))
    for i, loss in enumerate(losses):
        chosen = [rate for rate in rates.rates if (rate.loss, rate.statistic, rate.scale) == (loss, statistic, "n")]
        for ax, part, label in zip(axes[2 * i : 2 * i + 2], ("kept", "local"), _LABELS, strict=True):
            for j, rate in enumerate(chosen):
                _slopes(ax, j, rate.protocol, getattr(rate, part), part)
            if chosen[0].theory is not None:
                ax.axhline(chosen[0].theory, color="0.25", linestyle=":", linewidth=2.0, label="theory")
            ax.set(xscale="log", xlabel=label, ylabel=f"slope of the {statistic} loss ({loss})")
            log_ticks(ax.xaxis)
            ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, ncols=3, borderaxespad=0.2)
    return figure


_LABELS = ("smallest size kept", "middle of the window of sizes (n)")


def _slopes(ax, j, protocol, slopes, part):
    if not slopes:
        return
    ends = np.array([(slope.smallest, slope.largest) for slope in slopes], dtype=float)
    n = ends[:, 0] if part == "kept" else np.sqrt(ends.prod(axis=1))
    values = np.array([(slope.slope, slope.low, slope.high) for slope in slopes])
    # An interval by percentiles need not hold the estimate.
    error = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0.0)
    # Side by side where protocols share their sizes.
    ax.errorbar(
        n * 1.03**j, values[:, 0], error, color=COLOURS[j % len(COLOURS)], linestyle=LINES[j % len(LINES)],
        marker=MARKERS[j % len(MARKERS)], markersize=4.5, capsize=2.5, linewidth=1.0, label=protocol,
    )  # fmt: skip


def _panels(count):
    from matplotlib.figure import Figure  # not by pyplot, whose backend may want a screen

    columns = min(count, 2)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for ax in axes[count:]:
        ax.remove()
    return figure, axes[:count]
