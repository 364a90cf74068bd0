"""What all losses have: named numbers of every fit, and what the theory calls each of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from gmoe.experts import GAUSSIAN, BaseExperts
from gmoe.gates import BaseGate
from gmoe.model import GMoE
from gmoe.study.data.laws import LawOfX, points_of


@dataclass(frozen=True)
class Quantity:
    """Quantity of :func:`gmoe.theory.predict` whose rate a number has.

    Attributes
    ----------
    name : str
        A block of parameters, "voronoi_loss", "density", ...
    cell_size : int, optional
        Fitted experts in the cell, for a block of parameters; without it what is the same for all cells.
    power : float, default 1
        The number is of the order of this power of the quantity.
    otherwise : str, optional
        The quantity where the theory says nothing of ``name``, if it has an exponent for this one.
    """

    name: str
    cell_size: int | None = None
    power: float = 1.0
    otherwise: str | None = None


@dataclass(frozen=True, eq=False)
class Setting:
    """What a protocol fits: ``n_experts`` of a family under ``gate``, to data of ``truth`` with x from ``law``."""

    protocol: str
    truth: GMoE
    gate: BaseGate
    n_experts: int
    law: LawOfX
    experts: BaseExperts = GAUSSIAN

    @property
    def extra(self) -> int:
        """Number of experts that the truth does not have."""
        return self.n_experts - self.truth.n_experts

    @property
    def largest_cell(self) -> int:
        """Most fitted experts that a cell can hold where none is empty."""
        return max(self.extra, 0) + 1


#: A fit and its log-likelihood.
End = tuple[GMoE, float]
#: Size and number of a replication: which data set.
Task = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits of one protocol.

    Attributes
    ----------
    setting : Setting
        The same for all.
    tasks : sequence of (n, replication)
        The data set of each.
    models : sequence of GMoE
    log_likelihood : ndarray
    beside : mapping
        By protocol and task, the fits of all protocols with their log-likelihoods.
    """

    setting: Setting
    tasks: Sequence[Task]
    models: Sequence[GMoE]
    log_likelihood: np.ndarray
    beside: Mapping[str, Mapping[Task, End]]
    _made: dict[Any, Any] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, setting: Setting, beside: Mapping[str, Mapping[Task, End]], tasks: Sequence[Task]) -> "Fits":
        """Take the fits of the setting's protocol to these data sets."""
        own = [beside[setting.protocol][task] for task in tasks]
        return cls(setting, tasks, [model for model, _ in own], np.array([value for _, value in own]), beside)

    @property
    def truth(self) -> GMoE:
        """The model that all data were drawn from."""
        return self.setting.truth

    def of_protocol(self, name: str) -> list[End | None]:
        """Fits of another protocol to the same data, None where there is none."""
        return [self.beside.get(name, {}).get(task) for task in self.tasks]

    def points(self, count: int) -> np.ndarray:
        """Values of x to average over, the same for all fits, shape (count, n_features)."""
        return points_of(self.setting.law, count)

    def alone(self, i: int) -> "Fits":
        """Only the i-th fit."""
        return replace(
            self, tasks=self.tasks[i : i + 1], models=self.models[i : i + 1],
            log_likelihood=self.log_likelihood[i : i + 1],
        )  # fmt: skip

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what ``make`` does, made once and kept for whoever asks with the same key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


@dataclass(frozen=True)
class Loss:
    """A loss: subclasses implement ``values``, and say by ``quantity`` which rate the theory has for it.

    A loss of several numbers implements ``numbers`` in place of ``quantity``. Options that a study may set are declared
    by :func:`gmoe.study.option`.

    Attributes
    ----------
    name : str
        Of the loss in its study; the column of a single number is ``loss:<name>``.
    kinds : tuple of str
        What a study asks for the class by, once it is registered. A class with several has a field ``kind``.
    """

    name: str
    kinds: ClassVar[tuple[str, ...]] = ()

    def values(self, fits: Fits) -> Mapping[str, np.ndarray]:
        """Numbers of each fit, by name; what a fit gets does not depend on the others."""
        raise NotImplementedError

    def numbers(self, setting: Setting) -> Mapping[str, Quantity | None]:
        """Name the numbers that fits of this setting can have, each with its quantity of the theory, if it has one."""
        return {self.name: self.quantity(setting)}

    def quantity(self, setting: Setting) -> Quantity | None:
        """Quantity of a loss with a single number."""
        return None

    def cells(self, fits: Fits) -> Sequence[str] | None:
        """Voronoi cells of each fit, as in "2+1"; None for a loss without any."""
        return None
