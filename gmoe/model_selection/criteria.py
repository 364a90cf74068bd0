"""Criteria of a choice: of all of them, smaller is better."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, check_cv

from gmoe.model_selection.fits import Fits
from gmoe.solvers.evidence.result import FitResult


class Criterion(ABC):
    """What a choice minimises.

    Attributes
    ----------
    name : str
        Of its column in the table.
    label : str
        Of its axis in a figure.
    """

    name: str
    label: str

    @abstractmethod
    def scores(self, fits: Fits) -> list[float]:
        """Score each of some fits; smaller is better."""


@dataclass(frozen=True)
class InformationCriterion(Criterion):
    """A function of one fit's result.

    Attributes
    ----------
    name, label : str
    formula : callable
        FitResult -> float, smaller is better.
    """

    name: str
    label: str
    formula: Callable[[FitResult], float]

    def scores(self, fits):
        return [float(self.formula(result)) for result in fits.results]


AIC = InformationCriterion("aic", "AIC", attrgetter("aic"))
BIC = InformationCriterion("bic", "BIC", attrgetter("bic"))
ICL = InformationCriterion("icl", "ICL", attrgetter("icl"))


@dataclass(frozen=True)
class CrossValidation(Criterion):
    """-2 times the log-likelihood of rows that the fit has not seen, summed over folds: on the scale of AIC.

    Each fold is fitted anew, by one search for all numbers of experts.

    Attributes
    ----------
    cv : int, splitter or iterable, default 5
        As of scikit-learn; a number stands for so many folds of shuffled rows, always the same ones.
    """

    cv: Any = 5
    name = "cv"
    label = "-2 log-likelihood, cross-validated"

    def scores(self, fits):
        X, y, weight = fits.data.X, fits.data.y, fits.data.weight
        weight = np.ones(len(y)) if weight is None else weight
        # Rows in the order of a file are often sorted.
        splitter = KFold(self.cv, shuffle=True, random_state=0) if isinstance(self.cv, int) else check_cv(self.cv)
        scores = np.zeros(len(fits.results))
        for train, test in splitter.split(X, y):
            models = [result.model for result in fits.again(train)]
            scores -= [2.0 * float(weight[test] @ model.log_density(X[test], y[test])) for model in models]
        return scores.tolist()


CRITERIA: dict[str, Criterion] = {"bic": BIC, "aic": AIC, "icl": ICL, "cv": CrossValidation()}
