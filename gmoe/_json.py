"""Results as JSON and back: numbers to the last bit, and nothing on the way in that could run code."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gmoe import __version__

# Grows by 1 where a reader of the former format would misread.
FORMAT = 1
SOURCE = "give what to_json() returned or gmoe fit --json printed"
# As JSON has no such numbers.
INFINITE = {"inf": math.inf, "-inf": -math.inf}


def dumps(content: Mapping[str, Any], **options: Any) -> str:
    """Text of a content, with the version of the format before it."""
    return json.dumps({"format": FORMAT, "gmoe_version": __version__, **content}, allow_nan=False, **options)


def loads(text: str | bytes) -> dict[str, Any]:
    """Return the content of a text.

    Raises
    ------
    ValueError
        For what is no JSON, none of this package, or of a later format.
    """
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is no JSON: {error}; {SOURCE}.") from error
    if not isinstance(found, dict) or type(found.get("format")) is not int:
        raise ValueError(f"This JSON holds no model of gmoe: it has no 'format'; {SOURCE}.")
    if not 1 <= found["format"] <= FORMAT:
        raise ValueError(
            f"This JSON was written by gmoe {found.get('gmoe_version')} in format {found['format']}, and gmoe "
            f"{__version__} reads format {FORMAT}; install the newer one."
        )
    best = found.get("best")  # of a choice among models
    return {**found, **best} if isinstance(best, dict) else found


def entry(content: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """Return an entry of a content; a ValueError where it is missing or of another type."""
    value = content.get(name)
    if name not in content or not isinstance(value, kind):
        said = "is missing" if name not in content else f"is {_short(value)}"
        raise ValueError(f"Entry {name!r} of the JSON {said}; {SOURCE}.")
    return value


def numbers(value: Any) -> Any:
    """Make JSON's types of a number, an array, or a sequence of them: nan is null, infinity a text."""
    if isinstance(value, np.ndarray) and np.shape(value.tolist()) != value.shape:  # no lists say (0, 2)
        return {"shape": list(value.shape)}
    if isinstance(value, np.ndarray | list | tuple):
        values = value.tolist() if isinstance(value, np.ndarray) else value
        return [numbers(item) for item in values] if isinstance(values, list | tuple) else numbers(values)
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return None if math.isnan(value) else str(float(value))
    return value.item() if isinstance(value, np.generic) else value


def array(value: Any, name: str) -> np.ndarray:
    """Array of floats from what :func:`numbers` made of one; a ValueError for anything else."""
    try:
        if isinstance(value, dict):
            return np.empty(value["shape"])
        return np.array(_floats(value), dtype=float)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"Entry {name!r} of the JSON is no array of numbers, but {_short(value)}; {SOURCE}."
        ) from error


def _floats(value):
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    return INFINITE[value] if isinstance(value, str) else float(value)


def _refuse(constant):
    raise ValueError(f"{constant} is no number of JSON")


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
