"""The protocol of constraints."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from gmoe.constraints.places import Places


class Constraint(ABC):
    """What a fit holds: a value that says which equations between parameters it stands for."""

    @abstractmethod
    def equations(self, places: Places) -> Iterator[Any]:
        """Yield the equations (:class:`gmoe.constraints.Equation`) in a table of parameters.

        Raises
        ------
        ValueError
            For names, experts and columns that the model has not.
        """
