"""Checks of one value of a study; each returns the value as it is kept, or raises with what was expected."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import Field, field, fields
from typing import Any


def integer(minimum: int, maximum: int | None = None) -> Callable[[Any], int]:
    """Accept integers of at least ``minimum`` and, if it is given, at most ``maximum``."""

    def check(value):
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise ValueError(f"must be an integer >= {minimum}, got {value!r}")
        if maximum is not None and value > maximum:
            raise ValueError(f"must be an integer <= {maximum}, got {value!r}")
        return value

    return check


def number(value: Any) -> float:
    """Accept a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be a finite number, got {value!r}")
    return float(value)


def positive(value: Any) -> float:
    """Accept a positive number."""
    if number(value) <= 0.0:
        raise ValueError(f"must be positive, got {value!r}")
    return float(value)


def choice(names: Sequence[str]) -> Callable[[Any], str]:
    """Accept one of the names."""

    def check(value):
        if value not in names:
            raise ValueError(f"must be one of {', '.join(map(repr, names))}, got {value!r}")
        return value

    return check


def boolean(value: Any) -> bool:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, got {value!r}")
    return value


def label(value: Any) -> str:
    """Accept a name that can stand in file names, columns and options."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]*", value):
        raise ValueError(f"must be a name of letters, digits, '_', '-' and '.', got {value!r}")
    return value


def text(value: Any) -> str:
    """Accept a string."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, got {value!r}")
    return value


def numbers(value: Any) -> Any:
    """Accept a number, or a list of numbers or of such lists."""
    return [numbers(item) for item in value] if isinstance(value, list) else number(value)


def features(value: Any) -> tuple[int, ...]:
    """Accept a list of different columns of x, counted from 0."""
    if not isinstance(value, list) or len(set(map(str, value))) < len(value):
        raise ValueError(f"must be a list of different columns of x, counted from 0, got {value!r}")
    return tuple(integer(0)(column) for column in value)


def option(default: Any, check: Callable[[Any], Any], kinds: Sequence[str] | None = None) -> Any:
    """Field of a protocol or loss that a study may set: declared once, with its default and its check.

    Parameters
    ----------
    default : object
    check : callable
        Returns the value as it is kept, or raises a ValueError that says what was expected.
    kinds : sequence of str, optional
        Kinds of the class that the option makes a difference to; all by default.
    """
    return field(default=default, metadata={"check": check, "kinds": kinds})


def options_of(cls: type) -> dict[str, Field]:
    """Fields of a class that were declared by :func:`option`, by name."""
    return {each.name: each for each in fields(cls) if "check" in each.metadata}
