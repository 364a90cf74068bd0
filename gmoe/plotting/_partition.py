"""The gate over the plane of two features."""

from typing import Any

import numpy as np

from gmoe.estimator import unwrap
from gmoe.plotting._axes import COLOURS, blend, expert_labels, own_axes
from gmoe.plotting._slice import checked, plane_along


class GatePartitionDisplay:
    """Gate probabilities as colours over two features; better made by :meth:`from_estimator`.

    A place has the colours of the experts, mixed by their probabilities; black lines are where the most probable expert
    is another one.

    Parameters
    ----------
    grids : tuple of ndarray, shapes (m,) and (n,)
        Values of both features.
    proba : ndarray, shape (n, m, n_experts)
        Probability of each expert, rows by the second feature.
    names : tuple of str
        Labels of the axes.
    points : tuple of ndarray, optional
        Values of both features in the data, shown as dots.
    expert_names : sequence of int or str
        Numbers by default.

    Attributes
    ----------
    image_ : AxesImage
    boundary_ : list of ContourSet
        One for each expert that is the most probable one somewhere, and not everywhere.
    legend_ : Legend
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import GatePartitionDisplay
    >>> X, y, _, _ = make_gmoe(300, 2, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> display = GatePartitionDisplay.from_estimator(fitted, X)
    >>> display.ax_.get_ylabel()
    'x1'
    """

    def __init__(self, *, grids, proba, names=("x0", "x1"), points=None, expert_names=()):
        self.grids = tuple(np.asarray(grid, dtype=float) for grid in grids)
        self.proba = np.asarray(proba)
        self.names, self.points = tuple(names), points
        self.labels = expert_labels(expert_names, self.proba.shape[2])

    @classmethod
    def from_estimator(cls, estimator, X, *, features=None, ax=None) -> "GatePartitionDisplay":
        """Draw the gate of a fit over the ranges of two features.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like or data frame, shape (n, n_features)
            Gives the ranges, the dots, and the medians and most frequent levels at which other features of the gate are
            held; the label of the horizontal axis names them.
        features : sequence of two int or str, optional
            Columns of X by index or name; the first two of numbers that the gate sees by default.
        ax : Axes, optional
            A new figure by default.

        Raises
        ------
        ValueError
            For features that are not two, not in X, or not seen by the gate.
        """
        estimator = unwrap(estimator)
        plane = plane_along(estimator, X, features, checked(estimator, X).gate_sources)
        shape = (len(plane.grids[1]), len(plane.grids[0]), -1)
        return cls(
            grids=plane.grids,
            proba=estimator.predict_gate(plane.X).reshape(shape),
            names=plane.labels,
            points=plane.values,
            expert_names=estimator.fit_result_.expert_names,
        ).plot(ax)

    def plot(self, ax: Any = None) -> "GatePartitionDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        from matplotlib.patches import Patch

        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        n, m, k = self.proba.shape
        across, up = self.grids
        ends = (across[0], across[-1], up[0], up[-1])
        colours = blend(self.proba.reshape(-1, k)).reshape(n, m, 3)
        # Half white, so that dots can be seen.
        self.image_ = self.ax_.imshow(
            0.5 + 0.5 * colours, origin="lower", extent=ends, aspect="auto", interpolation="bilinear", zorder=0
        )
        self.boundary_ = [
            self.ax_.contour(across, up, margin, levels=[0.0], colors="black", linewidths=1.2, zorder=2)
            for margin in self._margins()
        ]
        if self.points is not None:
            self.ax_.plot(*self.points, "o", color="0.15", markersize=2.5, markeredgewidth=0, alpha=0.6, zorder=1)
        self.ax_.set(xlabel=self.names[0], ylabel=self.names[1], xlim=ends[:2], ylim=ends[2:])
        handles = [Patch(color=COLOURS[j % len(COLOURS)], alpha=0.5) for j in range(k)]
        self.legend_ = self.ax_.legend(
            handles, self.labels, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False,
            borderaxespad=0.2, columnspacing=1.2, handletextpad=0.5,
        )  # fmt: skip
        return self

    def _margins(self):
        """Yield by how much an expert is more probable than all others, if it is so somewhere and not everywhere."""
        for j in range(self.proba.shape[2]):
            margin = self.proba[:, :, j] - np.delete(self.proba, j, axis=2).max(axis=2, initial=0.0)
            if margin.min() < 0.0 < margin.max():
                yield margin
