"""TOML with line numbers: where a key stands in the text."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gmoe.study.errors import SpecError

Path_ = Sequence[str | int]
_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"']+)\s*=")


def read_toml(source: str | Path) -> tuple[dict[str, Any], str, str, Path | None]:
    """Read a file, or a text that holds at least one line break or "=".

    Returns
    -------
    values : dict
    text : str
    name : str
        For messages.
    folder : Path or None
        Of a file.
    """
    name, text, folder = "the study", str(source), None
    if isinstance(source, Path) or not ("\n" in source or "=" in source):
        name, folder = str(source), Path(source).resolve().parent
        try:
            text = Path(source).read_text(encoding="utf-8-sig")  # some editors put a byte order mark in front
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SpecError(f"Cannot read {name}: {reason}; give the path of a TOML file.") from error
    try:
        return tomllib.loads(text), text, name, folder
    except (ValueError, RecursionError) as error:  # of the syntax; or a number or nesting beyond Python's limits
        raise SpecError(f"{name} is not TOML: {error}.") from error


def line_of(text: str, path: Path_) -> int | None:
    """Line of the key (or table) at ``path``, else of the nearest table around it; None where there is none."""
    lines = _lines(text)
    for length in range(len(path), 0, -1):
        if (line := lines.get(tuple(path[:length]))) is not None:
            return line
    return None


def _lines(text: str) -> dict[tuple[str | int, ...], int]:
    """First line of each table and key; arrays of tables are counted."""
    found: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            names = _parts(header[2])
            if header[1] == "[[":
                counts[names] = counts.get(names, -1) + 1
                found.setdefault(names, number)
                table = (*names, counts[names])
            else:
                table = names
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            names = _parts(key[1])
            for length in range(1, len(names) + 1):
                found.setdefault((*table, *names[:length]), number)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
