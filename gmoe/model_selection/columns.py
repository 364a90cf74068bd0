"""Choices of the columns of gate and experts, for one gate and number of experts."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gmoe.model_selection.criteria import Criterion
from gmoe.model_selection.fits import Columns, Fits, Fitter
from gmoe.solvers.evidence.result import FitResult

# Scores closer than this are equal: rounding, and what a climb leaves.
EQUAL = 1e-5


@dataclass(frozen=True, eq=False)
class Scored:
    """A fit with its score.

    Attributes
    ----------
    columns : Columns
    result : FitResult
    score : float
    """

    columns: Columns
    result: FitResult
    score: float

    def beats(self, other: "Scored") -> bool:
        """Whether the score is smaller, or equal with fewer columns; one without a maximum beats none that has one."""
        if self.result.is_proper != other.result.is_proper:
            return self.result.is_proper
        if abs(self.score - other.score) <= EQUAL:
            return self.columns.size < other.columns.size
        return self.score < other.score


def scored(fits: Fits, criterion: Criterion) -> list[Scored]:
    """Score fits."""
    scores = criterion.scores(fits)
    return [Scored(fits.columns, *pair) for pair in zip(fits.results, scores, strict=True)]


class ColumnChoice(ABC):
    """How columns are chosen.

    Attributes
    ----------
    explores : bool
        Whether a walk may go on to other columns.
    """

    explores = True

    @abstractmethod
    def start(self, columns: Columns) -> Columns:
        """Of all columns, those to begin with."""

    @abstractmethod
    def walk(self, fitter: Fitter, gate: Any, at: Scored, criterion: Criterion) -> list[Scored]:
        """Go on from a fit; the last one of those returned is the choice, the others led to it."""


class All(ColumnChoice):
    """No choice: all columns."""

    explores = False

    def start(self, columns):
        return columns

    def walk(self, fitter, gate, at, criterion):
        return [at]


@dataclass(frozen=True)
class Stepwise(ColumnChoice):
    """One column of gate or experts goes or comes at a time, the best one, as long as the criterion falls.

    Each candidate climbs from the responsibilities of the present model.

    Attributes
    ----------
    from_all : bool, default True
        Whether to begin with all columns or with none.
    """

    from_all: bool = True

    def start(self, columns):
        return columns if self.from_all else Columns(frozenset(), frozenset())

    def walk(self, fitter, gate, at, criterion):
        steps, seen = [at], {at.columns}
        while True:
            near_by = [c for c in neighbours(fitter, gate, steps[-1]) if c not in seen]
            seen |= set(near_by)
            best = steps[-1]
            for fits in fitter.from_neighbour(gate, best.result, near_by):
                (candidate,) = scored(fits, criterion)
                best = candidate if candidate.beats(best) else best
            if best is steps[-1]:
                return steps
            steps.append(best)


@dataclass(frozen=True)
class Exhaustive(ColumnChoice):
    """All subsets of the columns of gate and experts, each from the best neighbour that is fitted already.

    Attributes
    ----------
    limit : int, default 4096
        Most subsets; more raise a ValueError.
    """

    limit: int = 4096

    def start(self, columns):
        return columns

    def walk(self, fitter, gate, at, criterion):
        n_units = sum(map(len, fitter.units))
        n_subsets = 2**n_units
        if n_subsets > self.limit:
            raise ValueError(
                f"{n_units} columns of gate and experts have {n_subsets} subsets, more than the limit "
                f"of {self.limit}; use columns='stepwise', fewer columns, or Exhaustive(limit={n_subsets})."
            )
        fitted, best = {at.columns: at}, at
        layer = [at]
        while layer:
            layer = self._further(fitter, gate, layer, fitted, criterion)
            for candidate in layer:
                best = candidate if candidate.beats(best) else best
        return [*(one for one in fitted.values() if one is not best), best]

    def _further(self, fitter, gate, layer, fitted, criterion):
        """Fit what is one column away from a layer, each from its likeliest neighbour there."""
        near_by: dict[Columns, Scored] = {}
        for one in sorted(layer, key=lambda s: s.result.log_likelihood):
            near_by |= {c: one for c in neighbours(fitter, gate, one) if c not in fitted}
        found = []
        for one in layer:
            own = [columns for columns, origin in near_by.items() if origin is one]
            for fits in fitter.from_neighbour(gate, one.result, own):
                found += scored(fits, criterion)
        fitted |= {one.columns: one for one in found}
        return found


def neighbours(fitter: Fitter, gate: Any, at: Scored) -> Iterator[Columns]:
    """Choices that differ by one column, as far as gate and experts allow them."""
    for part, units in zip(Columns._fields, fitter.units, strict=True):
        for unit in units:
            columns = at.columns._replace(**{part: getattr(at.columns, part) ^ unit})
            try:
                fitter.allows(gate, columns, at.result.model.n_experts)
            except ValueError:
                continue
            yield columns


COLUMN_CHOICES: dict[str, ColumnChoice] = {
    "all": All(),
    "stepwise": Stepwise(),
    "forward": Stepwise(from_all=False),
    "exhaustive": Exhaustive(),
}
