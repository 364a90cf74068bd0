"""The table of parameters as constraints see it: names, and what may be said of each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gmoe._names import near
from gmoe.table import kind

EXPERT = re.compile(r"^(.*) \((\d+)\)$")


@dataclass(frozen=True, eq=False)
class Places:
    """Names of the parameters of a fit.

    Attributes
    ----------
    names : tuple of str
        As in the summary: ``coef[x] (0)``.
    positive, still, affine : ndarray of bool
        Which entries are positive, and stand for their logarithms in equations; which nothing moves: the reference of
        the gate, columns that are constant; and which are affine in the coordinates of the fit.
    labels : tuple of str
        Of the columns of X.
    gate_arrays : tuple of str
        Names of the arrays of the gate with a row for each expert.
    n_experts : int
    node_arrays : tuple of str
        Names of the arrays of the gate with a row for each node of a tree, or group.
    """

    names: tuple[str, ...]
    positive: np.ndarray
    still: np.ndarray
    affine: np.ndarray
    labels: tuple[str, ...]
    gate_arrays: tuple[str, ...]
    n_experts: int
    node_arrays: tuple[str, ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each name."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """All names of an array, and all of one of its entries, over the experts: of ``coef`` and of ``coef[x]``."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            for group in dict.fromkeys((kind(name), stem(name))):
                found.setdefault(group, []).append(name)
        return found

    def matching(self, name: str, experts: Iterable[int] | None = None) -> list[str]:
        """List what a name stands for: a parameter, an entry over all experts, a whole array; of some experts.

        Raises
        ------
        ValueError
            For unknown names, with near ones, and experts that there are not.
        """
        if name in self.index:
            found = [name]
        elif name in self.groups:
            found = self.groups[name]
        else:
            known = self.names if EXPERT.match(name) else list(self.groups)
            raise ValueError(f"There is no parameter {name!r} to constrain: {near(name, known, 'there are')}.")
        if experts is None:
            return found
        wanted = {self.expert(j) for j in experts}
        return [one for one in found if expert_of(one) in wanted]

    def expert(self, number: Any) -> int:
        """Return the number of an expert; a ValueError where there is none such."""
        if not isinstance(number, int | np.integer) or isinstance(number, bool) or not 0 <= number < self.n_experts:
            raise ValueError(f"There is no expert {number!r}: the fit has {self.n_experts}, counted from 0.")
        return int(number)

    def column(self, feature: Any) -> str:
        """Return the label of a column by its label or number; a ValueError with near ones where there is none."""
        if isinstance(feature, int | np.integer) and 0 <= feature < len(self.labels):
            return self.labels[feature]
        if feature not in self.labels:
            raise ValueError(f"There is no column {feature!r}: {near(feature, self.labels, 'there are')}.")
        return str(feature)

    def features(self, name: str) -> list[str]:
        """List what stands in the brackets of a name: columns, after the response where there are several."""
        _, _, left = stem(name).partition("[")
        left, found = left.removesuffix("]"), []
        while left:
            # Names of columns may hold commas, as those that a formula makes do.
            known = [label for label in self.labels if left == label or left.startswith(f"{label},")]
            found.append(max(known, key=len, default=left.partition(",")[0]))
            left = left[len(found[-1]) + 1 :]
        return found

    def movable(self, names: Sequence[str]) -> list[str]:
        """Those of some names that something moves."""
        return [name for name in names if not self.still[self.index[name]]]


def stem(name: str) -> str:
    """Return the name of an entry without its expert."""
    found = EXPERT.match(name)
    return found.group(1) if found else name


def expert_of(name: str) -> int | None:
    """Return the expert that a parameter belongs to; None for one that all share."""
    found = EXPERT.match(name)
    return int(found.group(2)) if found else None
