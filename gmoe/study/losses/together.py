"""All losses of a study at once; what fails belongs to one fit."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gmoe.study.losses.base import Fits, Loss, Quantity, Setting


class Measured(NamedTuple):
    """Numbers of a fit, nan where a loss failed; cells as a pattern; the first error, if any."""

    numbers: dict[str, float]
    cells: str
    error: str


def numbers_of(losses: Sequence[Loss], setting: Setting) -> dict[str, Quantity | None]:
    """All numbers of several losses; a ValueError where two losses give one of the same name."""
    found: dict[str, Quantity | None] = {}
    for loss in losses:
        numbers = loss.numbers(setting)
        if twice := [name for name in numbers if name in found]:
            raise ValueError(f"loss {loss.name!r} gives {twice[0]!r}, as another one does; leave one of both out")
        found |= numbers
    return found


def measured(losses: Sequence[Loss], fits: Fits) -> list[Measured]:
    """Return all numbers of each fit, the cells of the first loss that has them, and what the first failure was."""
    found = [Measured({}, "", "") for _ in fits.models]
    for loss in losses:
        found = [
            Measured(old.numbers | new.numbers, old.cells or new.cells, old.error or new.error)
            for old, new in zip(found, _one(loss, fits), strict=True)
        ]
    return found


def _one(loss: Loss, fits: Fits) -> list[Measured]:
    """Numbers of one loss, of all fits together where that works: a tenth of the time, and the same."""
    names = loss.numbers(fits.setting)
    try:
        values, cells = _checked(loss, names, fits), loss.cells(fits)
        return [
            Measured({name: float(values[name][i]) for name in names}, cells[i] if cells else "", "")
            for i in range(len(fits.models))
        ]
    except Exception as error:  # whatever it is belongs to one fit, and to its row
        if len(fits.models) == 1:
            failed = f"loss {loss.name}: {type(error).__name__}: {error}"
            return [Measured(dict.fromkeys(names, float("nan")), "", failed)]
        return [_one(loss, fits.alone(i))[0] for i in range(len(fits.models))]


def _checked(loss, names, fits) -> Mapping[str, np.ndarray]:
    """Values of the declared numbers."""
    values = loss.values(fits)
    if set(values) != set(names):
        raise ValueError(f"it gives {sorted(values)} where numbers() names {sorted(names)}")
    for name, column in values.items():
        if np.shape(column) != (len(fits.models),):
            raise ValueError(f"{name} must have one value for each of {len(fits.models)} fits, got {np.shape(column)}")
    return values
