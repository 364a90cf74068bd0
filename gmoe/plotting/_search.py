"""What a search went through: the climb that won, and where the others ended."""

from typing import Any

import numpy as np

from gmoe.estimator import unwrap
from gmoe.plotting._axes import COLOURS, pyplot

# The highest ones that are drawn.
MOST_ENDS = 12


class SearchDisplay:
    """Trace of the best climb, and ends of all climbs by their log-likelihood; see :meth:`from_estimator`.

    On the left how far the climb was below its end, by iteration. On the right each end that was found, with the number
    of climbs that came to it: one high bar at the top is a likelihood with one clear maximum.

    Parameters
    ----------
    history : ndarray, shape (n_iter,)
        Log-likelihoods of the best climb.
    ends : ndarray, shape (m,)
        Log-likelihoods at the ends, the best one first.
    counts : ndarray of int, shape (m,)
        Climbs that came there.
    n_left : int, default 0
        Climbs that were left on the way, as they could not become the best.

    Attributes
    ----------
    trace_ : Line2D
    bars_ : BarContainer
    axes_ : list of Axes
        Two of them.
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import SearchDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> display = SearchDisplay.from_estimator(GaussianMoERegressor(3, random_state=0).fit(X, y))
    >>> bool(display.ends[0] == display.ends.max())
    True
    """

    def __init__(self, *, history, ends, counts, n_left=0):
        self.history = np.asarray(history, dtype=float)
        self.ends, self.counts = np.asarray(ends, dtype=float), np.asarray(counts, dtype=int)
        self.n_left = n_left

    @classmethod
    def from_estimator(cls, estimator, *, ax=None) -> "SearchDisplay":
        """Draw the search of a fit.

        Parameters
        ----------
        estimator : fitted GaussianMoERegressor, or a pipeline or search that ends in one
        ax : sequence of two Axes, optional
            A new figure by default.
        """
        result = unwrap(estimator).fit_result_
        others = result.other_maxima
        counts = [result.n_agreeing, *(end.n_starts for end in others)]
        ends = [result.log_likelihood, *(end.log_likelihood for end in others)]
        left = max(result.n_starts - sum(counts), 0)
        return cls(history=result.history, ends=ends, counts=counts, n_left=left).plot(ax)

    def plot(self, ax: Any = None) -> "SearchDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : sequence of two Axes, optional

        Raises
        ------
        ValueError
            For another number of axes.
        """
        if ax is None:
            ax = pyplot().subplots(1, 2, figsize=(8.0, 3.6), layout="constrained")[1]
        self.axes_ = list(np.ravel(ax))
        if len(self.axes_) != 2:
            raise ValueError(f"A search is drawn in 2 axes, got {len(self.axes_)}.")
        self.figure_ = self.axes_[0].figure
        climb, found = self.axes_
        below = self.history.max() - self.history
        style = {"color": COLOURS[0], "marker": "o", "markersize": 4.0}
        # The end itself is 0, which has no place on the axis.
        (self.trace_,) = climb.plot(np.arange(len(below)), np.where(below > 0.0, below, np.nan), **style)
        climb.set(xlabel="iteration", ylabel="log-likelihood below its end", yscale="log")
        places = np.arange(min(len(self.ends), MOST_ENDS))
        self.bars_ = found.barh(places, self.counts[places], color=[COLOURS[0], *["0.7"] * (len(places) - 1)])
        found.bar_label(self.bars_, padding=3)
        found.set_yticks(places, [f"{end:.2f}".replace("-", "\u2212") for end in self.ends[places]])
        found.invert_yaxis()
        left = f"; {self.n_left} left on the way" if self.n_left else ""
        found.set(xlabel=f"climbs{left}", ylabel="log-likelihood at the end")
        found.margins(x=0.12)
        return self
