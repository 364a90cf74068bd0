"""Where a description of a study comes from: checks of tables, and errors that say key and line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from gmoe._limits import excess
from gmoe.study import checks as check
from gmoe.study.describe.toml import line_of
from gmoe.study.errors import SpecError


@dataclass(frozen=True)
class Source:
    """A text with its name, and the folder of its file; knows at which line a key stands."""

    name: str
    text: str
    folder: Path | None = None

    def fail(self, path: Sequence[str | int], message: str) -> NoReturn:
        """Raise a SpecError with source, line, key and message."""
        key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in path).replace(".[", "[")
        line = line_of(self.text, path)
        where = self.name + (f", line {line}" if line else "")
        raise SpecError(f"{where}: {key + ': ' if key else ''}{message.rstrip('.')}.")

    def guard(self, path, function, *arguments):
        """Call a function; its ValueError or TypeError becomes an error at the path."""
        try:
            return function(*arguments)
        except (ValueError, TypeError, ArithmeticError) as error:
            if isinstance(error, SpecError):
                raise
            self.fail(path, str(error))

    def table(self, values, path, known) -> dict[str, Any]:
        """Check a table: known keys only, each by its check."""
        if not isinstance(values, Mapping):
            self.fail(path, f"must be a table, got {values!r}")
        result = {}
        for key, value in values.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                advice = f"did you mean {near[0]!r}? " if near else ""
                self.fail((*path, key), f"unknown key; {advice}known keys: {', '.join(known)}")
            result[key] = self.guard((*path, key), known[key], value)
            if wrong := excess(result[key], key):
                self.fail((*path, key), wrong)
        return result

    def tables(self, values, key: str) -> list[tuple[tuple[str, int], Any]]:
        """Return the tables of an array, each with its path; a single one counts as an array."""
        values = [values] if isinstance(values, Mapping) else values
        if not isinstance(values, list) or not values:
            self.fail((key,), f"must be one table [{key}] or several [[{key}]]")
        return [((key, index), value) for index, value in enumerate(values)]

    def kind(self, values, path, known, default=None) -> str:
        """Read the key that decides which others there are."""
        if not isinstance(values, Mapping):
            self.fail(path, f"must be a table, got {values!r}")
        kind = values.get("kind", default)
        if kind is None:
            self.fail(path, f"the key 'kind' is missing; one of {', '.join(known)}")
        return self.guard((*path, "kind"), check.choice(known), kind)
