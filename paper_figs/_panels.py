"""Panels of errors against n, with fitted slopes and the theory's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from _common import Results, slope_row
from _style import absent, letter, panels

from gmoe.plotting import RatePlotDisplay, RateSeries

PROTOCOLS = {"mle": "certified", "published": "published"}
# With more sizes means would be one tangle, and are not drawn.
MANY = 50
LEGEND = {"borderaxespad": 0.0, "borderpad": 0.0, "labelspacing": 0.15, "handlelength": 2.6, "handletextpad": 0.5}
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
    series = [_series(results[line.study], line, i) for i, line in present.items()]
    drawn = [one for one in series if one is not None and len(one.n)]
    if not drawn:
        return absent(ax, title, "no such fits" if present else "not run")
    legend = RatePlotDisplay(series=drawn, each=each, scale=1.0, digits=2, brief=True, legend=LEGEND).plot(ax).legend_
    ax.set(xlabel="", ylabel="")
    legend.set_in_layout(False)  # above the axes, where it covers no data; the title's distance makes the room
    ax.set_title(title, loc="left", pad=3.0 + 10.3 * len(legend.get_texts()))


def _series(results: Results, line: Line, look: int) -> RateSeries | None:
    if results.rate(line.protocol, line.loss) is None:
        return None
    return RateSeries.of(results.rates(line.loss), line.protocol, line.loss, label=line.label, look=look)


def caption_rows(panel: str, lines: Sequence[Line], results: Mapping[str, Results]) -> list[str]:
    """Return the rows of a panel in the caption's table."""
    present = [line for line in lines if line.study in results and results[line.study].rate(line.protocol, line.loss)]
    return [slope_row(panel, line.study, results[line.study], line.protocol, line.loss) for line in present]
