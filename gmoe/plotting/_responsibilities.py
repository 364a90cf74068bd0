"""How surely observations belong to experts."""

from typing import Any

import numpy as np

from gmoe.estimator import unwrap
from gmoe.plotting._axes import COLOURS, expert_labels, pyplot

N_BINS = 20
# Observations of which an expert has less say nothing about it, and are by far the most.
LEAST = 1e-4


class ResponsibilityDisplay:
    """Rootograms of the responsibilities, a panel for each expert (Leisch, 2004); see :meth:`from_estimator`.

    Heights are square roots of counts. Where an expert is told apart its observations are at 1; a bulk in the middle
    says that it shares them with others. Responsibilities below 1e-4 are left out.

    Parameters
    ----------
    responsibilities : ndarray, shape (n, n_experts)
    expert_names : sequence of int or str
        Numbers by default.

    Attributes
    ----------
    bars_ : list of BarContainer
        One for each expert.
    axes_ : list of Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import ResponsibilityDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(2, random_state=0).fit(X, y)
    >>> len(ResponsibilityDisplay.from_estimator(fitted, X, y).bars_)
    2
    """

    def __init__(self, *, responsibilities, expert_names=()):
        self.responsibilities = np.asarray(responsibilities)
        self.labels = expert_labels(expert_names, self.responsibilities.shape[1])

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None) -> "ResponsibilityDisplay":
        """Draw the responsibilities of a fit.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        X : array-like or data frame, shape (n, n_features)
        y : array-like, shape (n,)
            Left out where a formula says it.
        ax : sequence of Axes, optional
            One for each expert; a new figure by default.
        """
        estimator = unwrap(estimator)
        names = estimator.fit_result_.expert_names
        return cls(responsibilities=estimator.responsibilities(X, y), expert_names=names).plot(ax)

    def plot(self, ax: Any = None) -> "ResponsibilityDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : sequence of Axes, optional
            One for each expert.

        Raises
        ------
        ValueError
            For another number of axes than of experts.
        """
        k = self.responsibilities.shape[1]
        if ax is None:
            size = (1.0 + 2.6 * k, 3.2)
            figure = pyplot().subplots(1, k, figsize=size, layout="constrained", squeeze=False, sharey=True)
            ax = figure[1][0]
        self.axes_ = list(np.ravel(ax))
        if len(self.axes_) != k:
            raise ValueError(f"{k} experts need as many axes, got {len(self.axes_)}; give one for each expert.")
        self.figure_ = self.axes_[0].figure
        edges = np.linspace(0.0, 1.0, N_BINS + 1)
        self.bars_ = []
        for j, (panel, values) in enumerate(zip(self.axes_, self.responsibilities.T, strict=True)):
            counts = np.histogram(values[values >= LEAST], edges)[0]
            colour = COLOURS[j % len(COLOURS)]
            self.bars_.append(
                panel.bar(edges[:-1], np.sqrt(counts), 1.0 / N_BINS, align="edge", color=colour, edgecolor="white")
            )
            panel.set(xlabel="responsibility", xlim=(0.0, 1.0), title=self.labels[j])
        self.axes_[0].set_ylabel("square root of count")
        return self
