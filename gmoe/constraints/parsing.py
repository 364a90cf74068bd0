"""Linear hypotheses in words: ``"coef[x] (0) = coef[x] (1)"``."""

import re
from collections.abc import Sequence

import numpy as np

from gmoe._names import near

_NUMBER = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?")


def linear(text: str, names: Sequence[str]) -> tuple[np.ndarray, float]:
    """Return row and right side of a hypothesis: ``row @ parameters = value``.

    Parameters
    ----------
    text : str
        Two sums with ``=`` between them, without it the sum is 0. Terms are names, numbers, or ``number * name``.
    names : sequence of str
        Names may hold blanks, brackets and signs: the longest one that fits is taken.

    Raises
    ------
    ValueError
        For what is no known name (with near ones), and for what is no sum.
    """
    row, value, side, at = np.zeros(len(names)), 0.0, 1.0, 0
    by_length = sorted(range(len(names)), key=lambda i: -len(names[i]))
    sides, sign, expects = 1, 1.0, True
    while (at := _after_blanks(text, at)) < len(text):
        if not expects and text[at] == "=" and sides == 1:
            side, sign, sides, expects, at = -1.0, 1.0, 2, True, at + 1
            continue
        if text[at] in "+-":
            sign, expects, at = (sign if expects else 1.0) * (-1.0 if text[at] == "-" else 1.0), True, at + 1
            continue
        if not expects:
            raise ValueError(f"Expected +, - or = in {text!r} before {text[at:]!r}.")
        factor, place, at = _term(text, at, names, by_length)
        if place is None:
            value -= side * sign * factor
        else:
            row[place] += side * sign * factor
        sign, expects = 1.0, False
    if expects:
        raise ValueError(f"The hypothesis {text!r} ends where a parameter or a number is expected.")
    if not row.any():
        raise ValueError(f"The hypothesis {text!r} says nothing about any parameter.")
    return row, value


def _term(text, at, names, by_length):
    """Return factor, place of the name or None, and where the term ends."""
    factor, known = 1.0, _name(text, at, names, by_length)
    if known is None and (found := _NUMBER.match(text, at)):
        factor, at = float(found.group()), _after_blanks(text, found.end())
        if text[at : at + 1] != "*":
            return factor, None, at
        at = _after_blanks(text, at + 1)
        known = _name(text, at, names, by_length)
    if known is None:
        unknown = re.split(r"\s*(?:=|[+*-]\s)", text[at:].strip())[0]
        raise ValueError(f"Unknown parameter {unknown!r}; {near(unknown, names, 'there are')}.")
    return factor, known, at + len(names[known])


def _name(text, at, names, by_length):
    return next((i for i in by_length if text.startswith(names[i], at)), None)


def _after_blanks(text, at):
    while at < len(text) and text[at].isspace():
        at += 1
    return at
