"""Losses against the number of observations, with fitted slopes and the theory's."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gmoe.plotting._axes import COLOURS, LINES, MARKERS, log_ticks, own_axes
from gmoe.plotting._series import RateSeries

MINUS = "\N{MINUS SIGN}"
# With more sizes their points overlap: they are small then, and means would be one tangle.
MANY = 50
# A mean of exploded runs may lie decades above all points, an error bar too: the axis ends at so many times these.
ROOM = 30.0
LEGEND = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "frameon": False, "borderaxespad": 0.2}


class RatePlotDisplay:
    """Loss by size on logarithmic axes, with fitted slopes; better made by :meth:`from_rates`.

    Points have bars of two Monte Carlo standard errors up and down.

    Parameters
    ----------
    series : sequence of RateSeries
    ylabel : str, default "loss"
    each : bool, default False
        Write the theory's exponent beside every slope, in place of a reference line of its own. That line is drawn
        below the data, as only its slope has a meaning.
    scale : float, default 1.4
        Of points and lines; 1 suits a panel of a printed page.
    digits : int, default 3
        Of slopes.
    brief : bool, default False
        Leave the word "slope" out of the legend.
    legend : mapping, optional
        Options of matplotlib's legend, beside the default ones.

    Attributes
    ----------
    points_ : list of Line2D
        One for each series.
    bars_ : list of LineCollection
    lines_ : list of Line2D
        The fits; without one where there is no slope.
    reference_ : Line2D or None
    legend_ : Legend
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from gmoe.plotting import RatePlotDisplay
    >>> from gmoe.study import estimate_rates
    >>> n, replication = np.meshgrid([100, 1000, 10000], range(20), indexing="ij")
    >>> loss = n**-0.5 * np.exp(0.3 * np.random.default_rng(0).standard_normal(n.shape))
    >>> columns = {"n": n.ravel(), "replication": replication.ravel(), "loss:d": loss.ravel()}
    >>> rates = estimate_rates(pd.DataFrame({"protocol": "mle", **columns}), theory={"d": -0.5})
    >>> display = RatePlotDisplay.from_rates(rates, loss="d")
    >>> len(display.lines_)
    1
    """

    def __init__(
        self,
        *,
        series: Sequence[RateSeries],
        ylabel: str = "loss",
        each: bool = False,
        scale: float = 1.4,
        digits: int = 3,
        brief: bool = False,
        legend: Mapping[str, Any] | None = None,
    ):
        self.series = list(series)
        self.ylabel, self.each, self.scale, self.digits, self.brief = ylabel, each, scale, digits, brief
        self.legend = dict(legend or {})

    @classmethod
    def from_rates(
        cls,
        rates: Any,
        *,
        loss: str,
        statistic: str = "mean",
        protocols: Sequence[str] | None = None,
        ax: Any = None,
        **options: Any,
    ) -> "RatePlotDisplay":
        """Draw one loss of a study, a line for each protocol.

        Parameters
        ----------
        rates : Rates
            Of :func:`gmoe.study.estimate_rates`.
        loss : str
        statistic : {"mean", "median"}
        protocols : sequence of str, optional
            All by default.
        ax : Axes, optional
            A new figure by default.
        **options
            Of the class.

        Raises
        ------
        ValueError
            Where the rates do not have the loss, the statistic or a protocol.
        """
        known = list(dict.fromkeys(r.protocol for r in rates.rates if (r.loss, r.statistic) == (loss, statistic)))
        missing = [name for name in protocols or () if name not in known]
        if not known or missing:
            what = f"protocol {missing[0]!r}" if missing else f"{statistic} of loss {loss!r}"
            raise ValueError(f"The rates have no {what}.")
        chosen = [name for name in known if not protocols or name in protocols]
        series = [RateSeries.of(rates, name, loss, statistic, look=i) for i, name in enumerate(chosen)]
        return cls(series=series, ylabel=f"{statistic} loss ({loss}) ± 2 se", **options).plot(ax)

    def plot(self, ax: Any = None) -> "RatePlotDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        self.ax_.set(xscale="log", yscale="log", xlabel="n", ylabel=self.ylabel)
        self.bars_: list[Any] = []
        self.points_: list[Any] = []
        self.lines_: list[Any] = []
        handles = [self._draw(series) for series in self.series]
        labels = [self._label(series) for series in self.series]
        n, loss = (np.concatenate([getattr(s, name) for s in self.series] or [[]]) for name in ("n", "loss"))
        theory = next((series.theory for series in self.series if series.theory is not None), None)
        self.reference_: Any = None
        if theory is not None and len(n) and not self.each:
            self.reference_ = self._reference(theory, n, loss)
            handles.append(self.reference_)
            labels.append(f"theory{' ' if self.brief else ': slope '}{_power(theory)}")
        self._limit(n, loss)
        for series in self.series:
            if series.mean is not None and len(series.n) <= MANY:
                colour = COLOURS[series.look % len(COLOURS)]
                self.ax_.plot(series.n, series.mean, color=colour, linewidth=0.6 * self.scale, zorder=1)
        self.legend_ = self.ax_.legend(handles, labels, **{**LEGEND, "handlelength": 3.0, **self.legend})
        return self

    def _draw(self, series: RateSeries) -> Any:
        """Draw points, error bars and fit; return what stands for them in the legend."""
        many, i, n = len(series.n) > MANY, series.look, series.n
        colour = COLOURS[i % len(COLOURS)]
        # Symmetric on the logarithmic axis, as are the intervals of the slope.
        factor = np.exp(2.0 * np.nan_to_num(series.relative_error))
        width = (0.3 if many else 0.9) * self.scale
        low, high = series.loss / factor, series.loss * factor
        self.bars_.append(self.ax_.vlines(n, low, high, color=colour, linewidth=width, zorder=2))
        # Open markers, so that equal points of the first series show through.
        points = self.ax_.plot(
            n, series.loss, color=colour, linestyle="none", marker=MARKERS[i % len(MARKERS)],
            markersize=((1.5 if many else 3.5) + min(i, 1)) * self.scale,
            markeredgewidth=(0.4 if many else 0.8) * self.scale, markerfacecolor="none" if i else colour, zorder=3,
        )[0]  # fmt: skip
        self.points_.append(points)
        if not (np.isfinite(series.slope) and len(n)):
            return points
        ends = np.array([n.min(), n.max()])
        style: dict[str, Any] = {"linestyle": LINES[i % len(LINES)], "linewidth": 1.3 * self.scale, "zorder": 4}
        self.lines_ += self.ax_.plot(ends, np.exp(series.constant) * ends**series.slope, color=colour, **style)
        return self.lines_[-1], points

    def _reference(self, exponent, n, loss):
        ends = np.array([n.min(), n.max()])
        lowest = 0.6 * np.min(loss / n**exponent)
        style = {"color": "0.25", "linestyle": ":", "linewidth": 1.3 * self.scale}
        return self.ax_.plot(ends, lowest * ends**exponent, **style)[0]

    def _limit(self, n, loss):
        """Fix the axes by what is drawn so far."""
        if len(n):
            low, high = self.ax_.get_ylim()
            self.ax_.set_ylim(max(low, loss.min() / ROOM), min(high, loss.max() * ROOM))
            if n.min() == n.max():  # matplotlib would label a single size at length
                self.ax_.set_xlim(n[0] / 2.0, n[0] * 2.0)
        log_ticks(self.ax_.xaxis)
        log_ticks(self.ax_.yaxis)

    def _label(self, series: RateSeries) -> str:
        if not np.isfinite(series.slope):
            text = f"{series.label}{' ' if self.brief else ': '}no slope"
        else:
            # No minus before a zero.
            numbers = (
                f"{round(v, self.digits) + 0.0:.{self.digits}f}" for v in (series.slope, series.low, series.high)
            )
            slope, low, high = (number.replace("-", MINUS) for number in numbers)
            text = f"{series.label}{' ' if self.brief else ': slope '}{slope} [{low}, {high}]"
        return text + (f" ({_power(series.theory)})" if self.each and series.theory is not None else "")


def _power(exponent: float) -> str:
    """Write an exponent as a fraction where it is a simple one: -1/8."""
    fraction = Fraction(exponent).limit_denominator(24)
    text = str(fraction) if abs(fraction - exponent) < 1e-9 else f"{exponent:.4g}"
    return text.replace("-", MINUS)
