"""Shares of the experts that are given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe.constraints.base import Constraint
from gmoe.constraints.places import Places

# Difference of a sum of shares from 1 that is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Shares(Constraint):
    """The average gate probability of each expert over the data is given: quotas, or shares known from elsewhere.

    Under a gate with features it is no equation between parameters, but one of the data too: refits to other data hold
    the same shares there.

    Parameters
    ----------
    values : sequence of float, length n_experts
        Positive; they sum to 1.
    """

    values: Sequence[float]

    def __post_init__(self):
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 1 or not np.all(values > 0.0) or abs(values.sum() - 1.0) > ROUNDING:
            raise ValueError(f"Shares must be positive numbers that sum to 1, one for each expert; got {self.values}.")
        object.__setattr__(self, "values", tuple((values / values.sum()).tolist()))

    def equations(self, places: Places) -> Iterator[Any]:
        """Yield none."""
        yield from ()

    def shares(self, places: Places) -> tuple[float, ...]:
        """Return the values."""
        if len(self.values) != places.n_experts:
            raise ValueError(f"{len(self.values)} shares are given for {places.n_experts} experts; give one for each.")
        arrays = *places.gate_arrays, *places.node_arrays
        if not places.movable([name for array in arrays for name in places.groups.get(array, ())]):
            raise ValueError("Shares are given by a gate, and nothing moves this one; leave Shares out.")
        return tuple(self.values)
