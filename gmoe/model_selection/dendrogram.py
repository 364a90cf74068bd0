"""The dendrogram of a fit: its experts merged two by two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from gmoe._names import named
from gmoe.estimator.training import Training
from gmoe.model import GMoE
from gmoe.model_selection.fits import Fitter
from gmoe.model_selection.linkages import LikelihoodLinkage, Linkage, Merge, RateLinkage

LINKAGES: dict[str, Linkage] = {"likelihood": LikelihoodLinkage(), "rate": RateLinkage()}


@dataclass(frozen=True, eq=False, repr=False)
class Dendrogram:
    """Models with K, K - 1, ..., experts, each from the one before by a merge; it prints as a table.

    Attributes
    ----------
    models : tuple of GMoE
    members : tuple of tuple of tuple of int
        For each expert of each model the experts of the fit that it stands for.
    heights : ndarray, shape (K - 1,)
        Of the merges, in turn.
    log_likelihoods : ndarray, shape (K,)
    criterion : ndarray, shape (K,)
        Of the models, smaller is better; nan where it says nothing.
    linkage : Linkage
    """

    models: tuple[GMoE, ...]
    members: tuple[tuple[tuple[int, ...], ...], ...]
    heights: np.ndarray
    log_likelihoods: np.ndarray
    criterion: np.ndarray
    linkage: Linkage

    @property
    def numbers(self) -> list[int]:
        """Of experts, by model."""
        return [model.n_experts for model in self.models]

    @property
    def best(self) -> GMoE:
        """The model of the smallest criterion."""
        return self.models[int(np.nanargmin(self.criterion))]

    def labels(self, n_experts: int) -> np.ndarray:
        """For each expert of the fit the expert of the model with that number of experts.

        Raises
        ------
        ValueError
            Where no model has so many.
        """
        if n_experts not in self.numbers:
            raise ValueError(f"The dendrogram has models with {self.numbers} experts, none with {n_experts!r}.")
        groups = self.members[self.numbers.index(n_experts)]
        labels = np.empty(self.models[0].n_experts, dtype=np.intp)
        for j, group in enumerate(groups):
            labels[list(group)] = j
        return labels

    @property
    def merge_matrix(self) -> np.ndarray:
        """The merges as SciPy's hierarchy takes them, (K - 1, 4): two clusters, height, number of experts."""
        number: dict[tuple[int, ...], int] = {(j,): j for j in range(self.models[0].n_experts)}
        rows: list[list[float]] = []
        for before, after, height in zip(self.members, self.members[1:], self.heights, strict=False):
            (new,) = set(after) - set(before)
            pair = sorted(number[group] for group in set(before) - set(after))
            number[new] = self.models[0].n_experts + len(rows)
            rows.append([*pair, height, len(new)])
        return np.array(rows, dtype=float).reshape(-1, 4)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per model: experts, height of the merge that led to it, log-likelihood, criterion."""
        heights = [0.0, *self.heights.tolist()]
        values = zip(self.models, heights, self.log_likelihoods, self.criterion, self.members, strict=True)
        return [
            {
                "n_experts": model.n_experts,
                "height": height,
                "log_likelihood": float(value),
                "df": model.n_free_parameters,
                "criterion": float(score),
                "members": members,
                "best": model is self.best,
            }
            for model, height, value, score, members in values
        ]

    @property
    def table(self) -> Any:
        """The rows as a pandas DataFrame (needs pandas)."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def __repr__(self):
        head = f"{'':1} {'experts':>7}  {'height':>12}  {'log_likelihood':>14}  {'df':>4}  {'criterion':>12}  members"
        lines = [f"Dendrogram, heights: {self.linkage.label}; criterion: {self.linkage.criterion_label}", "", head]
        lines.append("-" * len(head))
        for row in self.rows():
            groups = " ".join("+".join(map(str, group)) for group in row["members"])
            lines.append(
                f"{'*' if row['best'] else '':1} {row['n_experts']:7d}  {row['height']:12.4f}  "
                f"{row['log_likelihood']:14.3f}  {row['df']:4d}  {row['criterion']:12.4f}  {groups}"
            )
        return "\n".join(lines)


def dendrogram(
    estimator: Any, X: Any, y: Any = None, *, linkage: Any = "likelihood", sample_weight: Any = None
) -> Dendrogram:
    """Merge the experts of a fit two by two, until one is left.

    Parameters
    ----------
    estimator : fitted GaussianMoERegressor
    X : array-like or data frame, shape (n, n_features)
        With y the data of the fit.
    y : array-like, shape (n,)
        None where a formula says it.
    linkage : {"likelihood", "rate"} or Linkage, default "likelihood"
        "likelihood": the pair whose merger costs the least log-likelihood, found by a climb for each pair; BIC. "rate":
        the published rate-weighted dissimilarity, without fits; the dendrogram criterion.
    sample_weight : array-like, shape (n,), optional

    Returns
    -------
    Dendrogram

    Raises
    ------
    ValueError
        For an unknown linkage, one that cannot merge these experts, a fit with one expert, a gate whose experts have
        fixed places (a tree's), and data that the fit could not predict.

    Examples
    --------
    >>> from gmoe import GaussianMoERegressor
    >>> from gmoe.datasets import make_gmoe
    >>> from gmoe.model_selection import dendrogram
    >>> X, y, _, _ = make_gmoe(300, random_state=1)
    >>> fitted = GaussianMoERegressor(3, random_state=0).fit(X, y)
    >>> dendrogram(fitted, X, y).best.n_experts
    2
    """
    check_is_fitted(estimator)
    rule, model = named(linkage, LINKAGES, Linkage, "linkage"), estimator.model_
    rule.check(model)
    if model.n_experts - model.experts.n_given < 2:
        raise ValueError(f"A dendrogram needs two experts that can merge; the fit has {model.n_experts} experts.")
    fitter = _fitter(estimator, X, y, sample_weight)
    for k in range(model.n_experts - 1, model.experts.n_given, -1):
        fitter.allows(model.gate, fitter.all_columns, k)
    merges = rule.merges(fitter, model)
    models = (model, *(merge.model for merge in merges))
    heights = np.array([merge.height for merge in merges])
    values = np.array([fitter.log_likelihood(one) for one in models])
    df = np.array([one.n_free_parameters for one in models])
    weight = fitter.data.weight
    criterion = rule.criterion(heights, values, df, len(fitter.data.y) if weight is None else weight.sum())
    return Dendrogram(models, _members(model.n_experts, merges), heights, values, criterion, rule)


def _members(n_experts, merges: Sequence[Merge]):
    members: list[tuple[tuple[int, ...], ...]] = [tuple((j,) for j in range(n_experts))]
    for merge in merges:
        before = members[-1]
        members.append(tuple(tuple(sorted(e for i in group for e in before[i])) for group in merge.origins))
    return tuple(members)


def _fitter(estimator, X, y, sample_weight) -> Fitter:
    """Fits to these data under the settings of an estimator."""
    matrix, y = estimator._observed(X, y)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, matrix, dtype=np.float64, ensure_non_negative=True)
    data = Training(estimator.design_, matrix, y, weight, np.arange(len(matrix)), len(matrix))
    settings = estimator._settings()
    del settings["gate"], settings["n_experts"]
    return Fitter(data, settings)
