"""One style, and panels of errors against n with fitted slopes and the theory's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from _common import Results, interval, slope_row
from matplotlib.figure import Figure

from gmoe.plotting import RatePlotDisplay
from gmoe.plotting._rates import MINUS, Series, _power

WIDTH = 7.0  # inches, as printed
matplotlib.rcParams.update(
    {
        "font.size": 8.0, "axes.titlesize": 9.0, "axes.labelsize": 8.0, "legend.fontsize": 8.0,
        "xtick.labelsize": 8.0, "ytick.labelsize": 8.0, "axes.linewidth": 0.6, "axes.spines.top": False,
        "axes.spines.right": False, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "pdf.fonttype": 42,
    }
)  # fmt: skip
PROTOCOLS = {"mle": "certified", "published": "published"}
# With more sizes than that their points overlap.
MANY = 50


@dataclass(frozen=True)
class Line:
    """One series of a panel: an error of one protocol of one study."""

    label: str
    study: str
    protocol: str
    loss: str


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of the printed width and its axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def letter(i: int) -> str:
    """Return the letter of a panel."""
    return f"({'abcdefghijklmnopqrstuvwxyz'[i]})"


def minus(text: str) -> str:
    """Write true minus signs."""
    return text.replace("-", MINUS)


def absent(ax: Any, title: str, text: str = "not run") -> None:
    """Say why a panel is empty."""
    ax.set_title(title, loc="left", pad=3.0)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", color="0.4")
    ax.set(xticks=[], yticks=[])


def rate_panel(ax: Any, title: str, lines: Sequence[Line], results: Mapping[str, Results], each: bool = False) -> None:
    """Draw medians with two standard errors and their fits, means as thin lines, and the theory's slope below.

    With ``each`` the theory's slope stands beside that of every line in place of a line of its own.
    """
    drawn = [(line, _series(line, results[line.study])) for line in lines if line.study in results]
    drawn = [(line, series) for line, series in drawn if series is not None]
    if not drawn:
        return absent(ax, title)
    rates = [results[line.study].rate(line.protocol, line.loss) for line, _ in drawn]
    theory = None if each else next((rate.theory for rate in rates if rate.theory is not None), None)
    display = RatePlotDisplay(series=[series for _, series in drawn], theory=theory).plot(ax)
    many = max(len(series.n) for _, series in drawn) > MANY
    for i, bars in enumerate(display.bars_):
        _thin(bars, (1.5 if many else 3.5) + min(i, 1), 0.4 if many else 0.8)
        if i:  # so that equal points of the first show through
            bars[0].set(markerfacecolor="none")
    for fit in (*display.lines_, *filter(None, [display.reference_])):
        fit.set_linewidth(1.3)
    ax.set_ylim(ax.get_ylim())  # by the medians: a mean of exploded runs may lie decades above
    for bars, (line, _) in zip(display.bars_, drawn, strict=True):
        n, mean = _means(line, results[line.study])
        ax.plot(n, mean, color=bars[0].get_color(), linewidth=0.6, zorder=1)
    if len({n for _, series in drawn for n in series.n}) == 1:  # matplotlib would label a single size at length
        ax.set_xlim(drawn[0][1].n[0] / 2.0, drawn[0][1].n[0] * 2.0)
    ax.set(xlabel="", ylabel="")
    ax.set_title(title, loc="left", pad=3.0 + 10.3 * (len(drawn) + (theory is not None)))
    labels = [f"{line.label} {minus(interval(rate, 2))}" for (line, _), rate in zip(drawn, rates, strict=True)]
    if each:
        labels = [
            label + ("" if rate.theory is None else f" ({_power(rate.theory)})")
            for label, rate in zip(labels, rates, strict=True)
        ]
    _legend(ax, display, labels)


def caption_rows(panel: str, lines: Sequence[Line], results: Mapping[str, Results]) -> list[str]:
    """Return the rows of a panel in the caption's table."""
    present = [line for line in lines if line.study in results and results[line.study].rate(line.protocol, line.loss)]
    return [slope_row(panel, line.study, results[line.study], line.protocol, line.loss) for line in present]


def _series(line: Line, results: Results) -> Series | None:
    rate = results.rate(line.protocol, line.loss)
    levels = [v for v in _levels(line, results) if v.median > 0.0]
    if rate is None or not levels:
        return None
    n, median, mcse = (np.array([getattr(v, key) for v in levels], float) for key in ("n", "median", "median_mcse"))
    return Series(line.label, n, median, mcse / median, rate.constant, rate.slope, rate.low, rate.high)


def _levels(line, results):
    return [v for v in results.rates.levels if (v.protocol, v.loss) == (line.protocol, line.loss)]


def _means(line, results):
    levels = [v for v in _levels(line, results) if v.mean > 0.0]
    return [v.n for v in levels], [v.mean for v in levels]


def _thin(bars, size, width):
    points, caps, sticks = bars
    points.set_markersize(size)
    for cap in caps:
        cap.set_markersize(0.0 if size < 2.0 else 3.0)
    for stick in sticks:
        stick.set_linewidth(width)


def _legend(ax, display, labels):
    """Legend above the axes, where it covers no data."""
    display.legend_.remove()
    fits = iter(display.lines_)
    handles = [
        (next(fits), bars) if np.isfinite(series.slope) else bars
        for bars, series in zip(display.bars_, display.series, strict=True)
    ]
    if display.reference_ is not None:
        handles.append(display.reference_)
        labels = [*labels, f"theory {_power(display.theory)}"]
    legend = ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, borderaxespad=0.0, borderpad=0.0,
        labelspacing=0.15, handlelength=2.6, handletextpad=0.5,
    )  # fmt: skip
    legend.set_in_layout(False)  # the title's distance makes the room
