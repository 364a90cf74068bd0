"""Sizes of the data sets of a study."""

from collections.abc import Mapping
from typing import Any

import numpy as np

SPACINGS = ("linear", "log")


def sizes_from(values: Any) -> tuple[int, ...]:
    """Sizes of a list, or of a table with ``spacing``, ``start``, ``stop`` and ``count``."""
    if isinstance(values, Mapping):
        space = np.linspace if values["spacing"] == "linear" else np.geomspace
        values = np.rint(space(values["start"], values["stop"], values["count"])).astype(int).tolist()
    sizes = tuple(values)
    for before, after in zip(sizes, sizes[1:], strict=False):
        if after <= before:
            raise ValueError(f"sizes must be increasing, got {after} after {before}; fewer or other sizes help.")
    return sizes
