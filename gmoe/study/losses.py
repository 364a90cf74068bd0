"""Losses of a study: distances of a fit from the truth, by name."""

from dataclasses import dataclass, field, replace

import numpy as np

from gmoe.metrics import hellinger, kl_divergence, total_variation, voronoi_loss
from gmoe.model import GMoE
from gmoe.study.design import LawOfX

VORONOI = ("exact", "over", "power")
DISTANCES = {"hellinger": hellinger, "total_variation": total_variation, "kl_divergence": kl_divergence}


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
    points: int = 100

    def value(self, fitted: GMoE, truth: GMoE, x: np.ndarray) -> tuple[float, str]:
        """Loss of one fit, and its Voronoi cells as a pattern such as "2+1" ("" for a distance).

        Parameters
        ----------
        fitted, truth : GMoE
        x : ndarray, shape (points, n_features)
            As from :meth:`points_of`.
        """
        if self.kind in DISTANCES:
            return float(DISTANCES[self.kind](fitted, truth, x)), ""
        if self.translation == "none":
            fitted = pinned_alike(fitted, truth)
        loss = voronoi_loss(
            fitted, truth, kind=self.kind, weights=self.weights, translation=self.translation, scale=self.scale,
            joint_norm=self.joint_norm, power=self.power, rbar=dict(self.rbar) or None,
            X=x if self.weights == "gate_probability" else None,
        )  # fmt: skip
        return float(loss.value), pattern(loss.cells, truth.n_experts)

    def points_of(self, law: LawOfX) -> np.ndarray:
        """Values of x over which the loss averages: drawn once for all fits, so that losses compare."""
        uniform = law if law.law != "grid" else replace(law, law="uniform")
        return uniform.draw(self.points, np.random.default_rng(0))


@dataclass(frozen=True)
class Losses:
    """All losses of a study, with the points that they average over."""

    losses: tuple[Loss, ...]
    law: LawOfX
    points: tuple[np.ndarray, ...] = field(init=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "points", tuple(loss.points_of(self.law) for loss in self.losses))

    def values(self, fitted: GMoE, truth: GMoE) -> tuple[list[float], str]:
        """Return every loss of a fit, and the cells of the first Voronoi loss."""
        pairs = [loss.value(fitted, truth, x) for loss, x in zip(self.losses, self.points, strict=True)]
        return [value for value, _ in pairs], next((cells for _, cells in pairs if cells), "")


def pinned_alike(fitted: GMoE, truth: GMoE) -> GMoE:
    """Pin the gate of a fit at the atom nearest to that which the truth pins at 0, as published code does.

    Without a translation the loss would otherwise compare with whatever translate the fit happens to be.
    """
    pinned = np.flatnonzero(~truth.parameters.gate.any(axis=1))
    if not fitted.gate.affine or not len(pinned):
        return fitted
    near = np.flatnonzero(voronoi_loss(fitted, truth, kind="exact", scale="raw").cells == pinned[0])
    return fitted.canonical(int(near[0])) if len(near) else fitted


def pattern(cells, n_true: int) -> str:
    """Count the fitted atoms by true expert, as in "2+1"."""
    return "+".join(map(str, np.bincount(np.asarray(cells), minlength=n_true)))
