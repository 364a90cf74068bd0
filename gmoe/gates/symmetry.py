"""What leaves all gate probabilities unchanged, as data: a gate states it, and what follows from it knows no gate."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np


@dataclass(frozen=True)
class Scale:
    """A one-parameter group: a factor c > 0 takes each parameter to itself times a power of c.

    Attributes
    ----------
    columns : tuple of float, length n_columns
        Power for each column of the experts' rows.
    shared : tuple of float, length n_shared
        Power for each shared parameter.
    logs : tuple of float, length n_shared
        Multiple of log c that is added to each shared parameter, where that is a logarithm.
    """

    columns: tuple[float, ...]
    shared: tuple[float, ...] = ()
    logs: tuple[float, ...] = ()

    def change(self, rows, shared, factor):
        """Return what a factor adds to the parameters, (n_parameters,)."""
        columns, own = (factor ** np.array(powers) - 1.0 for powers in (self.columns, self.shared))
        return np.append(rows * columns, shared * own + np.log(factor) * np.array(self.logs))

    def direction(self, rows, shared):
        """Differentiate :meth:`change` in log c at c = 1, (n_parameters,)."""
        return np.append(rows * np.array(self.columns), shared * np.array(self.shared) + np.array(self.logs))


@dataclass(frozen=True)
class Exchange:
    """A signed permutation of the parameters, which permutes the probabilities of the experts.

    Attributes
    ----------
    experts : tuple of int
        Expert j then has the probabilities that ``experts[j]`` had.
    order : tuple of int
        Parameter i is then ``sign[i]`` times what parameter ``order[i]`` was.
    sign : tuple of float
    """

    experts: tuple[int, ...]
    order: tuple[int, ...]
    sign: tuple[float, ...]

    @classmethod
    def of_rows(cls, order, n_columns, n_shared, sign=1.0, experts=None) -> "Exchange":
        """Experts' rows in another order, times a sign; the ``experts`` follow their rows if not given."""
        rows = np.add.outer(np.array(order) * n_columns, np.arange(n_columns)).ravel()
        places = (*rows.tolist(), *range(rows.size, rows.size + n_shared))
        return cls(tuple(experts or order), places, (sign,) * rows.size + (1.0,) * n_shared)

    def of(self, theta):
        """Parameters (n_parameters,) after the exchange."""
        return theta[list(self.order)] * np.array(self.sign)


def relabellings(n_experts: int, n_columns: int, n_shared: int = 0) -> tuple[Exchange, ...]:
    """Exchanges of neighbours, which make every order of experts that nothing but their rows tells apart."""
    orders = ([*range(j), j + 1, j, *range(j + 2, n_experts)] for j in range(n_experts - 1))
    return tuple(Exchange.of_rows(order, n_columns, n_shared) for order in orders)


@dataclass(frozen=True)
class Symmetry:
    """All that leaves the gate probabilities unchanged; of what is not stated nothing is assumed.

    Parameters are natural ones: the experts' rows (n_experts, n_columns), row by row, and then the shared ones.

    Attributes
    ----------
    n_experts, n_columns, n_shared : int
    translations : tuple of tuple of int
        Disjoint sets of parameters, to all of which one number may be added.
    void : tuple of int
        Parameters without any effect, in no translation.
    scale : Scale, optional
        Under which all that ranks the experts grows alike: keys, or without a selection the logits.
    hard : bool
        Whether the probabilities depend on the ranks alone, so that ``scale`` changes none.
    exchanges : tuple of Exchange
        Generators of the finite symmetries: mirror images, and relabellings of the experts.
    divided : tuple of float, optional
        Where a temperature is nothing but a scale: by which power of it natural parameters are divided, by column. All
        powers are 0 where it has no effect.
    idle : str
        Why an estimated temperature is not identified; empty where it is, or is not estimated.
    stated : bool
        False for a gate of which nothing is known.
    """

    n_experts: int
    n_columns: int
    n_shared: int = 0
    translations: tuple[tuple[int, ...], ...] = ()
    void: tuple[int, ...] = ()
    scale: Scale | None = None
    hard: bool = False
    exchanges: tuple[Exchange, ...] = ()
    divided: tuple[float, ...] | None = None
    idle: str = ""
    stated: bool = True

    def __post_init__(self):
        moved = [*chain(*self.translations), *self.void]
        if len(set(moved)) < len(moved) or not set(moved) <= set(range(self.size)):
            raise ValueError(
                f"translations {self.translations} and void {self.void} must be disjoint sets of parameters 0 to "
                f"{self.size - 1}: {self.n_experts} rows of {self.n_columns}, then {self.n_shared} shared."
            )

    @classmethod
    def of_rows(cls, n_experts, n_columns, n_shared=0, translated: Iterable[int] = (0,), scale=None) -> "Symmetry":
        """Of log-weights with rows of their own that may change places, some columns open to a common number.

        One expert has all the weight, whatever its parameters.
        """
        n, alone = n_experts * n_columns, n_experts == 1
        columns = () if alone else tuple(tuple(range(c, n, n_columns)) for c in translated)
        void = tuple(range(n + n_shared)) if alone else ()
        exchanges = relabellings(n_experts, n_columns, n_shared)
        return cls(n_experts, n_columns, n_shared, columns, void, scale, exchanges=exchanges)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n_experts * self.n_columns + self.n_shared

    @property
    def free_scale(self) -> Scale | None:
        """The scale, where it changes no probability."""
        return self.scale if self.hard else None

    @cached_property
    def n_free(self) -> int:
        """Number of identified parameters."""
        return self.size - len(self.translations) - len(self.void) - (self.free_scale is not None)

    @cached_property
    def flat(self) -> np.ndarray:
        """Orthonormal directions, the same at all points, along which no probability changes, (n_parameters, n)."""
        sets = [*map(list, self.translations), *([i] for i in self.void)]
        result = np.zeros((self.size, len(sets)))
        for column, members in enumerate(sets):
            result[members, column] = len(members) ** -0.5
        return result

    def flat_at(self, rows, shared) -> np.ndarray:
        """Orthonormal directions at a point along which no probability changes: ``flat``, and a free scale's."""
        if self.free_scale is None:
            return self.flat
        return np.linalg.qr(np.column_stack([self.flat, self.free_scale.direction(rows, shared)]))[0]

    @cached_property
    def void_rows(self) -> np.ndarray:
        """Whether entries of the experts' rows are without effect, (n_experts, n_columns) of bool."""
        n = self.n_experts * self.n_columns
        return np.isin(np.arange(n), self.void).reshape(self.n_experts, self.n_columns)

    @cached_property
    def translated(self) -> np.ndarray:
        """Whether one number may be added to a column of all rows, (n_columns,) of bool."""
        void, sets = self.void_rows, [set(members) for members in self.translations]
        places = np.arange(void.size).reshape(void.shape)
        moved = [set(places[~void[:, c], c].tolist()) for c in range(self.n_columns)]
        return np.array([not column or column in sets for column in moved], dtype=bool)

    def keeping(self, n_fixed: int) -> "Symmetry":
        """Return the same without the exchanges that move one of the last ``n_fixed`` experts."""
        last = tuple(range(self.n_experts - n_fixed, self.n_experts))
        return replace(
            self, exchanges=tuple(e for e in self.exchanges if e.experts[self.n_experts - n_fixed :] == last)
        )

    @cached_property
    def mirrors(self) -> tuple[Exchange, ...]:
        """Exchanges that keep every expert in its place."""
        return tuple(e for e in self.exchanges if e.experts == tuple(range(self.n_experts)))
