"""Parameters, experts and whole models that are held at values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gmoe import table
from gmoe.constraints.base import Constraint
from gmoe.constraints.equation import Equation, held
from gmoe.constraints.places import Places, expert_of, stem
from gmoe.model import GMoE


@dataclass(frozen=True, eq=False)
class Held(Constraint):
    """Parameters held at values.

    Parameters
    ----------
    name : str
        A parameter of the summary, ``"coef[x] (0)"``; an entry over all experts, ``"coef[x]"``; or an array,
        ``"variance"``. Parameters of a gate by scores are relative to expert 0: ``"gate_coef[x] (1)"`` is the
        difference of its slope from that of expert 0.
    value : float or array-like
        One number for all, or one for each in the order of the array.
    experts : sequence of int, optional
        Only those of these experts.
    """

    name: str
    value: Any
    experts: Sequence[int] | None = None

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each parameter; what nothing moves is left out where the name stands for several."""
        names = places.matching(self.name, self.experts)
        values = np.ravel(np.asarray(self.value, dtype=float))
        if values.size not in (1, len(names)):
            raise ValueError(
                f"{self.name!r} stands for {len(names)} parameters, and {values.size} values were given to hold them; "
                "give one, or one for each."
            )
        for name, value in zip(names, np.resize(values, len(names)), strict=True):
            if len(names) == 1 or not places.still[places.index[name]]:
                yield held(places, name, float(value))


@dataclass(frozen=True, eq=False)
class EqualProportions(Constraint):
    """All experts have the same weight at every x: all parameters of the gate are 0."""

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each parameter of the gate that something moves."""
        names = [name for array in places.gate_arrays for name in places.groups.get(array, ())]
        if places.node_arrays:
            raise ValueError(
                f"EqualProportions() needs a gate of a score for each expert, and this one has "
                f"{places.node_arrays[0]}; use another gate, or hold its parameters by name."
            )
        for name in places.movable(names):
            yield held(places, name, 0.0)


@dataclass(frozen=True, eq=False)
class Columns(Constraint):
    """The columns that one expert sees: its slopes of all others are 0.

    Parameters
    ----------
    expert : int
    features : sequence of str or int
        Labels or numbers of columns of X.
    array : str, default "coef"
        Of the slopes. Those of a gate are relative to expert 0.
    """

    expert: int
    features: Sequence[Any]
    array: str = "coef"

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each slope of another column."""
        listed = [self.features] if isinstance(self.features, str) else self.features
        seen = {places.column(feature) for feature in listed}
        for name in places.matching(self.array, [self.expert]):
            if (features := places.features(name)) and features[-1] not in seen:
                yield held(places, name, 0.0)


@dataclass(frozen=True, eq=False)
class Offset(Constraint):
    """A column that is added to the mean of every expert: its slope is 1 there, and 0 in all else that sees it.

    Parameters
    ----------
    column : str or int
        Label or number of a column of X that the experts see.
    """

    column: Any

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each slope of the column."""
        label = places.column(self.column)
        slopes = [name for name in places.movable(places.names) if label in places.features(name)]
        if not any(table.kind(name) == "coef" for name in slopes):
            raise ValueError(
                f"Offset({self.column!r}) needs experts that see the column, and a column that varies; add it to "
                "expert_features."
            )
        for name in slopes:
            yield held(places, name, 1.0 if table.kind(name) == "coef" else 0.0)


@dataclass(frozen=True, eq=False)
class HeldModel(Constraint):
    """The first experts are those of a model, with its gate among them: what is left to fit are the others.

    Parameters
    ----------
    model : GMoE
        Of the same gate, experts and columns as the fit, with as many experts or fewer.
    gate : bool, default True
        Whether the gate's differences between the experts of the model are held too.
    """

    model: GMoE
    gate: bool = True

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each parameter of the model that something moves."""
        values = _entries(self.model, places)
        for name in places.movable(list(values)):
            if self.gate or table.kind(name) not in places.gate_arrays:
                yield held(places, name, values[name])


@dataclass(frozen=True, eq=False)
class HeldExpert(Constraint):
    """The density of an expert is that of an expert of a model.

    Parameters
    ----------
    expert : int
        Of the fit.
    model : GMoE
        With the same experts and columns.
    of : int, optional
        Which of its experts; that of the same number by default.
    """

    expert: int
    model: GMoE
    of: int | None = None

    def equations(self, places: Places) -> Iterator[Equation]:
        """Yield one for each parameter of its density."""
        expert, of = places.expert(self.expert), self.expert if self.of is None else self.of
        own = {name: v for name, v in _entries(self.model, places).items() if expert_of(name) == of}
        if not own:
            raise ValueError(f"There is no expert {of} in the model, which has {self.model.n_experts}.")
        for name, value in own.items():
            if table.kind(name) not in places.gate_arrays:
                yield held(places, f"{stem(name)} ({expert})", value)


def _entries(model, places):
    """Parameters of a model in canonical form by their names, which a fit must have."""
    if model.n_features > len(places.labels) or model.n_experts > places.n_experts:
        raise ValueError(
            f"The model has {model.n_experts} experts and sees columns up to {model.n_features - 1}; the fit has "
            f"{places.n_experts} experts and {len(places.labels)} columns. A fit holds models with no more."
        )
    names = table.parameter_names(model, places.labels)
    for name in names:
        if name not in places.index:
            raise ValueError(
                f"The model has {name}, which the fit has not; give the fit the same gate, experts and columns."
            )
    return dict(zip(names, table.parameter_values(model.canonical()).tolist(), strict=True))
