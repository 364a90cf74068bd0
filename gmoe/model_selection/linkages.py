"""Linkages of a dendrogram: which two experts merge next, into what, at which height."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy

from gmoe.experts import GAUSSIAN
from gmoe.gates import SoftmaxGate
from gmoe.model import GMoE
from gmoe.model_selection.atoms import Atoms
from gmoe.model_selection.fits import Fitter


@dataclass(frozen=True, eq=False)
class Merge:
    """Two experts that become one.

    Attributes
    ----------
    height : float
    model : GMoE
        With one expert less.
    origins : tuple of tuple of int
        For each of its experts the places, in the model before, of the one or two that it stands for.
    """

    height: float
    model: GMoE
    origins: tuple[tuple[int, ...], ...]


class Linkage(ABC):
    """How experts merge.

    Attributes
    ----------
    label, criterion_label : str
        Of the axes of heights and criterion.
    """

    label: str
    criterion_label: str

    @abstractmethod
    def check(self, model: GMoE) -> None:
        """Raise a ValueError for models whose experts it cannot merge."""

    @abstractmethod
    def merges(self, fitter: Fitter, model: GMoE) -> list[Merge]:
        """Merge until one expert is left."""

    @abstractmethod
    def criterion(self, heights: np.ndarray, log_likelihood: np.ndarray, df: np.ndarray, n: float) -> np.ndarray:
        """Score the models with K, ..., 1 experts, smaller is better; nan where it says nothing.

        Parameters
        ----------
        heights : ndarray, shape (K - 1,)
            Of the merges, in turn.
        log_likelihood, df : ndarray, shape (K,)
            Of the models.
        n : float
            Total weight.
        """


@dataclass(frozen=True)
class LikelihoodLinkage(Linkage):
    """The two experts whose merger costs the least log-likelihood; for every gate and all experts.

    A pair's responsibilities are added, and the model with one expert less climbs from there to its maximum. The height
    is the log-likelihood lost since the fit; the criterion is BIC.
    """

    label = "loss of log-likelihood"
    criterion_label = "BIC"

    def check(self, model):
        """All experts merge."""

    def merges(self, fitter, model):
        whole, merges, n_given = fitter.log_likelihood(model), [], model.experts.n_given
        for k in range(model.n_experts, n_given + 1, -1):
            posterior = model.responsibilities(fitter.data.X, fitter.data.y)
            # What an expert with a given density explains stays its own: it is the last one.
            origins = [_origins(pair, k) for pair in combinations(range(k - n_given), 2)]
            starts = [np.column_stack([posterior[:, group].sum(axis=1) for group in groups]) for groups in origins]
            fits = fitter.climb(model.gate, [(start, fitter.all_columns) for start in starts])
            results = [fit.results[0] for fit in fits]
            best = max(results, key=lambda result: result.log_likelihood)
            model, own = best.model, best.model.responsibilities(fitter.data.X, fitter.data.y)
            # Climbs of several pairs may meet in one maximum: its origin is what it has most rows in common with.
            matched = [_matched(own, *pair) for pair in zip(starts, origins, strict=True)]
            merges.append(Merge(whole - best.log_likelihood, model, max(matched)[1]))
        return merges

    def criterion(self, heights, log_likelihood, df, n):
        return np.log(n) * df - 2.0 * log_likelihood


@dataclass(frozen=True)
class RateLinkage(Linkage):
    """The two atoms of least rate-weighted dissimilarity; for softmax gates and Gaussian experts of one response.

    With weights w it is ``(|db|^2 + |(da, dvariance)|) w_i w_j / (w_i + w_j)`` of intercepts b, slopes a and variances:
    powers in the ratio of the rates at which superfluous atoms come together. A merged atom is the weighted mean, its
    gate's intercept the log of the sum; nothing is fitted anew. The criterion is that of the dendrogram,
    ``-(height + log(n) log-likelihood / n)`` with the height at which a model's next two experts merge. Source:
    arXiv:2510.12744, dendrograms of mixing measures for softmax-gated mixtures of experts, and its authors' code.

    Attributes
    ----------
    standardised : bool, default False
        False, as published: in the units of the data, with exp(gate_intercept) as weights. Heights and criterion then
        depend on the units, on the origin of x and on the reference expert. True: in columns of variance 1 and the
        response in units of the experts' pooled standard deviation, with shares as weights: the same in all units.
    """

    standardised: bool = False
    label = "rate-weighted dissimilarity"
    criterion_label = "dendrogram criterion"

    def check(self, model):
        if model.gate != SoftmaxGate() or model.experts != GAUSSIAN or model.n_outputs > 1:
            raise ValueError(
                f"RateLinkage merges Gaussian experts of one response under a softmax gate, not {model.experts!r} "
                f"under {model.gate!r}; use LikelihoodLinkage()."
            )

    def merges(self, fitter, model):
        merges = []
        data = fitter.data
        atoms = Atoms.standardised(model, data.X, data.y) if self.standardised else Atoms.raw(model)
        while atoms.n_atoms > 1:
            pairs = list(combinations(range(atoms.n_atoms), 2))
            heights = [atoms.dissimilarity(*pair) for pair in pairs]
            best = int(np.argmin(heights))
            origins = _origins(pairs[best], atoms.n_atoms)
            atoms = atoms.merged(*pairs[best])
            merges.append(Merge(float(heights[best]), atoms.model(model), origins))
        return merges

    def criterion(self, heights, log_likelihood, df, n):
        return np.append(-(heights + np.log(n) * log_likelihood[:-1] / n), np.nan)


def _matched(own, merged, groups):
    """Rows in common with merged experts, and the group of each expert: a fit orders its experts by share."""
    common = own.T @ merged
    rows, columns = scipy.optimize.linear_sum_assignment(common, maximize=True)
    return common[rows, columns].sum(), tuple(groups[j] for j in columns)


def _origins(pair, k):
    """Group the experts with a pair as one, in the place of its first."""
    first, second = pair
    return tuple((first, second) if j == first else (j,) for j in range(k) if j != second)
