"""What all protocols have.  Each is an immutable value with a method ``fit``."""

from dataclasses import MISSING, dataclass

import numpy as np

from gmoe.experts import as_experts
from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.study.checks import integer, option, text


@dataclass(frozen=True, eq=False)
class Data:
    """One data set and the model that it was drawn from."""

    X: np.ndarray
    y: np.ndarray
    truth: GMoE


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a protocol hands back; the fields are those of :class:`gmoe.FitResult`."""

    model: GMoE
    log_likelihood: float
    gradient: float
    status: str
    certified: bool
    n_starts: int
    n_agreeing: int
    n_iter: int


@dataclass(frozen=True)
class Protocol:
    """What all protocols have: a name, the number of fitted experts, and gate and experts, by default the truth's."""

    name: str
    n_experts: int = option(MISSING, integer(1))
    gate: str | None = option(None, text)
    experts: str | None = option(None, text)

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Fit one data set; starts come from ``rng``."""
        raise NotImplementedError

    def check(self, truth: GMoE) -> None:
        """Raise a ValueError where the protocol cannot fit data of this truth."""

    def gate_for(self, truth: GMoE):
        """Return the gate to fit."""
        return truth.gate if self.gate is None else as_gate(self.gate)

    def experts_for(self, truth: GMoE):
        """Return the family of experts to fit."""
        return truth.experts if self.experts is None else as_experts(self.experts)
