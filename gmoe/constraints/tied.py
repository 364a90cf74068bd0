"""Parameters that are equal across experts, and linear equations in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gmoe.constraints.base import Constraint
from gmoe.constraints.equation import Equation, held
from gmoe.constraints.parsing import linear
from gmoe.constraints.places import Places, stem
from gmoe.table import kind


@dataclass(frozen=True)
class Tied(Constraint):
    """Parameters that are equal across experts.

    Parameters
    ----------
    name : str
        An entry, ``"coef[x]"``, or an array, ``"coef"``, of which each entry is the same in all experts.
    experts : sequence of int, optional
        Only these; all by default.
    """

    name: str
    experts: Sequence[int] | None = None

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each expert but the first."""
        groups: dict[str, list[str]] = {}
        for name in places.matching(self.name, self.experts):
            # The reference of a gate is 0, and may be tied to; an expert of a given density has no parameters.
            if kind(name) in places.gate_arrays or not places.still[places.index[name]]:
                groups.setdefault(stem(name), []).append(name)
        if all(len(names) < 2 for names in groups.values()):
            raise ValueError(
                f"Tied({self.name!r}) needs two experts or more; name an entry as 'coef[x]' or an array as 'coef', and "
                "at least two experts whose parameters move."
            )
        for first, *others in groups.values():
            for other in others:
                positive = bool(places.positive[places.index[first]])
                yield Equation(((first, 1.0), (other, -1.0)), 1.0 if positive else 0.0, positive)


@dataclass(frozen=True)
class Linear(Constraint):
    """An equation in words: ``"coef[x] (0) + coef[x] (1) = 1"``, ``"variance (0) = 2 * variance (1)"``.

    Parameters
    ----------
    text : str
        Sums of parameters with numbers before them. Positive ones may be held, or be a multiple of another.
    """

    text: str

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield the one that is meant."""
        row, value = linear(self.text, places.names)
        terms = tuple((places.names[i], float(row[i])) for i in np.flatnonzero(row))
        positive = [bool(places.positive[places.index[name]]) for name, _ in terms]
        (first, factor), *others = terms
        if not others:
            yield held(places, first, value / factor)
        elif not any(positive):
            yield Equation(terms, value)
        elif len(others) == 1 and all(positive) and value == 0.0 and factor * others[0][1] < 0.0:
            yield Equation(((first, 1.0), (others[0][0], -1.0)), -others[0][1] / factor, True)
        else:
            raise ValueError(
                f"{self.text!r} is not linear in the logarithms of what is positive; hold such a parameter at a value, "
                "or at a multiple of another: 'variance (0) = 2 * variance (1)'."
            )
