"""Laws of x: independent features, or a regular grid."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

LAWS = {"uniform": ("low", "high"), "normal": ("mean", "sd"), "grid": ("low", "high")}
_DEFAULTS = {"low": 0.0, "high": 1.0, "mean": 0.0, "sd": 1.0}


@dataclass(frozen=True)
class LawOfX:
    """Law of the features: independent uniform or normal ones, or a fixed regular grid.

    Attributes
    ----------
    law : {"uniform", "normal", "grid"}
    first, second : tuple of float, one entry per feature
        ``low`` and ``high``, or ``mean`` and ``sd``.
    """

    law: str
    first: tuple[float, ...]
    second: tuple[float, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any], n_features: int) -> "LawOfX":
        """Read the keys ``law`` and its two parameters, each a number or a list with one entry per feature."""
        law = values["law"]
        first, second = (_by_feature(values.get(key, _DEFAULTS[key]), key, n_features) for key in LAWS[law])
        names = LAWS[law]
        if law == "normal" and min(second, default=1.0) <= 0.0:
            raise ValueError(f"sd must be positive, got {list(second)}.")
        if law != "normal" and any(not 0.0 < high - low < np.inf for low, high in zip(first, second, strict=True)):
            raise ValueError(
                f"{names[0]} must be below {names[1]}, by a finite number, got {list(first)} and {list(second)}."
            )
        if law == "grid" and not n_features:
            raise ValueError("A grid needs a feature, and the truth has none; choose another law.")
        return cls(law, first, second)

    def to_dict(self) -> dict[str, Any]:
        """Return the keys that :meth:`of` reads."""
        first, second = LAWS[self.law]
        return {"law": self.law, first: list(self.first), second: list(self.second)}

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of x, shape (n, n_features); a grid draws nothing."""
        first, second = np.array(self.first), np.array(self.second)
        if self.law == "uniform":
            return rng.uniform(first, second, (n, len(first)))
        if self.law == "normal":
            return rng.normal(first, second, (n, len(first)))
        return _grid(self.first, self.second, n).copy()


@lru_cache(maxsize=16)
def points_of(law: LawOfX, count: int) -> np.ndarray:
    """Values of x over which losses average, (count, n_features): drawn once for all fits, so that losses compare.

    From the law of x; uniformly in place of a grid.
    """
    points = (replace(law, law="uniform") if law.law == "grid" else law).draw(count, np.random.default_rng(0))
    points.setflags(write=False)  # one array for all who ask
    return points


@lru_cache(maxsize=1)
def _grid(first, second, n) -> np.ndarray:
    """Points of a regular grid; kept, because all replications of a size have the same."""
    side = side_of_grid(n, len(first))
    axes = [np.linspace(low, high, side) for low, high in zip(first, second, strict=True)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def side_of_grid(n: int, n_features: int) -> int:
    """Points along each axis of a grid of ``n`` points; a ValueError names the nearest sizes where there is none."""
    side = round(n ** (1.0 / n_features))
    if side**n_features != n:
        nearest = sorted({max(side + step, 1) ** n_features for step in (-1, 0, 1)})
        raise ValueError(f"A grid in {n_features} dimensions has {', '.join(map(str, nearest))}, ... points, not {n}.")
    return side


def _by_feature(value, name, n_features):
    numbers = tuple(float(v) for v in (value if isinstance(value, list | tuple) else [value] * n_features))
    if len(numbers) != n_features or not np.all(np.isfinite(numbers)):
        raise ValueError(f"{name} must be a finite number, or {n_features} of them, one per feature; got {value}.")
    return numbers
