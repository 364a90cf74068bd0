"""The gate against one feature."""

from typing import Any

import numpy as np

from gmoe.estimator import unwrap
from gmoe.plotting._axes import expert_labels, legend_above, look, own_axes
from gmoe.plotting._slice import checked, slice_along


class GateDisplay:
    """Gate probabilities against one feature; better made by :meth:`from_estimator`.

    Parameters
    ----------
    grid : ndarray, shape (m,)
        Values of the feature.
    proba : ndarray, shape (m, n_experts)
        Probability of each expert.
    feature_name : str, default "x"
        Label of the axis.
    expert_names : sequence of int or str
        Numbers by default.

    Attributes
    ----------
    lines_ : list of Line2D
        One for each expert.
    legend_ : Legend
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import GateDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> display = GateDisplay.from_estimator(fitted, X)
    >>> len(display.lines_)
    2
    """

    def __init__(self, *, grid, proba, feature_name: str = "x", expert_names=()):
        self.grid = np.asarray(grid)
        self.proba = np.asarray(proba)
        self.feature_name = feature_name
        self.labels = expert_labels(expert_names, self.proba.shape[1])

    @classmethod
    def from_estimator(cls, estimator, X, *, feature=None, ax=None) -> "GateDisplay":
        """Draw the gate of a fit over the range of a feature.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like or data frame, shape (n, n_features)
            Gives the range of the feature, and the medians and most frequent levels at which the gate's other features
            are held; the label of the axis names them.
        feature : int or str, optional
            Column of X by index or name; the first that the gate sees by default.
        ax : Axes, optional
            A new figure by default.

        Raises
        ------
        ValueError
            For a feature that is not in X, or that the gate does not see.
        """
        estimator = unwrap(estimator)
        seen = checked(estimator, X).gate_sources
        along = slice_along(estimator, X, feature, seen, seen)
        proba, names = estimator.predict_gate(along.X), estimator.fit_result_.expert_names
        return cls(grid=along.grid, proba=proba, feature_name=along.label, expert_names=names).plot(ax)

    def plot(self, ax: Any = None) -> "GateDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = [
            self.ax_.plot(self.grid, proba, **look(j), linewidth=2.0, label=self.labels[j])[0]
            for j, proba in enumerate(self.proba.T)
        ]
        self.ax_.set(xlabel=self.feature_name, ylabel="gate probability", ylim=(-0.03, 1.03))
        self.legend_ = legend_above(self.ax_, self.lines_)
        return self
