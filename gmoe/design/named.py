"""Columns of a data frame by name, numbers and categories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import validate_data

from gmoe._validation import resolve_columns
from gmoe.design.base import REMEDY, Choice, Design
from gmoe.design.columns import check_known, column_names
from gmoe.design.terms import Number, Term, as_term
from gmoe.design.whole import Whole


@dataclass(frozen=True, eq=False)
class Named(Design):
    """Columns found by name, whatever else a data frame holds and in whatever order.

    Attributes
    ----------
    terms : tuple of Number or Category
    places : dict of str to int
        Of all columns of the fit, by which those of an array without names are found.
    """

    terms: tuple[Term, ...]
    places: dict[str, int]

    @property
    def by_term(self) -> tuple[Term, ...]:
        """Terms, whose matrices side by side are the matrix."""
        return self.terms

    @property
    def gate_sources(self):
        return self._sources(self.gate)

    @property
    def expert_sources(self):
        return self._sources(self.experts)

    def _sources(self, part):
        owners = [self.places[term.name] for term in self.terms for _ in term.names]
        return tuple(dict.fromkeys(owners[j] for j in part))

    @property
    def units(self):
        places = {name: j for j, name in enumerate(self.names or ())}
        found = {term.name: tuple(places[name] for name in term.names) for term in self.terms}
        gate, experts = ({name: own for name, own in found.items() if set(own) <= set(part)} for part in self._both)
        return gate, experts

    @property
    def _both(self):
        return self.gate.tolist(), self.experts.tolist()

    def columns(self, X):
        return {f"column {term.name!r}": values for term, values in self._read(X)}

    def content(self):
        terms = [term.content() for term in self.terms]
        return {"gate": self.gate.tolist(), "experts": self.experts.tolist(), "terms": terms, "places": self.places}

    @classmethod
    def of(cls, terms: Sequence[Term], gate: ArrayLike, experts: ArrayLike, places: dict[str, int]) -> "Named":
        """Return the design of these terms, with the columns of their matrix that gate and experts see."""
        names = tuple(name for term in terms for name in term.names)
        return cls(names, np.array(gate, dtype=np.intp), np.array(experts, dtype=np.intp), tuple(terms), places)

    def matrix(self, estimator, X, reset=False):
        if reset or column_names(X) is None:  # in place of names, of which it warns, scikit-learn checks the number
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        self.gaps(X).refuse(REMEDY)
        return self.of_columns({term.name: values for term, values in self._read(X)}, len(X))

    def of_columns(self, columns, n):
        return np.hstack([np.empty((n, 0)), *(term.matrix(columns[term.name]) for term in self.terms)])

    def _read(self, X):
        known = column_names(X)
        if known is None:
            X = np.asarray(X)
            return [(term, X[:, self.places[term.name]]) for term in self.terms]
        check_known([term.name for term in self.terms], known, "The fit")
        return [(term, X[term.name]) for term in self.terms]


@dataclass(frozen=True, eq=False)
class ByName(Choice):
    """Columns of a data frame.

    Attributes
    ----------
    names : tuple of str
        Of all columns.
    gate_features, expert_features : sequence or None
        As of the estimator.
    coding : str
    """

    names: tuple[str, ...]
    gate_features: object
    expert_features: object
    coding: str

    @property
    def _parts(self):
        chosen = (self.gate_features, "gate_features"), (self.expert_features, "expert_features")
        return [resolve_columns(part, name, len(self.names), self.names) for part, name in chosen]

    @property
    def _read(self):
        return [self.names[j] for j in np.union1d(*self._parts).astype(int)]

    def columns(self, X):
        return {f"column {name!r}": X[name] for name in self._read}

    def learn(self, X):
        terms = tuple(as_term(name, X[name], self.coding) for name in self._read)
        # All columns, all of numbers: the table itself, of which scikit-learn wants that its columns stay.
        if self.gate_features is None and self.expert_features is None and all(isinstance(t, Number) for t in terms):
            return Whole(self.names, *self._parts)
        names = [name for term in terms for name in term.names]
        places = {term.name: [names.index(name) for name in term.names] for term in terms}
        gate, experts = (
            np.array([place for j in part for place in places[self.names[j]]], dtype=np.intp) for part in self._parts
        )
        return Named.of(terms, gate, experts, {name: j for j, name in enumerate(self.names)})
