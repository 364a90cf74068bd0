"""Names of parts: how one is entered, and how it is written with settings."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")


def enter(names: dict[str, Any], name: str, value: Value, noun: str) -> Value:
    """Enter a value under a name; a ValueError where it is no name, or another value has it."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]*", name):
        raise ValueError(f"The name of {noun} must be letters, digits, '_' and '-', got {name!r}.")
    if _place(names.get(name, value)) != _place(value):
        raise ValueError(f"There is {noun} {name!r} already; give this one another name.")
    names[name] = value
    return value


def _place(value):
    """Where a class is defined: a module that is imported once more makes it anew."""
    return value.__module__, value.__qualname__


def with_settings(name: str, settings: Mapping[str, Any]) -> str:
    """Text of a name with settings, ``"student:df=4.0"``."""
    return f"{name}:{','.join(f'{key}={value}' for key, value in settings.items())}".removesuffix(":")
