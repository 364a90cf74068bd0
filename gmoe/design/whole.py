"""X as it is: an array, or a data frame of numbers that is used whole."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import validate_data

from gmoe._validation import resolve_columns
from gmoe.design.base import REMEDY, Choice, Design
from gmoe.design.gaps import any_missing
from gmoe.design.terms import Number

DTYPES = (np.float64, np.float32)


class Whole(Design):
    """All columns of X by their place; a data frame must have those of the fit, in the same order."""

    @property
    def gate_sources(self):
        return tuple(self.gate.tolist())

    @property
    def expert_sources(self):
        return tuple(self.experts.tolist())

    @property
    def units(self):
        gate, experts = (
            {j if self.names is None else self.names[j]: (j,) for j in part.tolist()}
            for part in (self.gate, self.experts)
        )
        return gate, experts

    @property
    def by_name(self):
        return False

    @property
    def by_term(self) -> tuple[Number, ...]:
        """Terms of the columns that have names: each is its own."""
        return tuple(map(Number, self.names or ()))

    def of_columns(self, columns, n):
        return np.hstack([np.empty((n, 0)), *(term.matrix(columns[term.name]) for term in self.by_term)])

    def columns(self, X):
        return self.used(np.asarray(X))

    def content(self):
        names = None if self.names is None else list(self.names)
        return {"names": names, "gate": self.gate.tolist(), "experts": self.experts.tolist()}

    def matrix(self, estimator, X, reset=False):
        matrix = validate_data(estimator, X, reset=reset, dtype=DTYPES, ensure_all_finite=False)
        if any_missing(matrix):
            self.gaps(matrix).refuse(REMEDY)
        return matrix


@dataclass(frozen=True, eq=False)
class ByPlace(Choice):
    """Columns of an array, chosen by index or mask.

    Attributes
    ----------
    gate_features, expert_features : sequence or None
        As of the estimator.
    n_features : int
    """

    gate_features: object
    expert_features: object
    n_features: int

    def columns(self, X):
        return self.learn(X).columns(X) if any_missing(X) else {}

    def learn(self, X):
        gate, experts = (
            resolve_columns(chosen, name, self.n_features, None)
            for chosen, name in ((self.gate_features, "gate_features"), (self.expert_features, "expert_features"))
        )
        return Whole(None, gate, experts)
