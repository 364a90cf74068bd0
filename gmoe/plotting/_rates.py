"""Losses against the number of observations, with fitted slopes and the theory's."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from gmoe.plotting._axes import COLOURS, LINES, MARKERS, few_ticks, own_axes

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, eq=False)
class Series:
    """Points of one protocol: sizes, losses, relative standard errors; and the fit ``exp(constant) * n**slope``."""

    label: str
    n: np.ndarray
    loss: np.ndarray
    relative_error: np.ndarray
    constant: float
    slope: float
    low: float
    high: float


class RatePlotDisplay:
    """Loss by size on logarithmic axes, with fitted slopes; better made by :meth:`from_table`.

    Parameters
    ----------
    series : sequence of Series
    theory : float, optional
        Exponent of the reference line, which is drawn below the data as only its slope has a meaning.
    loss_name : str, default "loss"
    statistic : str, default "mean"

    Attributes
    ----------
    bars_ : list of ErrorbarContainer
        One for each series: two Monte Carlo standard errors up and down.
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
    >>> display = RatePlotDisplay.from_table(rates.to_frame("levels"), rates.to_frame(), loss="d")
    >>> len(display.lines_)
    1
    """

    def __init__(self, *, series, theory: float | None = None, loss_name: str = "loss", statistic: str = "mean"):
        self.series = list(series)
        self.theory = theory
        self.loss_name, self.statistic = loss_name, statistic

    @classmethod
    def from_table(cls, levels, rates, *, loss, statistic="mean", protocols=None, ax=None) -> "RatePlotDisplay":
        """Draw one loss of a study, a line for each protocol.

        Parameters
        ----------
        levels, rates : DataFrame
            Of :class:`gmoe.study.Rates`: ``to_frame("levels")`` and ``to_frame()``.
        loss : str
        statistic : {"mean", "median"}
        protocols : sequence of str, optional
            All by default.
        ax : Axes, optional
            A new figure by default.

        Raises
        ------
        ValueError
            Where the tables do not have the loss, the statistic or a protocol.
        """
        rates = rates[(rates["loss"] == loss) & (rates["statistic"] == statistic) & (rates["scale"] == "n")]
        known = list(rates["protocol"])
        missing = [name for name in protocols or () if name not in known]
        if not known or missing:
            what = f"protocol {missing[0]!r}" if missing else f"{statistic} of loss {loss!r}"
            raise ValueError(f"The tables have no {what}.")
        series = [
            _series(levels, row) for row in rates.to_dict("records") if not protocols or row["protocol"] in protocols
        ]
        theory = rates["theory"].dropna()
        return cls(
            series=series, theory=None if theory.empty else float(theory.iloc[0]), loss_name=loss, statistic=statistic
        ).plot(ax)

    def plot(self, ax: Any = None) -> "RatePlotDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        self.ax_.set(xscale="log", yscale="log", xlabel="n", ylabel=f"{self.statistic} loss ({self.loss_name}) ± 2 se")
        self.bars_ = [self._points(i, series) for i, series in enumerate(self.series)]
        fitted = [(i, series) for i, series in enumerate(self.series) if np.isfinite(series.slope)]
        self.lines_ = [self._fit(i, series) for i, series in fitted]
        drawn = any(len(series.n) for series in self.series)
        self.reference_: Any = None if self.theory is None or not drawn else self._reference(self.theory)
        handles: list[Any] = [*self.bars_, *([self.reference_] if self.reference_ else [])]
        for line, (i, _) in zip(self.lines_, fitted, strict=True):
            handles[i] = (line, self.bars_[i])
        labels = [_label(series) for series in self.series]
        labels += [f"theory: slope {_power(self.theory)}"] if self.reference_ and self.theory is not None else []
        self.legend_ = self.ax_.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False, borderaxespad=0.2,
            handlelength=3.0,
        )  # fmt: skip
        few_ticks(self.ax_.xaxis)
        few_ticks(self.ax_.yaxis)
        return self

    def _points(self, i, series):
        # Symmetric on the logarithmic axis, as are the intervals of the slope.
        factor = np.exp(2.0 * np.nan_to_num(series.relative_error))
        error = np.stack([series.loss - series.loss / factor, series.loss * factor - series.loss])
        return self.ax_.errorbar(
            series.n, series.loss, error, color=COLOURS[i % len(COLOURS)], linestyle="none",
            marker=MARKERS[i % len(MARKERS)], markersize=5, capsize=2.5, elinewidth=1.2, zorder=3,
        )  # fmt: skip

    def _fit(self, i, series):
        n = np.array([series.n.min(), series.n.max()])
        colour, line = COLOURS[i % len(COLOURS)], LINES[i % len(LINES)]
        (drawn,) = self.ax_.plot(
            n, np.exp(series.constant) * n**series.slope, color=colour, linestyle=line, linewidth=1.8
        )
        return drawn

    def _reference(self, exponent):
        n = np.concatenate([series.n for series in self.series])
        lowest = min(np.min(s.loss / s.n.astype(float) ** exponent) for s in self.series if len(s.n))
        ends = np.array([n.min(), n.max()], dtype=float)
        (line,) = self.ax_.plot(ends, 0.6 * lowest * ends**exponent, color="0.25", linestyle=":", linewidth=2.0)
        return line


def _series(levels, rate) -> Series:
    rows = levels[(levels["protocol"] == rate["protocol"]) & (levels["loss"] == rate["loss"])]
    rows = rows[(rows["n"] >= rate["smallest"]) & (rows[rate["statistic"]] > 0.0)]
    loss, error = rows[rate["statistic"]].to_numpy(), rows[rate["statistic"] + "_mcse"].to_numpy()
    constant, slope, low, high = (rate[key] for key in ("constant", "slope", "low", "high"))
    return Series(rate["protocol"], rows["n"].to_numpy(), loss, error / loss, constant, slope, low, high)


def _label(series: Series) -> str:
    if not np.isfinite(series.slope):
        return f"{series.label}: no slope"
    slope, low, high = (f"{value:.3f}".replace("-", MINUS) for value in (series.slope, series.low, series.high))
    return f"{series.label}: slope {slope} [{low}, {high}]"


def _power(exponent: float) -> str:
    """Write an exponent as a fraction where it is a simple one: -1/8."""
    fraction = Fraction(exponent).limit_denominator(24)
    text = str(fraction) if abs(fraction - exponent) < 1e-9 else f"{exponent:.4g}"
    return text.replace("-", MINUS)
