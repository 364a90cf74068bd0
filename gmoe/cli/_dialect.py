"""How a file writes its table: the separator, the decimal mark, and the form of its numbers."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from gmoe.cli._messages import UsageError
from gmoe.cli._records import WHITESPACE, Records

# In this order where several fit: the rarer a character is inside cells, the more it says.
SEPARATORS = ("\t", ";", "|", ",", WHITESPACE)
SAMPLE = 200  # lines that choose the separator
# A header one cell short of the rows is that of R, whose row names have no name; a full one fits better.
SHORT_HEADER = 0.9
MINUS = "\u2212"  # as typesetters write it
POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class Format:
    """What the user says about a file; what is None is found out.

    Attributes
    ----------
    separator, decimal, encoding : str or None
    thousands : str or None
        None: no number has any.
    comment : str
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str = "#"
    encoding: str | None = None


def find_separator(name: str, text: str, comment: str) -> str:
    """Return the separator that gives most rows as many cells as the header; a comma where none gives two."""
    head = _head(text)
    scores = {separator: _score(name, head, separator, comment) for separator in SEPARATORS}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > 0.0 else ","


def _head(text: str) -> str:
    end = -1
    for _ in range(SAMPLE):
        end = text.find("\n", end + 1)
        if end < 0:
            return text
    return text[: end + 1]


def _score(name, head, separator, comment) -> float:
    widths = []
    with suppress(UsageError):  # a quote that is open at the end of the head; told when all is read
        for record in Records(name, head, separator, comment):
            widths.append(len(record.cells))
    header, *rows = widths or [0]
    if header < 2:  # a fit needs two columns; dates in the only column there is would pass for two
        return 0.0
    if not rows:
        return 1.0
    counts = Counter(rows)
    return max(counts[header], SHORT_HEADER * counts[header + 1]) / len(rows)


def has_decimal_commas(cells: Iterable[str], separator: str) -> bool:
    """Whether commas in cells are decimal ones: numbers say so that cannot be thousands, and none has a point.

    Where semicolons separate, commas are decimal: that is why they do.
    """
    found, certain = False, separator == ";"
    for cell in map(str.strip, cells):
        if "." in cell and POINT.fullmatch(cell):
            return False
        if "," in cell and COMMA.fullmatch(cell):
            found, certain = True, certain or not GROUPS.fullmatch(cell)
        elif "," in cell and GROUPS.fullmatch(cell):  # several groups
            return False
    return found and certain


def number_parser(decimal: str, thousands: str | None) -> Callable[[str], float | None]:
    """Return what makes a cell a float, or None where it is no number; never more than the cell says.

    float() itself takes 2015_01, and digits of all scripts.
    """
    point = re.escape(decimal)
    whole = r"\d+"
    if thousands:
        whole = rf"(\d{{1,3}}({re.escape(thousands)}\d{{3}})+|\d+)"
    form = re.compile(rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.I)

    def parse(cell: str) -> float | None:
        if MINUS in cell:
            cell = cell.replace(MINUS, "-")
        if not form.fullmatch(cell):
            return None
        if thousands:
            cell = cell.replace(thousands, "")
        return float(cell.replace(decimal, "."))

    return parse
