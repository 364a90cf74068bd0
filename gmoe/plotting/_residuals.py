"""Residuals against what is predicted, or against a feature."""

from typing import Any

import numpy as np
import scipy

from gmoe.estimator import unwrap
from gmoe.plotting._axes import MARKERS, blend, expert_labels, own_axes, single
from gmoe.plotting._slice import feature_values

# Levels of the running quantiles, and the number of rows that each is taken from.
LEVELS = (0.05, 0.5, 0.95)
ROWS, MOST_POINTS = 40, 30


class ResidualDisplay:
    """Quantile residuals, with running quantiles to compare with those of a right model; see :meth:`from_estimator`.

    Where the model is right the residuals are standard normal everywhere: the black lines, their running 5 %, 50 % and
    95 % quantiles, follow the dotted ones. Where the outer ones are nearer to 0, predictive distributions are too wide.

    Parameters
    ----------
    x, residuals : ndarray, shape (n,)
        What is on the axis, and quantile residuals.
    responsibilities : ndarray, shape (n, n_experts)
    name : str
        Label of the axis.
    expert_names : sequence of int or str
        Numbers by default.

    Attributes
    ----------
    points_ : list of PathCollection
        One for each expert: the observations it most likely made, in colours mixed by responsibility.
    lines_ : list of Line2D
        The running quantiles; none of fewer than 80 rows.
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import ResidualDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> display = ResidualDisplay.from_estimator(fitted, X, y, feature=0)
    >>> display.ax_.get_xlabel()
    'x0'
    """

    def __init__(self, *, x, residuals, responsibilities, name="predicted mean", expert_names=()):
        self.x, self.residuals = np.asarray(x, dtype=float), np.asarray(residuals, dtype=float)
        self.responsibilities = np.asarray(responsibilities)
        self.name = name
        self.labels = expert_labels(expert_names, self.responsibilities.shape[1])

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, feature=None, ax=None) -> "ResidualDisplay":
        """Draw the residuals of a fit.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like, shape (n, n_features)
        y : array-like, shape (n,)
            Left out where a formula says it.
        feature : int or str, optional
            Column of X by index or name, also one that the model does not see; by default the predicted mean.
        ax : Axes, optional
            A new figure by default.

        Raises
        ------
        ValueError
            For several responses, or a feature that is not in X.
        """
        estimator = unwrap(estimator)
        residuals = single(estimator.quantile_residuals(X, y), "ResidualDisplay(residuals=residuals[:, 0], ...).plot()")
        responsibilities = estimator.responsibilities(X, y)
        x, name = estimator.predict(X), "predicted mean"
        if feature is not None:
            x, name = feature_values(estimator, X, feature)
        names = estimator.fit_result_.expert_names
        found = {"x": x, "residuals": residuals, "responsibilities": responsibilities}
        return cls(**found, name=name, expert_names=names).plot(ax)

    def plot(self, ax: Any = None) -> "ResidualDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        colour, likely = blend(self.responsibilities), self.responsibilities.argmax(axis=1)
        self.points_ = [
            self.ax_.scatter(
                self.x[likely == j], self.residuals[likely == j], c=colour[likely == j],
                marker=MARKERS[j % len(MARKERS)], s=16, alpha=0.6, linewidths=0, zorder=1, label=self.labels[j],
            )
            for j in range(self.responsibilities.shape[1])
        ]  # fmt: skip
        for level in LEVELS:
            self.ax_.axhline(scipy.special.ndtri(level), color="black", linestyle=":", linewidth=1.5, zorder=2)
        x, quantiles = self._running()
        self.lines_ = [self.ax_.plot(x, line, color="black", linewidth=1.8, zorder=3)[0] for line in quantiles]
        self.ax_.set(xlabel=self.name, ylabel="quantile residual")
        self.ax_.legend(
            self.points_, [points.get_label() for points in self.points_], loc="lower left", bbox_to_anchor=(0.0, 1.0),
            ncols=3, frameon=False, borderaxespad=0.2, columnspacing=1.2, handletextpad=0.3,
        )  # fmt: skip
        return self

    def _running(self):
        """Median of x, and quantiles of the residuals, in groups of equal size."""
        count = min(len(self.x) // ROWS, MOST_POINTS)
        if count < 2:
            return np.empty(0), []
        groups = np.array_split(np.argsort(self.x, kind="stable"), count)
        lines = np.array([np.quantile(self.residuals[group], LEVELS) for group in groups]).T
        return np.array([np.median(self.x[group]) for group in groups]), list(lines)
