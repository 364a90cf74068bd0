"""A file for results that is there whole or not at all, and never in the place of what is read."""

import contextlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from gmoe._files import Aside, write_whole
from gmoe.cli._bytes import STDIN
from gmoe.cli._messages import UsageError, WorkError


class OutputFile:
    """Written beside its place and then renamed.

    Parameters
    ----------
    file : str

    Raises
    ------
    UsageError
        Where nothing can be written there.
    """

    def __init__(self, file: str):
        self.file = file
        # The target of a link, not the link, is what changes: this name was given, and not found in a folder.
        self.place = Path(os.path.realpath(file))
        self.aside: Aside | None = None
        if _exists(file) and not stat.S_ISREG(os.stat(file).st_mode):
            if self.place.is_dir():
                raise UsageError(f"cannot write {file}: it is a folder; give --out the name of a file")
            return  # a device or a pipe, which a renamed file would replace
        if self.place.exists() and not os.access(self.place, os.W_OK):
            raise UsageError(f"cannot write {file}: it is write-protected; give another --out")
        try:
            self.aside = Aside(self.place)
        except OSError as error:
            raise UsageError(
                f"cannot write {file}: {error.strerror}; give --out a file in a folder that exists"
            ) from error

    def write(self, fill: Callable[[TextIO], None]) -> None:
        """Let ``fill`` write into the file, and put it in its place."""
        with _explained(self.file):
            path = self.aside.path if self.aside else Path(self.file)
            with path.open("w", newline="", encoding="utf-8") as stream:
                fill(stream)
            if self.aside:
                self.aside.put()

    def close(self) -> None:
        """Leave nothing unfinished behind."""
        if self.aside:
            self.aside.discard()


def save(file: Path, content: bytes) -> None:
    """Write a whole file in the place of what is there, or raise a WorkError."""
    with _explained(file):
        write_whole(file, content)


def save_figure(file: Path, figure: Any, dpi: int) -> None:
    """Draw a figure into a file, in the format that its name ends with."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, format=file.suffix[1:].lower())
    save(file, stream.getvalue())


@contextlib.contextmanager
def _explained(file: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkError(f"cannot write {file}: {error.strerror or error}") from error


@contextlib.contextmanager
def planned(file: str | None, source: str) -> Iterator[OutputFile | None]:
    """Make sure before the work that ``file`` can be written and is not ``source``; None for no file.

    Raises
    ------
    UsageError
        Where it cannot or is.
    """
    if file is None:
        yield None
        return
    if _same(file, source, sys.stdin):
        raise UsageError(f"--out {file} is the input {source}, which it would overwrite; give another file")
    if _same(file, STDIN, sys.stdout):
        raise UsageError(f"--out {file} is where the estimates go, which it would overwrite; give another file")
    output = OutputFile(file)
    try:
        yield output
    finally:
        output.close()


def _same(file, other, stream) -> bool:
    """Whether a path is another path, or the regular file behind a stream for ``-``."""
    try:
        there = os.stat(file)
        found = os.fstat(stream.fileno()) if other == STDIN else os.stat(other)
    except (OSError, ValueError, AttributeError):  # no such file; a stream without one
        return False
    return os.path.samestat(there, found) and stat.S_ISREG(there.st_mode)


def _exists(file) -> bool:
    try:
        os.stat(file)
    except (OSError, ValueError):
        return False
    return True
