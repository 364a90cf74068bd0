"""Files that are there whole or not at all."""

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".tmp"
_unfinished: set[Path] = set()


@contextlib.contextmanager
def beside(place: Path) -> Iterator[Path]:
    """Give a new file beside ``place``, which takes its name where the block ends well, and is removed otherwise.

    A link of that name is replaced, not followed, so that nobody's link in a shared folder chooses what is overwritten.

    Raises
    ------
    OSError
        Where it cannot be made, flushed or renamed; what was at ``place`` is then still there.
    """
    aside = place.with_name(f".{place.name[:80]}.{uuid.uuid4().hex[:12]}{SUFFIX}")
    _unfinished.add(aside)
    try:
        with open(aside, "xb"):
            pass
        yield aside
        _flush(aside)
        if place.is_file() and not place.is_symlink():
            shutil.copymode(place, aside)
        os.replace(aside, place)
        _flush(place.parent)
    finally:
        _remove(aside)


def write_whole(place: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk, and rename it; a device or pipe is written to as it is.

    Raises
    ------
    OSError
    """
    if is_special(place):
        place.write_bytes(content)
        return
    with beside(place) as aside, open(aside, "wb") as file:
        file.write(content)


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
