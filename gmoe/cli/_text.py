"""Tables written as text: CSV and its relatives."""

import re
from typing import NamedTuple

import numpy as np

from gmoe.cli._bytes import decode
from gmoe.cli._dialect import COMMA, GROUPS, Format, find_separator, has_decimal_commas, number_parser
from gmoe.cli._messages import UsageError
from gmoe.cli._records import Record, Records
from gmoe.cli._table import Column, Kind, Table, check_names, kind_of

MISSING = {"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", ".", "?", "-"}
TRUTHS = {"true": 1.0, "false": 0.0}
SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)  # how Excel is told of the separator
COMMA_GROUPS = re.compile(rf"{GROUPS.pattern}(\.\d+)?", re.ASCII)
POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)


class _Rows(NamedTuple):
    names: list[str]
    cells: list[list[str]]
    lines: list[int]


def read_text(name: str, data: bytes, form: Format, notes: list[str]) -> Table:
    """Read a table of text, in the form given or found; what was found and is not plain is noted.

    Raises
    ------
    UsageError
        For a text that is not a table with a header.
    """
    text = decode(name, data, form.encoding, notes)
    told = SEP_LINE.match(text)
    if told:
        text = "\n" + text[told.end() :]  # an empty line in its place keeps the numbers of the others
    separator = form.separator or (told[1] if told else find_separator(name, text, form.comment))
    header, cells, lines = _read(name, text, separator, form.comment, notes)
    positions = {column: j for j, column in enumerate(header) if column}
    check_names(name, [column for column in header if column])
    decimal = form.decimal
    if decimal is None:
        commas = has_decimal_commas((cell for row in cells for cell in row if "," in cell or "." in cell), separator)
        decimal = "," if commas else "."
        if commas:
            notes.append(f"commas in the numbers of {name} are read as decimal commas; if they are not: --decimal .")
    if decimal == form.thousands:
        raise UsageError(
            f"--thousands and the decimal mark are both {decimal!r}; give another --thousands or --decimal"
        )
    parse = number_parser(decimal, form.thousands)

    def make(column: str) -> Column:
        return _column(column, [row[positions[column]].strip() for row in cells], parse)

    unnamed = [f"column {j + 1}" for j, column in enumerate(header) if not column]
    return Table(name, list(positions), make, lines, unnamed=unnamed, hint=_hint(header))


def _hint(header) -> str:
    """Say what may be wrong with a header that lacks a name that was asked for."""
    if not any(map(str.isalpha, "".join(header))):
        return "its first line must hold the names of the columns"
    if len([column for column in header if column]) == 1:
        return (
            "if other characters separate the cells: --sep; remove lines above the names, or name their mark: --comment"
        )
    return ""


def _read(name, text, separator, comment, notes) -> _Rows:
    reader = Records(name, text, separator, comment)
    records = list(reader)
    comments = reader.comments
    if records and comments and _is_commented_header(comments[-1], records[0], separator, comment, name):
        line, header = comments.pop()
        names = _cells(header.lstrip(f" {comment}"), separator, name)
        notes.append(f"line {line} of {name} is taken as the header")
        records.insert(0, Record(line, names))
    if comments:
        notes.append(
            f"lines of {name} that begin with {comment!r} are left out ({len(comments)}, the first is line "
            f"{comments[0][0]}); if they are data: --comment ''"
        )
    if len(records) < 2:
        raise UsageError(f"{name} has no data; expected a line with column names, then one line per observation")
    first, *body = records
    names = [cell.strip() for cell in first.cells]
    names = _completed(names, body, name, separator)
    return _Rows(names, [record.cells for record in body], [record.line for record in body])


def _is_commented_header(comment_line, record, separator, comment, name) -> bool:
    """Whether the line before the data, a comment, names its columns: there are only numbers below it."""
    line, text = comment_line
    parse = number_parser(".", None)
    if line > record.line or any(parse(cell.strip().replace(",", ".")) is None for cell in record.cells):
        return False
    return len(_cells(text.lstrip(f" {comment}"), separator, name)) == len(record.cells)


def _cells(line, separator, name) -> list[str]:
    return next((record.cells for record in Records(name, line, separator, "")), [])


def _completed(names, body, name, separator) -> list[str]:
    """Names of all columns, empty for those that the header does not name."""
    extra = all(len(record.cells) == len(names) + 1 for record in body)
    if extra and not any(record.cells[-1].strip() for record in body):
        return [*names, ""]
    if extra and len({record.cells[0] for record in body}) == len(body):  # row names, as R writes them
        return ["", *names]
    for record in body:
        if len(record.cells) != len(names):
            mark = {"\t": "a tab", " ": "space"}.get(separator, repr(separator))
            raise UsageError(
                f"{name}, line {record.line}: {len(record.cells)} cells, expected {len(names)} as in the header; "
                f"mend the line, or say what separates the cells, which was taken to be {mark}: --sep, --decimal"
            )
    return names


def _column(name: str, cells: list[str], parse) -> Column:
    missing = np.array([cell.lower() in MISSING for cell in cells], dtype=bool)
    parsed = [None if gone else parse(cell) for cell, gone in zip(cells, missing, strict=True)]
    likely = sum(number is not None for number in parsed)
    numbers = np.array([np.nan if number is None else number for number in parsed])
    kind = kind_of(missing, likely)
    if kind is Kind.TEXT:
        present = [cell.lower() for cell, gone in zip(cells, missing, strict=True) if not gone]
        if all(cell in TRUTHS for cell in present):
            kind, numbers = Kind.TRUTHS, np.array([TRUTHS.get(cell.lower(), np.nan) for cell in cells])
        return Column(name, kind, numbers, missing, cells, _remedy(present))
    return Column(name, kind, numbers, missing, cells)


def _remedy(cells: list[str]) -> str:
    """Say what makes numbers of cells that are none as they stand; empty where nothing does."""
    if all(map(COMMA_GROUPS.fullmatch, cells)):
        return "if its commas group digits: --thousands ,; if they are decimal: --decimal ,"
    if all(map(POINT_GROUPS.fullmatch, cells)):
        return "if its points group digits: --decimal , --thousands ."
    return "if its commas are decimal: --decimal ," if all(map(COMMA.fullmatch, cells)) else ""
