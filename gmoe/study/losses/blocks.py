"""Errors of each block of parameters, by the number of fitted experts in the cell."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from gmoe.metrics import block_errors
from gmoe.study.checks import integer, option
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting

AVERAGE = ", average"
# Blocks that belong to no cell, or whose error is that of the cells' masses: the largest over all cells.
OVERALL = ("temperature", "gate_intercept")
# exp(gate_intercept) as weights would align by the heaviest expert alone.
WEIGHTS = "gate_probability"


@dataclass(frozen=True)
class Blocks(Loss):
    """Errors of every block of :func:`gmoe.metrics.block_errors`: ``coef (cell of 2)`` and the like.

    The error of a fit is the largest over its cells of that size, nan where it has none; ``coef, average (cell of 2)``
    is the same with the average over each cell's atoms by gate probability, which is what the Voronoi loss bounds: an
    atom of vanishing probability may be anywhere. The gate is known up to a translation only, which the heaviest cells
    take up: so ``gate_intercept`` is the largest over all cells, and the gate slope of a single cell is left out where
    there is no other such cell. Larger cells, which leave another one empty, have no number.

    Attributes
    ----------
    points : int, default 25
        Values of x that gate probabilities are averaged over.
    """

    name: str = "blocks"
    kinds: ClassVar[tuple[str, ...]] = ("blocks",)
    points: int = option(25, integer(1))

    def numbers(self, setting: Setting) -> dict[str, Quantity | None]:
        """Every block in cells of every size, then the averages in cells of several."""
        blocks = _blocks_of(setting.truth)
        sizes = range(1, setting.largest_cell + 1)
        found: dict[str, Quantity | None] = {}
        for block in blocks:
            if block.startswith(OVERALL):
                found[block] = Quantity(block)
            else:
                found |= {_named(block, size): Quantity(block, size) for size in sizes}
        for block in blocks:
            if not block.startswith(OVERALL):
                found |= {_named(block + AVERAGE, size): Quantity(block, size) for size in sizes if size > 1}
        return found

    def values(self, fits: Fits) -> dict[str, np.ndarray]:
        """Errors of each fit."""
        errors = block_errors(fits.models, fits.truth, weights=WEIGHTS, X=fits.points(self.points))
        n, shape = len(fits.models), (len(fits.models), fits.truth.n_experts, -1)
        size, error, average = (getattr(errors, key).reshape(shape) for key in ("cell_size", "error", "average"))
        size = size[:, :, 0]
        found = {name: np.full(n, np.nan) for name in self.numbers(fits.setting)}
        translated = fits.truth.gate.symmetry_of(fits.truth.sizes[0]).translated[1:].all()
        for b, block in enumerate(errors.block.reshape(shape)[0, 0]):
            if block.startswith(OVERALL):
                found[block] = _largest(error[:, :, b], size > 0)
                continue
            for m in range(1, fits.setting.largest_cell + 1):
                cells = size == m
                if m == 1 and block.startswith("gate_coef") and translated:
                    cells = cells & (cells.sum(axis=1, keepdims=True) > 1)
                found[_named(block, m)] = _largest(error[:, :, b], cells)
                if m > 1:
                    found[_named(block + AVERAGE, m)] = _largest(average[:, :, b], cells)
        return found


def _named(block: str, size: int) -> str:
    return f"{block} (cell of {size})"


def _largest(error: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Maximum over the true experts in ``cells``, nan where there are none, (n_fits,)."""
    largest = np.where(cells & ~np.isnan(error), error, -np.inf).max(axis=1)
    return np.where(largest > -np.inf, largest, np.nan)


@lru_cache(maxsize=32)
def _blocks_of(truth: Any) -> tuple[str, ...]:
    x = np.zeros((1, truth.n_features))
    return tuple(dict.fromkeys(block_errors(truth, truth, weights=WEIGHTS, X=x).block.tolist()))
