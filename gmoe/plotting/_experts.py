"""Data, experts and mixture against one feature."""

from typing import Any

import numpy as np

from gmoe.estimator import unwrap
from gmoe.plotting._axes import MARKERS, blend, expert_labels, legend_above, look, own_axes
from gmoe.plotting._slice import checked, slice_along


class ExpertFitDisplay:
    """Data coloured by responsibility, expert means, and the mixture's mean; better made by :meth:`from_estimator`.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        The data: a feature and the response.
    responsibilities : ndarray, shape (n, n_experts)
    grid : ndarray, shape (m,)
        Values of the feature.
    expert_means : ndarray, shape (m, n_experts)
    mean, std : ndarray, shape (m,)
        Of the mixture.
    feature_name, target_name : str
        Labels of the axes.
    expert_names : sequence of int or str
        Numbers by default.

    Attributes
    ----------
    points_ : list of PathCollection
        One for each expert: the observations it most likely made, in colours mixed by responsibility.
    lines_ : list of Line2D
        One for each expert.
    mean_ : Line2D or None
    band_ : PolyCollection or None
        Mean of the mixture, plus and minus two standard deviations; None where not drawn.
    legend_ : Legend
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import ExpertFitDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> display = ExpertFitDisplay.from_estimator(fitted, X, y)
    >>> display.ax_.get_xlabel()
    'x0'
    """

    def __init__(
        self,
        *,
        x,
        y,
        responsibilities,
        grid,
        expert_means,
        mean,
        std,
        feature_name="x",
        target_name="y",
        expert_names=(),
    ):
        self.x, self.y = np.asarray(x), np.asarray(y)
        self.responsibilities = np.asarray(responsibilities)
        self.grid, self.expert_means = np.asarray(grid), np.asarray(expert_means)
        self.mean, self.std = np.asarray(mean), np.asarray(std)
        self.feature_name, self.target_name = feature_name, target_name
        self.labels = expert_labels(expert_names, self.responsibilities.shape[1])

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, feature=None, mixture=True, ax=None) -> "ExpertFitDisplay":
        """Draw a fit over the range of a feature.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like or data frame, shape (n, n_features)
            Other features than the drawn one are held at their medians or most frequent levels, for the lines and the
            band; the label of the axis names those that matter.
        y : array-like, shape (n,)
            Left out where the formula of the fit says it.
        feature : int or str, optional
            Column of X by index or name; the first that the experts see by default.
        mixture : bool, default True
            Draw the mixture's mean and band. Without them the figure tells more where the gate moves with another
            feature than the one drawn.
        ax : Axes, optional
            A new figure by default.

        Raises
        ------
        ValueError
            For a feature that is not in X, or that neither the experts nor the gate see.
        """
        estimator = unwrap(estimator)
        responsibilities = estimator.responsibilities(X, y)
        target_name = getattr(y, "name", None) or "y"
        design = checked(estimator, X)
        y = np.asarray(design.response(X, y), dtype=float)
        seen = tuple(dict.fromkeys((*design.expert_sources, *design.gate_sources)))
        along = slice_along(estimator, X, feature, seen, seen if mixture else design.expert_sources)
        mean, std = estimator.predict(along.X, return_std=True)
        return cls(
            x=along.values,
            y=y,
            responsibilities=responsibilities,
            grid=along.grid,
            expert_means=estimator.predict_experts(along.X),
            mean=mean,
            std=std,
            feature_name=along.label,
            target_name=str(target_name),
            expert_names=estimator.fit_result_.expert_names,
        ).plot(ax, mixture=mixture)

    def plot(self, ax: Any = None, *, mixture: bool = True) -> "ExpertFitDisplay":
        """Draw, into ``ax`` or a new figure.

        The axes cover data and band; expert lines may run out of them, as an expert is often far away where the gate
        gives it no weight.

        Parameters
        ----------
        ax : Axes, optional
        mixture : bool, default True
            Draw the mixture's mean and band.
        """
        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        self.points_ = self._plot_points()
        self.mean_: Any = None
        self.band_: Any = None
        if mixture:
            self.mean_, self.band_ = self._plot_mixture()
        self.ax_.autoscale_view()
        limits = self.ax_.get_ylim()
        self.lines_ = [
            self.ax_.plot(self.grid, mean, **look(j), linewidth=2.0, label=self.labels[j], zorder=3)[0]
            for j, mean in enumerate(self.expert_means.T)
        ]
        self.ax_.set(xlabel=self.feature_name, ylabel=self.target_name, ylim=limits)
        self.legend_ = legend_above(self.ax_, self.lines_, (self.band_, self.mean_) if mixture else None)
        return self

    def _plot_mixture(self):
        lower, upper = self.mean - 2.0 * self.std, self.mean + 2.0 * self.std
        band = self.ax_.fill_between(self.grid, lower, upper, color="0.88", linewidth=0, zorder=0)
        (mean,) = self.ax_.plot(self.grid, self.mean, color="black", linestyle=":", linewidth=2.2, zorder=4)
        return mean, band

    def _plot_points(self):
        colour, likely = blend(self.responsibilities), self.responsibilities.argmax(axis=1)
        return [
            self.ax_.scatter(
                self.x[likely == j],
                self.y[likely == j],
                c=colour[likely == j],
                marker=MARKERS[j % len(MARKERS)],
                s=22,
                alpha=0.75,
                linewidths=0,
                zorder=2,
            )
            for j in range(self.responsibilities.shape[1])
        ]
