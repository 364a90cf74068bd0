"""Errors of the parameter arrays that gate and experts declare, whatever they are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy

from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.part import Array
from gmoe.study.data.arrays import declared
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting
from gmoe.table import by_expert, flat


@dataclass(frozen=True)
class Arrays(Loss):
    """Largest absolute error of each parameter array, between canonical forms.

    Experts of fit and truth are matched by the parameters of the experts, to the least sum of squares. For as many
    fitted experts as the truth has, under gates of which each expert has rows of its own.
    """

    name: str = "arrays"
    kinds: ClassVar[tuple[str, ...]] = ("arrays",)

    def numbers(self, setting: Setting) -> dict[str, Quantity | None]:
        """One number for each array."""
        return {f"{self.name}: {array.name}": None for array in _compared(setting)}

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Errors of each fit."""
        compared = _compared(fits.setting)
        true = fits.truth.canonical().parameters.arrays
        arrays = [_matched(model, fits.truth).parameters.arrays for model in fits.models]
        return {
            f"{self.name}: {array.name}": np.array([_error(each[array.name], true[array.name]) for each in arrays])
            for array in compared
        }


def _compared(setting: Setting) -> list[Array]:
    truth, parts = setting.truth, (setting.gate, setting.experts)
    arrays = declared(parts, truth.sizes)
    others = declared((truth.gate, truth.experts), truth.sizes)
    if setting.extra or arrays != others:
        raise ValueError(
            "errors of arrays compare fits that have the arrays and the number of experts of the truth; compare "
            "densities, kind = 'hellinger'"
        )
    gate = setting.gate.arrays(truth.sizes[0])
    if by_expert(gate)[:1] != [gate[0]] or setting.gate.own_parameters(truth.sizes[0]) == 0:
        raise ValueError(
            f"the experts of {setting.gate!r} have no rows of their own, by which they could change places; compare "
            "densities, kind = 'hellinger'"
        )
    return arrays


def _matched(model: GMoE, truth: GMoE) -> GMoE:
    """Canonical form of a model with its experts in the order of the truth's."""
    parts, k = (truth.gate, truth.experts), truth.n_experts
    rows, wanted = (flat(m.parameters.arrays, m.experts.arrays(m.sizes[1]), k)[0] for m in (model, truth))
    cost = np.sum((rows - wanted[:, None]) ** 2, axis=2)
    order = scipy.optimize.linear_sum_assignment(cost)[1]
    own = {array.name for array in by_expert(declared(parts, truth.sizes))}
    arrays = {name: value[order] if name in own else value for name, value in model.parameters.arrays.items()}
    columns = model.gate_columns, model.expert_columns
    return GMoE(Parameters(**arrays), model.gate, *columns, model.experts).canonical()


def _error(fitted: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(fitted - true).max(initial=0.0))
