"""What is measured of the gate alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gmoe.study.checks import integer, option
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting


@dataclass(frozen=True)
class Temperature(Loss):
    """Absolute error of the temperature."""

    name: str = "temperature"
    kinds: ClassVar[tuple[str, ...]] = ("temperature",)

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Error of each fit."""
        for gate in (fits.setting.gate, fits.truth.gate):
            if not gate.can_anneal:
                raise ValueError(f"{gate!r} has no temperature.")
        fitted = np.array([model.parameters.temperature for model in fits.models])
        return {self.name: np.abs(fitted - fits.truth.parameters.temperature)}

    def quantity(self, setting: Setting) -> Quantity:
        """Return the temperature's."""
        return Quantity("temperature")


@dataclass(frozen=True)
class GateBoundary(Loss):
    """How far the place at which two experts have equal logits is from the true one; of two experts in one feature."""

    name: str = "gate boundary"
    kinds: ClassVar[tuple[str, ...]] = ("gate_boundary",)

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Distance of each fit."""
        true = _boundary(fits.truth)
        return {self.name: np.array([abs(_boundary(model) - true) for model in fits.models])}

    def quantity(self, setting: Setting) -> Quantity:
        """Return the boundary's."""
        return Quantity("gate boundary")


@dataclass(frozen=True)
class SmallestShare(Loss):
    """Smallest gate probability of the fitted experts, each averaged over x."""

    name: str = "smallest probability"
    kinds: ClassVar[tuple[str, ...]] = ("smallest_share",)
    points: int = option(25, integer(1))

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Share of each fit."""
        x = fits.points(self.points)
        return {self.name: np.array([model.gate_proba(x).mean(axis=0).min() for model in fits.models])}


def _boundary(model: Any) -> float:
    gate = model.parameters
    if not model.gate.has_slopes:
        raise ValueError(f"{model.gate!r} has no intercepts and slopes that would make a boundary.")
    if gate.gate_coef.shape != (2, 1):
        raise ValueError(f"gate_coef must have shape (2, 1), that of one boundary; got {gate.gate_coef.shape}.")
    return float(-np.diff(gate.gate_intercept)[0] / np.diff(gate.gate_coef[:, 0])[0])
