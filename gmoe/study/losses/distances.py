"""Distances of the densities."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gmoe.metrics import hellinger, kl_divergence, total_variation
from gmoe.study.checks import integer, option
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting

DISTANCES = {"hellinger": hellinger, "total_variation": total_variation, "kl_divergence": kl_divergence}
# What is of the order of the square of a distance.
POWERS = {"kl_divergence": 2.0}


# Responses drawn at each x, of several columns.
DRAWS = 1000


@dataclass(frozen=True)
class Distance(Loss):
    """Distance of the fitted density from the true one, averaged over x.

    Attributes
    ----------
    kind : {"hellinger", "total_variation", "kl_divergence"}
    points : int, default 100
        Values of x, drawn once from its law, uniformly for a grid.

    Notes
    -----
    By quadrature; of several responses by Monte Carlo, of the same draws for all fits.
    """

    kinds: ClassVar[tuple[str, ...]] = tuple(DISTANCES)
    kind: str = "hellinger"
    points: int = option(100, integer(1))

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Distance of each fit."""
        distance, x = DISTANCES[self.kind], fits.points(self.points)
        return {self.name: np.array([float(distance(m, fits.truth, x, **_method(fits.truth))) for m in fits.models])}

    def quantity(self, setting: Setting) -> Quantity:
        """Return the density's."""
        return Quantity("density", power=POWERS.get(self.kind, 1.0))


def _method(truth) -> dict[str, Any]:
    """Quadrature is for one response."""
    if truth.n_outputs == 1:
        return {}
    return {"method": "monte_carlo", "n_draws": DRAWS, "rng": np.random.default_rng(0)}
