"""The protocol of constraints."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from gmoe.constraints.places import Places


class Penalised(NamedTuple):
    """Parameters, and the factor of half the sum of their squares."""

    names: tuple[str, ...]
    strength: float


class Constraint(ABC):
    """What a fit holds: a value that says which equations and penalties it stands for."""

    @abstractmethod
    def equations(self, places: Places) -> Iterator[Any]:
        """Yield the equations (:class:`gmoe.constraints.Equation`) in a table of parameters.

        Raises
        ------
        ValueError
            For names, experts and columns that the model has not.
        """

    def penalties(self, places: Places) -> Iterator[Penalised]:
        """Yield parameters of which squares are penalised; by default none."""
        yield from ()

    def shares(self, places: Places) -> tuple[float, ...] | None:
        """Return the average gate probabilities that it gives the experts; by default none."""
        return None

    def absolutes(self, places: Places) -> Iterator[Penalised]:
        """Yield parameters of which absolute values are penalised, and the factor of their sum; by default none."""
        yield from ()
