"""Types of options: what argparse calls with the text given, and whose errors say what is allowed."""

import argparse
import codecs
from collections.abc import Callable
from typing import Any

from gmoe import ParameterSpace
from gmoe._limits import excess

SEPARATORS = {"tab": "\t", r"\t": "\t", "space": " ", "whitespace": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
LARGEST_SEED = 2**32 - 1


def whole(name: str, least: int) -> Callable[[str], int]:
    """Type of a whole number from ``least`` to the largest of its name."""

    def parse(text: str) -> int:
        value = _integer(text)
        if value is None or value < least:
            raise argparse.ArgumentTypeError(f"{name} must be >= {least}, got {text}; give a whole number")
        if wrong := excess(value, name):
            raise argparse.ArgumentTypeError(f"{name} {wrong}")
        return value

    return parse


def bound(name: str) -> Callable[[str], float]:
    """Type of a number that a parameter space takes as its setting ``name``."""

    def parse(text: str) -> float:
        try:
            setting: dict[str, Any] = {name: float(text)}
            return getattr(ParameterSpace(**setting), name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def jobs(text: str) -> int:
    """Type of ``--jobs``."""
    value = _integer(text)
    if not value:
        raise argparse.ArgumentTypeError(
            f"must be a whole number >= 1, or -1 for all cores (-2: all but one); got {text}"
        )
    return value


def seed(text: str) -> int:
    """Type of ``--random-state``."""
    value = _integer(text)
    if value is None or not 0 <= value <= LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {LARGEST_SEED}, got {text}")
    return value


def separator(text: str) -> str:
    """Type of ``--sep``: one character, or its name."""
    return _character(SEPARATORS.get(text, text), text, f"a name: {', '.join(SEPARATORS)}")


def thousands(text: str) -> str:
    """Type of ``--thousands``."""
    return _character("\u00a0" if text == "nbsp" else text, text, "'nbsp' (a space that does not break lines)")


def encoding(text: str) -> str:
    """Type of ``--encoding``: a codec for text that Python knows."""
    try:
        codecs.lookup(text)
        "".encode(text)  # some codecs are not for text
    except (LookupError, ValueError) as error:
        allowed = "must name a text encoding, such as utf-8, latin-1, cp1252, utf-16 or shift-jis"
        raise argparse.ArgumentTypeError(f"{allowed}; got {text!r}") from error
    return text


def _character(value: str, given: str, names: str) -> str:
    if len(value) != 1 or value in '\r\n"' or value.isalnum():
        raise argparse.ArgumentTypeError(
            f"must be one character that is no letter, digit or quote, or {names}; got {given!r}"
        )
    return value


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
