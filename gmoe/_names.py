"""Names: how one of a part is entered and written with settings, and which ones an unknown one is near."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Value = TypeVar("Value")
MOST_LISTED = 20  # names in a message


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


def near(name: Any, known: Sequence[Any], have: str) -> str:
    """Say what is known, after ``have``, and which of it a name may have meant."""
    texts = [str(other) for other in known]
    close = difflib.get_close_matches(str(name), texts, n=3)
    meant = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    listed = ", ".join(map(repr, texts[:MOST_LISTED]))
    return f"{meant}{have} {listed}" + (f" and {len(texts) - MOST_LISTED} more" if len(texts) > MOST_LISTED else "")


def named(value: Any, known: Mapping[str, Value], kind: Any, argument: str, advice: str = "") -> Value:
    """Return the value of that name, or the value itself; a ValueError or TypeError says which names there are."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise TypeError(
            f"{argument} must be a name or a {kind.__name__}, got {value!r}; names: {', '.join(known)}.{advice}"
        )
    if value not in known:
        raise ValueError(f"Unknown {argument} {value!r}; {near(value, list(known), 'known are')}.")
    return known[value]
