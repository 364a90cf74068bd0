"""What every design is: learnt from the data of a fit, it turns any later table into the same numbers."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.design.columns import row_labels
from gmoe.design.gaps import Gaps

# Of missing values in what a fit has not seen.
REMEDY = "drop or impute such rows"


class Reader(ABC):
    """Reads some columns of X."""

    @abstractmethod
    def columns(self, X: Any) -> Mapping[str, Any]:
        """Columns without which a row is of no use, by what messages call them."""

    def gaps(self, X: Any, y: Any = None) -> Gaps:
        """Rows of X and y that lack a value."""
        columns = {**self.columns(X), **({} if y is None else {"y": y})}
        return Gaps.of(columns, row_labels(X, len(X)))


class Choice(Reader):
    """Which columns of X a fit asks for, before anything is learnt from them."""

    @abstractmethod
    def learn(self, X: Any) -> "Design":
        """Learn levels, knots and the like from rows that lack nothing."""


@dataclass(frozen=True, eq=False)
class Design(Reader):
    """How X becomes a matrix of numbers, and which of its columns gate and experts see.

    Attributes
    ----------
    names : tuple of str or None
        Of the columns of the matrix; None where they are only counted.
    gate, experts : ndarray of int
        Columns of the matrix.
    """

    names: tuple[str, ...] | None
    gate: np.ndarray
    experts: np.ndarray

    @property
    @abstractmethod
    def gate_sources(self) -> tuple[int, ...]:
        """Columns of X, by their place in the fit, that the gate depends on."""

    @property
    @abstractmethod
    def expert_sources(self) -> tuple[int, ...]:
        """Those that the experts depend on."""

    @property
    @abstractmethod
    def units(self) -> tuple[dict[Any, tuple[int, ...]], dict[Any, tuple[int, ...]]]:
        """For gate and experts, what is chosen among: columns of the matrix by the column of X, or term, of each."""

    def check_choice(self, gate: Collection[int], experts: Collection[int]) -> None:
        """Raise a ValueError where these columns of the matrix cannot be all that gate and experts see."""

    def settings(self, gate: Sequence, experts: Sequence) -> dict[str, Any]:
        """Return the settings of an estimator by which gate and experts see these units, and no others."""
        return {"gate_features": list(gate), "expert_features": list(experts)}

    @property
    def by_name(self) -> bool:
        """Whether columns are found by name, so that others may be there or not."""
        return True

    @abstractmethod
    def matrix(self, estimator: Any, X: Any, reset: bool = False) -> np.ndarray:
        """Turn X into numbers, (n, columns).

        Parameters
        ----------
        estimator : BaseEstimator
            Keeps the number and names of the features of the fit, as scikit-learn wants it.
        X : array-like or data frame, shape (n, n_features)
        reset : bool
            Whether this is the fit, and they are to be set.

        Raises
        ------
        ValueError, TypeError
            For missing values, columns or levels unknown to the fit, text in place of numbers.
        """

    @property
    def has_response(self) -> bool:
        """Whether a formula takes the response from X."""
        return False

    @property
    def response_reads(self) -> tuple[str, ...]:
        """Columns from which it does."""
        return ()

    def finds_response(self, X: Any) -> bool:
        """Whether it can, from this X."""
        return False

    def response(self, X: Any, y: Any) -> Any:
        """Return y, or what a formula takes from X in its place."""
        return y

    @property
    @abstractmethod
    def by_term(self) -> tuple[Any, ...]:
        """Columns of X that are read, each a :class:`Number` or a :class:`Category`; none where they have no names."""

    @abstractmethod
    def of_columns(self, columns: Mapping[str, Any], n: int) -> np.ndarray:
        """Turn n rows of the columns of :attr:`by_term`, by name and without gaps, into numbers, (n, columns)."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the design in JSON's types: see :func:`gmoe.design.design_of`.

        Raises
        ------
        ValueError
            Where JSON has no types for it.
        """

    def used(self, matrix: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of the matrix that gate or experts see, by what messages call them."""
        columns = np.union1d(self.gate, self.experts).astype(int)
        return {f"column {j if self.names is None else repr(self.names[j])} of X": matrix[:, j] for j in columns}
