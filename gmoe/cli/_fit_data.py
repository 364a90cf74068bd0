"""What ``gmoe fit`` has read."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.design import Named


@dataclass(frozen=True, eq=False)
class Data:
    """What a fit needs.

    Attributes
    ----------
    target : str
        The response, as it is called.
    names : list of str
        Of the columns of X: a category has one for each level but the first.
    X : ndarray; DataFrame for a formula
    y : ndarray; None where a formula takes it from X
    weight : ndarray or None
    settings : dict of str to object
        Of the estimator: which columns gate and experts see.
    places : ndarray of int
        Line, or row, of the file of each row.
    unit : str
        What ``places`` counts.
    left_out : dict of str to str
        Why, by column.
    design : Named or None
        How columns of the file become columns of X; None for a formula.
    """

    target: str
    names: list[str]
    X: Any
    y: np.ndarray | None
    weight: np.ndarray | None
    settings: dict[str, Any]
    places: np.ndarray
    unit: str
    left_out: dict[str, str]
    design: Named | None = None

    def name_of(self, column: Any) -> str:
        """Return the name of a column of X, given by place or name."""
        return self.names[column] if isinstance(column, int) else str(column)

    @property
    def n_rows(self) -> int:
        """Rows that have a part in the fit: those of positive weight."""
        return len(self.places) if self.weight is None else int(np.count_nonzero(self.weight))
