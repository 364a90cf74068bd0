"""One equation between parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gmoe.constraints.base import Constraint
from gmoe.constraints.places import Places


@dataclass(frozen=True)
class Equation(Constraint):
    """``sum of factor * parameter = value``; of positive parameters ``product of parameter ** factor = value``.

    Attributes
    ----------
    terms : tuple of (str, float)
        Names of the summary, and their factors.
    value : float
    positive : bool
        Whether the parameters are positive ones: their logarithms are free numbers.
    """

    terms: tuple[tuple[str, float], ...]
    value: float
    positive: bool = False

    def equations(self, places: Places) -> Iterator["Equation"]:
        """Yield itself, where all names are known."""
        for name, _ in self.terms:
            places.matching(name)
        yield self

    @property
    def level(self) -> float:
        """Right side in free numbers."""
        return float(np.log(self.value)) if self.positive else self.value

    @property
    def holds(self) -> str | None:
        """Name of the one parameter that it holds at its value; None where it says more."""
        return self.terms[0][0] if len(self.terms) == 1 and self.terms[0][1] == 1.0 else None

    @property
    def ties(self) -> tuple[str, str] | None:
        """Names of the two parameters that it makes equal; None where it says anything else."""
        if [factor for _, factor in self.terms] == [1.0, -1.0] and self.level == 0.0:
            return self.terms[0][0], self.terms[1][0]
        return None

    def row(self, places: Places) -> np.ndarray:
        """Factors of all parameters of a table."""
        found = np.zeros(len(places.names))
        for name, factor in self.terms:
            found[places.index[name]] += factor
        return found

    def __str__(self):
        if (tied := self.ties) is not None:
            return " = ".join(tied)
        if self.positive and len(self.terms) > 1:
            product = " * ".join(n if f == 1.0 else f"{n}**{f:g}" for n, f in self.terms)
            return f"{product} = {self.value:.6g}"
        said = " + ".join(name if factor == 1.0 else f"{factor:g} * {name}" for name, factor in self.terms)
        return f"{said} = {self.value:.6g}".replace("+ -", "- ").replace("- 1 * ", "- ")


def held(places: Places, name: str, value: float) -> Equation:
    """Equation that holds one parameter.

    Raises
    ------
    ValueError
        For a parameter that nothing moves, a value that is not finite, and one that is not positive where it must be.
    """
    positive = bool(places.positive[places.index[name]])
    if places.still[places.index[name]]:
        raise ValueError(
            f"{name} cannot be held: nothing moves it (the gate's parameters are relative to the reference, expert 0, "
            "whose own are 0; constant columns and given densities have none). Hold that of another expert."
        )
    if not np.isfinite(value) or (positive and not value > 0.0):
        raise ValueError(f"{name} can be held at a {'positive' if positive else 'finite'} number, got {value!r}.")
    return Equation(((name, 1.0),), float(value), positive)
