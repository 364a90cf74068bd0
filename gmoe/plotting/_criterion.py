"""A criterion against the number of experts."""

from typing import Any

import numpy as np

from gmoe.plotting._axes import MARKERS, legend_above, look, own_axes


class CriterionDisplay:
    """A criterion against the number of experts; better made by :meth:`from_selection`.

    Parameters
    ----------
    numbers : sequence of ndarray of int
        Numbers of experts, one array for each line.
    scores : sequence of ndarray
        The criterion there.
    certified : sequence of ndarray of bool
        Where the fit is a certified maximum; the others get an open marker.
    labels : sequence of str
        Of the lines.
    name : str, default "criterion"
        Label of the axis.
    best : tuple of (int, float), optional
        Number of experts and score of the best model; by default where the score is smallest.

    Attributes
    ----------
    lines_ : list of Line2D
    best_ : Line2D
        A ring around the best model.
    legend_ : Legend or None
        Where there are several lines.
    ax_ : Axes
    figure_ : Figure

    Examples
    --------
    >>> from gmoe import select
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.plotting import CriterionDisplay
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> display = CriterionDisplay.from_selection(select(X, y, n_experts=[1, 2, 3], random_state=0))
    >>> display.best_.get_xdata().tolist()
    [2]
    """

    def __init__(self, *, numbers, scores, certified, labels, name="criterion", best=None):
        self.numbers = [np.asarray(part) for part in numbers]
        self.scores = [np.asarray(part, dtype=float) for part in scores]
        self.certified = [np.asarray(part, dtype=bool) for part in certified]
        self.labels = list(labels)
        self.name = name
        self.best = best

    @classmethod
    def from_selection(cls, selection, *, ax=None) -> "CriterionDisplay":
        """Draw the path of a choice, a line for each gate.

        Parameters
        ----------
        selection : gmoe.model_selection.ModelSelection
        ax : Axes, optional
            A new figure by default.
        """
        rows, column = selection.rows(), selection.criterion.name
        gates = list(dict.fromkeys(row["gate"] for row in rows))

        def by_gate(values):
            return [[v for v, row in zip(values, rows, strict=True) if row["gate"] == gate] for gate in gates]

        return cls(
            numbers=by_gate([row["n_experts"] for row in rows]),
            scores=by_gate([row[column] for row in rows]),
            certified=by_gate([fitted.fit_result_.certified for fitted in selection.path]),
            labels=gates,
            name=selection.criterion.label,
            best=next((row["n_experts"], row[column]) for row in rows if row["best"]),
        ).plot(ax)

    @classmethod
    def from_dendrogram(cls, dendrogram, *, ax=None) -> "CriterionDisplay":
        """Draw the criterion of the models of a dendrogram, where it says something.

        Parameters
        ----------
        dendrogram : gmoe.model_selection.Dendrogram
        ax : Axes, optional
        """
        known = np.isfinite(dendrogram.criterion)
        numbers, scores = np.array(dendrogram.numbers)[known], dendrogram.criterion[known]
        name = dendrogram.linkage.criterion_label
        return cls(numbers=[numbers], scores=[scores], certified=[known[known]], labels=["merged"], name=name).plot(ax)

    def plot(self, ax: Any = None) -> "CriterionDisplay":
        """Draw, into ``ax`` or a new figure.

        Parameters
        ----------
        ax : Axes, optional
        """
        from matplotlib.ticker import MaxNLocator

        self.ax_ = own_axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for j, (k, score, certified) in enumerate(zip(self.numbers, self.scores, self.certified, strict=True)):
            style, marker = look(j), MARKERS[j % len(MARKERS)]
            (line,) = self.ax_.plot(k, score, **style, marker=marker, linewidth=2.0, label=self.labels[j])
            self.ax_.plot(k[~certified], score[~certified], marker, color=style["color"], markerfacecolor="white")
            self.lines_.append(line)
        k, score = self.best or min(
            zip(np.concatenate(self.numbers), np.concatenate(self.scores), strict=True), key=lambda pair: pair[1]
        )
        (self.best_,) = self.ax_.plot([k], [score], "o", markersize=14, markerfacecolor="none", color="black")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.ax_.set(xlabel="number of experts", ylabel=self.name)
        self.legend_ = legend_above(self.ax_, self.lines_) if len(self.lines_) > 1 else None
        return self
