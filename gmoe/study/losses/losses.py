"""Losses of a study: distances of fits from the truth, by name, taken of many fits at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from gmoe.metrics import hellinger, kl_divergence, total_variation, voronoi_loss
from gmoe.model import GMoE
from gmoe.study.data.design import LawOfX

VORONOI = ("exact", "over", "power")
DISTANCES = {"hellinger": hellinger, "total_variation": total_variation, "kl_divergence": kl_divergence}
GATE_INTERCEPTS = ("fitted", "truth")


@dataclass(frozen=True)
class Loss:
    """A loss and its options.

    Attributes
    ----------
    name : str
    kind : str
        "exact", "over", "power" (see :func:`gmoe.metrics.voronoi_loss`), "hellinger", "total_variation" or
        "kl_divergence".
    weights, translation, scale, joint_norm, power, rbar
        Of the Voronoi losses.
    gate_intercept : {"fitted", "truth"}
        "truth": before a Voronoi loss is taken, every fitted expert gets the gate intercept of the true expert whose
        cell it is in, as in the code of the top-K paper.
    points : int, default 100
        Of a distance: values of x, the same for all fits, over which it is averaged.
    """

    name: str
    kind: str = "over"
    weights: str = "exp_intercept"
    translation: str = "infimum"
    scale: str = "raw"
    joint_norm: bool | None = None
    power: float = 1.0
    rbar: tuple[tuple[int, float], ...] = ()
    gate_intercept: str = "fitted"
    points: int = 100

    def values(self, fitted: Sequence[GMoE], truth: GMoE, x: np.ndarray) -> list[tuple[float, str]]:
        """Loss of each fit, and its Voronoi cells as a pattern such as "2+1" ("" for a distance).

        Parameters
        ----------
        fitted : sequence of GMoE
            Of one protocol. What a fit gets does not depend on the others.
        truth : GMoE
        x : ndarray, shape (points, n_features)
            As from :meth:`points_of`.
        """
        if self.kind in DISTANCES:
            return [(float(DISTANCES[self.kind](model, truth, x)), "") for model in fitted]
        if self.translation == "none":
            fitted = pinned_alike(fitted, truth)
        loss = self._voronoi(fitted, truth, x)
        if self.gate_intercept == "truth":
            loss = self._voronoi(with_true_intercepts(fitted, truth, loss.cells), truth, x)
        patterns = [pattern(cells, truth.n_experts) for cells in loss.cells]
        return list(zip(loss.value.tolist(), patterns, strict=True))

    def points_of(self, law: LawOfX) -> np.ndarray:
        """Values of x over which the loss averages: drawn once for all fits, so that losses compare."""
        uniform = law if law.law != "grid" else replace(law, law="uniform")
        return uniform.draw(self.points, np.random.default_rng(0))

    def _voronoi(self, fitted, truth, x):
        return voronoi_loss(
            fitted, truth, kind=self.kind, weights=self.weights, translation=self.translation, scale=self.scale,
            joint_norm=self.joint_norm, power=self.power, rbar=dict(self.rbar) or None,
            X=x if self.weights == "gate_probability" else None,
        )  # fmt: skip


class Measured(NamedTuple):
    """Losses of a fit, nan where one failed; cells as a pattern; the error, if any."""

    losses: list[float]
    cells: str
    error: str


@dataclass(frozen=True)
class Losses:
    """All losses of a study, with the points that they average over."""

    losses: tuple[Loss, ...]
    law: LawOfX
    points: tuple[np.ndarray, ...] = field(init=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "points", tuple(loss.points_of(self.law) for loss in self.losses))

    def values(self, fitted: Sequence[GMoE], truth: GMoE) -> list[Measured]:
        """Return all losses of each fit, the cells of the first Voronoi loss, and what the first failure was."""
        table = [_values(loss, fitted, truth, x) for loss, x in zip(self.losses, self.points, strict=True)]
        found = []
        for row in zip(*table, strict=True):
            values, cells, errors = zip(*row, strict=True)
            found.append(Measured(list(values), next(filter(None, cells), ""), next(filter(None, errors), "")))
        return found


def _values(loss, fitted, truth, x) -> list[tuple[float, str, str]]:
    """Loss, cells and error of each fit, together where that works: a tenth of the time, and the same."""
    try:
        return [(value, cells, "") for value, cells in loss.values(fitted, truth, x)]
    except Exception as error:  # whatever it is belongs to one fit, and to its row
        if len(fitted) == 1:
            return [(float("nan"), "", f"loss {loss.name}: {type(error).__name__}: {error}")]
        return [_values(loss, [model], truth, x)[0] for model in fitted]


def pinned_alike(fitted: Sequence[GMoE], truth: GMoE) -> Sequence[GMoE]:
    """Pin the gate of each fit at the atom nearest to that which the truth pins at 0, as published code does.

    Without a translation the loss would otherwise compare with whatever translate the fit happens to be.
    """
    pinned = np.flatnonzero(~truth.parameters.gate.any(axis=1))
    if not fitted[0].gate.affine or not len(pinned):
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
