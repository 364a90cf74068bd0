"""Voronoi losses, as the theory and as published code take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from gmoe.metrics import voronoi_loss
from gmoe.model import GMoE
from gmoe.study.checks import boolean, choice, integer, option, positive
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting


def rbar(value: Any) -> tuple[tuple[int, float], ...]:
    """Accept the exponents of large cells."""
    if not isinstance(value, Mapping) or not all(str(size).isdecimal() for size in value):
        raise ValueError(f"must be a table such as {{4 = 8.0}}, got {value!r}")
    return tuple((int(size), positive(power)) for size, power in value.items())


@dataclass(frozen=True)
class Voronoi(Loss):
    """Voronoi loss: see :func:`gmoe.metrics.voronoi_loss` for its options.

    Attributes
    ----------
    kind : {"over", "exact", "power"}
    weights, translation, scale, joint_norm, power, rbar
        As there; ``scale`` is "raw" unless given, as a study states the scale of its claim.
    gate_intercept : {"fitted", "truth"}
        "truth": before the loss is taken, every fitted expert gets the gate intercept of the true expert whose cell it
        is in, as in the code of the top-K paper.
    points : int, default 100
        Values of x that gate probabilities are averaged over.
    """

    kinds: ClassVar[tuple[str, ...]] = ("exact", "over", "power")
    kind: str = "over"
    weights: str = option("exp_intercept", choice(("exp_intercept", "gate_probability")))
    translation: str = option("infimum", choice(("infimum", "none")))
    scale: str = option("raw", choice(("raw", "free")))
    joint_norm: bool | None = option(None, boolean)
    power: float = option(1.0, positive, kinds=("power",))
    rbar: tuple[tuple[int, float], ...] = option((), rbar, kinds=("over",))
    gate_intercept: str = option("fitted", choice(("fitted", "truth")))
    points: int = option(100, integer(1))

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Loss of each fit."""
        return {self.name: self._loss(fits).value}

    def cells(self, fits: Fits) -> list[str]:
        """Cells of each fit."""
        return [pattern(cells, fits.truth.n_experts) for cells in self._loss(fits).cells]

    def quantity(self, setting: Setting) -> Quantity | None:
        """Return the loss of the theory, where it is one: cells of several atoms need powers and a translation."""
        over = setting.extra > 0
        if self.kind == "power" or (over and (self.kind == "exact" or self.translation == "none")):
            return None
        if self.scale == "free":
            return Quantity("voronoi_loss (free)", otherwise="voronoi_loss")
        return Quantity("voronoi_loss")

    def _loss(self, fits: Fits) -> Any:
        return fits.once(self, lambda: self._taken(fits.models, fits.truth, fits.points(self.points)))

    def _taken(self, fitted, truth, x):
        if self.translation == "none":
            fitted = pinned_alike(fitted, truth)
        loss = self._voronoi(fitted, truth, x)
        if self.gate_intercept == "truth":
            loss = self._voronoi(with_true_intercepts(fitted, truth, loss.cells), truth, x)
        return loss

    def _voronoi(self, fitted, truth, x):
        return voronoi_loss(
            fitted, truth, kind=self.kind, weights=self.weights, translation=self.translation, scale=self.scale,
            joint_norm=self.joint_norm, power=self.power, rbar=dict(self.rbar) or None,
            X=x if self.weights == "gate_probability" else None,
        )  # fmt: skip


def pinned_alike(fitted: Sequence[GMoE], truth: GMoE) -> Sequence[GMoE]:
    """Pin the gate of each fit at the atom nearest to that which the truth pins at 0, as published code does.

    Without a translation the loss would otherwise compare with whatever translate the fit happens to be.
    """
    rows = truth.parameters.gate
    pinned = np.flatnonzero(~rows.any(axis=1))
    if not fitted[0].gate.symmetry_of(fitted[0].sizes[0]).translated.all() or not len(pinned):
        return fitted
    near = voronoi_loss(fitted, truth, kind="exact", scale="raw").cells == pinned[0]
    return [model.canonical(int(row.argmax())) if row.any() else model for model, row in zip(fitted, near, strict=True)]


def with_true_intercepts(fitted: Sequence[GMoE], truth: GMoE, cells: np.ndarray) -> list[GMoE]:
    """Give each fitted expert the gate intercept of the true expert in whose cell it is."""
    intercepts = truth.parameters.gate_intercept[cells]
    return [
        replace(model, parameters=replace(model.parameters, gate_intercept=intercept))
        for model, intercept in zip(fitted, intercepts, strict=True)
    ]


def pattern(cells, n_true: int) -> str:
    """Count the fitted atoms by true expert, as in "2+1"."""
    return "+".join(map(str, np.bincount(np.asarray(cells), minlength=n_true).tolist()))
