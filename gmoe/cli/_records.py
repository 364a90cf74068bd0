"""Records of a text with separators, each with its line; what is a comment and where a quote was left open."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gmoe.cli._messages import UsageError

WHITESPACE = " "


class Record(NamedTuple):
    """Cells that belong together, and the line of the file in which they begin."""

    line: int
    cells: list[str]


class Records:
    """Iterate over the records of a text.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    text : str
    separator : str
        WHITESPACE is any run of spaces and tabs.
    comment : str
        Lines that begin with it are left out; none if empty.

    Attributes
    ----------
    comments : list of (int, str)
        The lines left out so far.
    """

    def __init__(self, name: str, text: str, separator: str, comment: str):
        self.name, self.separator, self.comment = name, separator, comment
        self.comments: list[tuple[int, str]] = []
        self._stream = io.StringIO(text, newline=None)  # all ends of lines there are, and no more: not splitlines
        self._number = 0
        self._width = 0  # of the first record
        self._chunk: list[str] = []  # lines of the record that is being read

    def __iter__(self) -> Iterator[Record]:
        reader = self._reader(self._lines())
        try:
            for cells in reader:
                if len(self._chunk) > 1:
                    self._check_quotes(cells)
                line = self._number - len(self._chunk) + 1
                self._chunk.clear()
                if any(map(str.strip, cells)):  # a line of separators only is as empty as an empty one
                    self._width = self._width or len(cells)
                    yield Record(line, cells)
        except csv.Error as error:
            if len(self._chunk) > 1:
                raise self._left_open() from error
            raise UsageError(f"{self.name}, line {self._number}: {error}; is it a table of text?") from error

    def _reader(self, lines: Iterable[str], strict: bool = False):
        return csv.reader(lines, delimiter=self.separator, skipinitialspace=True, strict=strict)

    def _lines(self) -> Iterator[str]:
        for line in self._stream:
            self._number += 1
            if not self._chunk:
                if line.isspace():
                    continue
                if self.comment and line.lstrip(" ").startswith(self.comment):
                    self.comments.append((self._number, line))
                    continue
            self._chunk.append(line)
            yield line.strip().replace("\t", " ") + "\n" if self.separator == WHITESPACE else line
        if self._chunk:  # the reader asks for more inside a record
            raise self._left_open()

    def _check_quotes(self, cells: list[str]) -> None:
        """Raise where a record of several lines is more than one: it was a quote left open that joined them.

        Then the quote that closes it stands in the middle of a cell, or a line below is a row of its own: it has as
        many cells, and numbers where they are in the whole.
        """
        try:
            next(self._reader(self._chunk, strict=True))
        except csv.Error as error:
            raise self._left_open() from error
        numbers = [j for j, cell in enumerate(cells[: self._width]) if _begins_a_number(cell)]
        for line in self._chunk[1:]:
            alone: list[str] = next(self._reader([line]), [])
            if len(alone) != self._width or '"' in alone[0]:  # the end of a first cell of several lines
                continue
            if numbers and all(_begins_a_number(alone[j]) for j in numbers):
                raise self._left_open()

    def _left_open(self) -> UsageError:
        first = self._number - len(self._chunk) + 1
        opened = next((i for i, line in enumerate(self._chunk) if line.count('"') % 2), 0)
        cell = self._chunk[opened].rpartition('"')[2].strip()[:20]
        return UsageError(
            f"{self.name}, line {first + opened}: the quote before {cell!r} is not closed before other rows begin; "
            'close it, or write "" for a quote inside a cell'
        )


def _begins_a_number(cell: str) -> bool:
    return cell.strip().lstrip("+-")[:1].isdigit()
