"""Whether predictive distributions are right: residuals that should be standard normal, seen in three ways."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from gmoe.estimator import unwrap
from gmoe.plotting._axes import COLOURS, pyplot, single

# Probability that a right model leaves a band at a given place.
OUTSIDE = 0.05
LEAST_BINS, MOST_BINS, ROWS_PER_BIN = 5, 20, 30


class CalibrationDisplay:
    """Histogram of the probability integral transform, normal QQ plot and worm plot; see :meth:`from_estimator`.

    Where the model is right the histogram is flat, points of the QQ plot lie on the diagonal, and those of the worm
    plot, which shows the distance to it, on 0. A bump in the middle says that predictive distributions are too wide, a
    trough that they are too narrow. Grey bands hold 95 % of what a right model does at each place.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
        Quantile residuals.

    Attributes
    ----------
    axes_ : list of Axes
        One for each panel.
    bands_ : list of PolyCollection
        The same of the bands.
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import CalibrationDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> display = CalibrationDisplay.from_estimator(fitted, X, y)
    >>> len(display.axes_)
    3
    """

    def __init__(self, *, residuals):
        self.residuals = np.asarray(residuals, dtype=float)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, panels=("pit", "qq", "worm"), ax=None) -> "CalibrationDisplay":
        """Draw the residuals of a fit; of data that it has not seen, if it shall be judged by them.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like, shape (n, n_features)
        y : array-like, shape (n,)
            Left out where a formula says it.
        panels : sequence of {"pit", "qq", "worm"}
        ax : sequence of Axes, optional
            One for each panel; a new figure by default.

        Raises
        ------
        ValueError
            For several responses, an unknown panel, or another number of axes than of panels.
        """
        estimator = unwrap(estimator)
        residuals = single(estimator.quantile_residuals(X, y), "CalibrationDisplay(residuals=residuals[:, 0]).plot()")
        return cls(residuals=residuals).plot(ax, panels=panels)

    def plot(self, ax: Any = None, *, panels: Sequence[str] = ("pit", "qq", "worm")) -> "CalibrationDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : sequence of Axes, optional
            One for each panel.
        panels : sequence of {"pit", "qq", "worm"}
        """
        unknown = [panel for panel in panels if panel not in PANELS]
        if unknown or not panels:
            raise ValueError(f"panels must be among {', '.join(map(repr, PANELS))}, got {list(panels)}.")
        if ax is None:
            size = (4.0 * len(panels), 3.8)
            ax = pyplot().subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)[1][0]
        self.axes_ = list(np.ravel(ax))
        if len(self.axes_) != len(panels):
            raise ValueError(f"{len(panels)} panels need as many axes, got {len(self.axes_)}; give one for each panel.")
        self.figure_ = self.axes_[0].figure
        self.bands_ = [PANELS[panel](self, each) for panel, each in zip(panels, self.axes_, strict=True)]
        return self

    def _pit(self, ax):
        n = len(self.residuals)
        n_bins = int(np.clip(n // ROWS_PER_BIN, LEAST_BINS, MOST_BINS))
        ax.hist(
            scipy.special.ndtr(self.residuals), np.linspace(0.0, 1.0, n_bins + 1), density=True,
            facecolor="none", edgecolor=COLOURS[0], linewidth=1.5, zorder=2,
        )  # fmt: skip
        ends = scipy.stats.binom.ppf([0.5 * OUTSIDE, 1.0 - 0.5 * OUTSIDE], n, 1.0 / n_bins) * n_bins / n
        band = ax.axhspan(*ends, color="0.88", linewidth=0, zorder=0)
        ax.axhline(1.0, color="black", linestyle=":", linewidth=1.5, zorder=1)
        ax.set(xlabel="probability integral transform", ylabel="density", xlim=(0.0, 1.0))
        return band

    def _qq(self, ax):
        expected, ordered, low, high = self._ordered()
        band = ax.fill_between(expected, low, high, color="0.88", linewidth=0, zorder=0)
        ax.plot(expected, expected, color="black", linestyle=":", linewidth=1.5, zorder=1)
        ax.plot(expected, ordered, "o", color=COLOURS[0], markersize=3.0, markeredgewidth=0, zorder=2)
        ax.set(xlabel="normal quantile", ylabel="quantile residual")
        return band

    def _worm(self, ax):
        expected, ordered, low, high = self._ordered()
        band = ax.fill_between(expected, low - expected, high - expected, color="0.88", linewidth=0, zorder=0)
        ax.axhline(0.0, color="black", linestyle=":", linewidth=1.5, zorder=1)
        distance = ordered - expected
        ax.plot(expected, distance, "o", color=COLOURS[0], markersize=3.0, markeredgewidth=0, zorder=2)
        # The band widens in the tails: no farther than where the points and most of it are.
        middle = slice(len(low) // 100, len(low) - len(low) // 100)
        reach = max(np.abs(low - expected)[middle].max(), np.abs(high - expected)[middle].max())
        reach = 1.1 * max(reach, np.abs(distance[np.isfinite(distance)]).max(initial=0.0))
        ax.set(xlabel="normal quantile", ylabel="residual − normal quantile", ylim=(-reach, reach))
        return band

    def _ordered(self):
        """Return expected and found residuals in their order, and the band (its ends from beta distributions)."""
        n = len(self.residuals)
        rank = np.arange(1, n + 1)
        ends = (scipy.special.betaincinv(rank, n + 1 - rank, p) for p in (0.5 * OUTSIDE, 1.0 - 0.5 * OUTSIDE))
        low, high = (scipy.special.ndtri(end) for end in ends)
        return scipy.special.ndtri((rank - 0.5) / n), np.sort(self.residuals), low, high


PANELS = {"pit": CalibrationDisplay._pit, "qq": CalibrationDisplay._qq, "worm": CalibrationDisplay._worm}
