"""Fits of one data set by many models: searches for several numbers of experts, and climbs from a neighbour's end."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gmoe.estimator.training import Training
from gmoe.gates import BaseGate
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.fit import fit, fit_path
from gmoe.solvers.search.rounds import BATCH


class Columns(NamedTuple):
    """Columns of the design's matrix that gate and experts see."""

    gate: Any
    experts: Any

    @property
    def size(self) -> int:
        """Number of columns, of both."""
        return len(self.gate) + len(self.experts)


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits of one gate and choice of columns.

    Attributes
    ----------
    gate : BaseGate
    columns : Columns
    results : list of FitResult
    again : callable
        (rows) -> list of FitResult: the same models, fitted to some rows alone.
    data : Training
    """

    gate: BaseGate
    columns: Columns
    results: list[FitResult]
    again: Callable[[np.ndarray], list[FitResult]]
    data: Training


@dataclass(frozen=True, eq=False)
class Fitter:
    """Fits models to one data set.

    Attributes
    ----------
    data : Training
        With all columns that may be chosen.
    settings : dict
        Of :func:`gmoe.solvers.fit.fit_path`, without those of the model.
    """

    data: Training
    settings: dict[str, Any]

    @property
    def all_columns(self) -> Columns:
        """All columns that gate and experts may see."""
        return Columns(*(frozenset(part.tolist()) for part in _parts(self.data.design)))

    @property
    def units(self) -> Columns:
        """For gate and experts, the sets of columns that come from one column of X: they go and come together."""
        return Columns(*([frozenset(columns) for columns in part.values()] for part in self.data.design.units))

    def hasty(self) -> "Fitter":
        """Return the same with searches of one round."""
        return replace(self, settings=self.settings | {"n_init": min(self.settings["n_init"], BATCH)})

    def allows(self, gate: BaseGate, columns: Columns, n_experts: int) -> None:
        """Raise a ValueError where gate or experts do not suit so many experts and columns."""
        gate_columns, expert_columns = self._places(columns)
        self.data.design.check_choice(*columns)
        gate.check(n_experts, len(gate_columns))
        self.settings["experts"].check(n_experts, len(expert_columns), self.data.n_outputs)

    def path(self, gate: BaseGate, columns: Columns, numbers: Sequence[int], also: Sequence[Parameters] = ()) -> Fits:
        """Search for several numbers of experts, also from given parameters of any of them."""

        def search(data, also=()):
            return fit_path(*data, gate=gate, numbers=numbers, also=also, **self._described(columns))

        return Fits(gate, columns, search(self._rows(), also), lambda rows: search(self._rows(rows)), self.data)

    def from_neighbour(self, gate: BaseGate, result: FitResult, all_columns: Iterable[Columns]) -> list[Fits]:
        """Climb from the responsibilities of a fit, with other columns: one start in place of a search."""
        posterior = result.model.responsibilities(self.data.X, self.data.y)
        return self.climb(gate, [(posterior, columns) for columns in all_columns])

    def climb(self, gate: BaseGate, starts: Sequence[tuple[np.ndarray, Columns]]) -> list[Fits]:
        """Climb from responsibilities (n, k), each with its columns."""
        alone = replace(self, settings=self.settings | {"n_jobs": 1})
        with ThreadPoolExecutor(self.settings["n_jobs"]) as executor:
            return list(executor.map(lambda start: alone._from(gate, *start), starts))

    def log_likelihood(self, model: GMoE) -> float:
        """Weighted sum of a model's log-densities."""
        density = model.log_density(self.data.X, self.data.y)
        return float(density.sum() if self.data.weight is None else self.data.weight @ density)

    def _from(self, gate, posterior, columns) -> Fits:
        settings = self._described(columns) | {"n_experts": posterior.shape[1], "gate": gate}

        def climb(rows=slice(None)):
            return [fit(*self._rows(rows), **settings | {"init": posterior[rows]})]

        return Fits(gate, columns, climb(), climb, self.data)

    def _described(self, columns):
        gate_columns, expert_columns = self._places(columns)
        names = self.data.design.names
        chosen = {"gate_columns": gate_columns, "expert_columns": expert_columns, "column_names": names}
        return self.settings | chosen

    def _places(self, columns):
        """Columns as arrays, in the order of the design."""
        parts = zip(_parts(self.data.design), columns, strict=True)
        return [np.array([j for j in part if j in chosen], dtype=np.intp) for part, chosen in parts]

    def _rows(self, rows=slice(None)):
        data = self.data
        return data.X[rows], data.y[rows], None if data.weight is None else data.weight[rows]


def _parts(design):
    return design.gate, design.experts
