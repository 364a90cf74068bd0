"""Files that are there whole or not at all."""

import contextlib
import os
import shutil
import stat
import uuid
from pathlib import Path

SUFFIX = ".tmp"
_unfinished: set[Path] = set()


class Aside:
    """A new file beside its place, which takes that name when it is put there.

    A link of that name is replaced, not followed, so that nobody's link in a shared folder chooses what is overwritten.

    Raises
    ------
    OSError
        Where it cannot be made, or put; what was at its place is then still there.
    """

    def __init__(self, place: Path):
        self.place = place
        self.path = place.with_name(f".{place.name[:80]}.{uuid.uuid4().hex[:12]}{SUFFIX}")
        with open(self.path, "xb"):
            _unfinished.add(self.path)

    def put(self) -> None:
        """Flush the file to the disk, and rename it."""
        _flush(self.path)
        if self.place.is_file() and not self.place.is_symlink():
            shutil.copymode(self.place, self.path)
        os.replace(self.path, self.place)
        _unfinished.discard(self.path)
        _flush(self.place.parent)

    def discard(self) -> None:
        """Remove the file, unless it was put in its place."""
        _remove(self.path)


def write_whole(place: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk, and rename it; a device or pipe is written to as it is.

    Raises
    ------
    OSError
    """
    if is_special(place):
        place.write_bytes(content)
        return
    aside = Aside(place)
    try:
        with open(aside.path, "wb") as file:
            file.write(content)
        aside.put()
    finally:
        aside.discard()


def is_special(place: Path) -> bool:
    """Whether there is something that a file would replace: a device or a pipe."""
    try:
        mode = os.stat(place).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def discard_unfinished() -> None:
    """Remove what is half written, before a process that ends at once."""
    for aside in list(_unfinished):
        _remove(aside)


def _remove(aside: Path) -> None:
    with contextlib.suppress(OSError):  # where it could not be made, it can not always be looked for
        aside.unlink(missing_ok=True)
    _unfinished.discard(aside)


def _flush(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # not every system opens folders
        return
    try:
        os.fsync(handle)
    except OSError:
        if path.is_file():  # nor flushes them
            raise
    finally:
        os.close(handle)
