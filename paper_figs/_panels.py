"""Panels of errors against n, with fitted slopes and the theory's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _common import Results, interval, slope_row
from _style import absent, letter, log_ticks, minus, panels

from gmoe.plotting._axes import COLOURS, LINES, MARKERS
from gmoe.plotting._rates import _power

PROTOCOLS = {"mle": "certified", "published": "published"}
# With more sizes their points overlap: they are small then, and means would be one tangle.
MANY = 50
# What every panel of rate_figure shows, for its caption; and where it does not show the theory beside each line.
DRAWN = f"""Points: medians over the fits with two standard errors, and least squares lines with slopes and 95 %
intervals. Thin lines, in panels of no more than {MANY} sizes: means, which few exploded runs can drive out of a panel;
their slopes are in the table."""
DOTTED = "Dotted: the theory's slope where there is one, moved below the data."


@dataclass(frozen=True)
class Line:
    """One series of a panel: an error of one protocol of one study."""

    label: str
    study: str
    protocol: str
    loss: str


def rate_figure(
    contents: Sequence[tuple[str, Sequence[Line]]],
    columns: int,
    height: float,
    results: Mapping[str, Results],
    ylabel: str,
    each: bool = False,
) -> tuple[Any, list[str]]:
    """Draw panels of ``contents``, titles with their lines, row by row; return the rows of the caption with them."""
    figure, axes = panels(len(contents) // columns, columns, height)
    rows = []
    for i, (title, lines) in enumerate(contents):
        rate_panel(axes.flat[i], f"{letter(i)} {title}", lines, results, each)
        rows += caption_rows(letter(i), lines, results)
    figure.supxlabel("n")
    figure.supylabel(ylabel)
    return figure, rows


def rate_panel(ax: Any, title: str, lines: Sequence[Line], results: Mapping[str, Results], each: bool = False) -> None:
    """Draw medians with two standard errors and their fits, means as thin lines, and the theory's slope below.

    A line looks the same whichever others are missing. With ``each`` the theory's exponent stands beside the slope of
    every line, in place of a line of its own.
    """
    present = {i: line for i, line in enumerate(lines) if line.study in results}
    levels = {i: _levels(line, results[line.study]) for i, line in present.items()}
    drawn = [i for i in present if levels[i]]
    if not drawn:
        return absent(ax, title, "no such fits" if present else "not run")
    rates = {i: results[lines[i].study].rate(lines[i].protocol, lines[i].loss) for i in drawn}
    ax.set(xscale="log", yscale="log")
    handles = [_line(ax, i, levels[i], rates[i]) for i in drawn]
    labels = [f"{lines[i].label} {minus(interval(rates[i], 2))}" for i in drawn]
    theory = next((rate.theory for rate in rates.values() if rate.theory is not None), None)
    if each:
        labels = [label + _beside(rates[i].theory) for i, label in zip(drawn, labels, strict=True)]
    elif theory is not None:
        handles.append(_reference(ax, theory, [v for i in drawn for v in levels[i]]))
        labels.append(f"theory {_power(theory)}")
    _limit(ax, [v for i in drawn for v in levels[i]])
    for i in drawn:
        if len(levels[i]) <= MANY:
            ax.plot([v.n for v in levels[i]], [v.mean for v in levels[i]], color=_colour(i), linewidth=0.6, zorder=1)
    legend = ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, borderaxespad=0.0, borderpad=0.0,
        labelspacing=0.15, handlelength=2.6, handletextpad=0.5,
    )  # fmt: skip
    legend.set_in_layout(False)  # above the axes, where it covers no data; the title's distance makes the room
    ax.set_title(title, loc="left", pad=3.0 + 10.3 * len(handles))


def caption_rows(panel: str, lines: Sequence[Line], results: Mapping[str, Results]) -> list[str]:
    """Return the rows of a panel in the caption's table."""
    present = [line for line in lines if line.study in results and results[line.study].rate(line.protocol, line.loss)]
    return [slope_row(panel, line.study, results[line.study], line.protocol, line.loss) for line in present]


def _levels(line: Line, results: Results) -> list[Any]:
    """Return the levels that have a place on a logarithmic axis."""
    found = [v for v in results.rates.levels if (v.protocol, v.loss) == (line.protocol, line.loss)]
    return [v for v in found if v.median > 0.0]


def _line(ax, i, levels, rate):
    """Draw points, error bars and fit; return what stands for them in the legend."""
    many = len(levels) > MANY
    n, median, mcse = (np.array([getattr(v, key) for v in levels], float) for key in ("n", "median", "median_mcse"))
    # Symmetric on the logarithmic axis, as are the intervals of the slope.
    factor = np.exp(2.0 * np.nan_to_num(mcse / median))
    ax.vlines(n, median / factor, median * factor, color=_colour(i), linewidth=0.3 if many else 0.9, zorder=2)
    # Open markers, so that equal points of the first line show through.
    points = ax.plot(
        n, median, color=_colour(i), linestyle="none", marker=MARKERS[i % len(MARKERS)],
        markersize=(1.5 if many else 3.5) + min(i, 1), markeredgewidth=0.4 if many else 0.8,
        markerfacecolor="none" if i else _colour(i), zorder=3,
    )[0]  # fmt: skip
    if not np.isfinite(rate.slope):
        return points
    ends = np.array([n.min(), n.max()])
    style = {"color": _colour(i), "linestyle": LINES[i % len(LINES)], "linewidth": 1.3, "zorder": 4}
    return ax.plot(ends, np.exp(rate.constant) * ends**rate.slope, **style)[0], points


def _reference(ax, exponent, levels):
    """Draw the theory's slope below all points, as only its slope has a meaning."""
    n, median = (np.array([getattr(v, key) for v in levels], float) for key in ("n", "median"))
    ends = np.array([n.min(), n.max()])
    lowest = 0.6 * np.min(median / n**exponent)
    return ax.plot(ends, lowest * ends**exponent, color="0.25", linestyle=":", linewidth=1.3)[0]


def _limit(ax, levels):
    """Fix the axes by what is drawn so far: a mean of exploded runs may lie decades above, an error bar too."""
    n, median = (np.array([getattr(v, key) for v in levels], float) for key in ("n", "median"))
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, median.min() / 30.0), min(high, median.max() * 30.0))
    if n.min() == n.max():  # matplotlib would label a single size at length
        ax.set_xlim(n[0] / 2.0, n[0] * 2.0)
    log_ticks(ax.xaxis)
    log_ticks(ax.yaxis)


def _beside(theory):
    return "" if theory is None else f" ({_power(theory)})"


def _colour(i):
    return COLOURS[i % len(COLOURS)]
