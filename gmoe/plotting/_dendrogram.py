"""The dendrogram of a fit."""

from typing import Any

import numpy as np
import scipy

from gmoe.plotting._axes import COLOURS, own_axes


class DendrogramDisplay:
    """Merges of experts as a tree; better made by :meth:`from_dendrogram`.

    Parameters
    ----------
    merges : ndarray, shape (k - 1, 4)
        As SciPy's hierarchy has them.
    cut : float, optional
        Height of a line that cuts the tree into the experts of the best model.
    name : str, default "height"
        Label of the axis.

    Attributes
    ----------
    lines_ : list of Line2D
        One for each merge.
    cut_ : Line2D or None
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.model_selection import dendrogram
    >>> from gmoe.plotting import DendrogramDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(3, random_state=0).fit(X, y)
    >>> display = DendrogramDisplay.from_dendrogram(dendrogram(fitted, X, y))
    >>> len(display.lines_)
    2
    """

    def __init__(self, *, merges, cut: float | None = None, name: str = "height"):
        self.merges = np.asarray(merges, dtype=float)
        self.cut = cut
        self.name = name

    @classmethod
    def from_dendrogram(cls, dendrogram, *, ax=None) -> "DendrogramDisplay":
        """Draw the tree, and where the criterion cuts it.

        Parameters
        ----------
        dendrogram : gmoe.model_selection.Dendrogram
        ax : Axes, optional
            A new figure by default.
        """
        n_merged = dendrogram.models[0].n_experts - dendrogram.best.n_experts
        heights = [0.0, *dendrogram.heights]
        # Above the last merge that led to the best model, below the next one; above the last of all there is none.
        following = heights[n_merged + 1] if n_merged + 1 < len(heights) else 1.2 * heights[-1]
        cut = 0.5 * (heights[n_merged] + following)
        return cls(merges=dendrogram.merge_matrix, cut=cut, name=dendrogram.linkage.label).plot(ax)

    def plot(self, ax: Any = None) -> "DendrogramDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        tree = scipy.cluster.hierarchy.dendrogram(self.merges, no_plot=True)
        self.lines_ = [
            self.ax_.plot(x, height, color=COLOURS[0], linewidth=2.0)[0]
            for x, height in zip(tree["icoord"], tree["dcoord"], strict=True)
        ]
        # SciPy puts leaf i at 10 i + 5.
        self.ax_.set_xticks([10.0 * i + 5.0 for i in range(len(tree["ivl"]))], tree["ivl"])
        self.cut_ = None if self.cut is None else self.ax_.axhline(self.cut, color="0.4", linestyle=":")
        self.ax_.set(xlabel="expert", ylabel=self.name, ylim=(0.0, None))
        return self
