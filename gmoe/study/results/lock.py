"""One run on a folder at a time; shards of one study may share it."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gmoe.study.errors import FolderInUseError, StoreError

try:
    import fcntl
except ImportError:  # no such locks on this system: two runs then do some work twice, and no harm
    LOCKS = False
else:
    LOCKS = True


@contextmanager
def locked(folder: Path, shard: tuple[int, int] | None) -> Iterator[None]:
    """Hold the folder against other runs, or with other shards against runs of the whole study.

    The system releases the lock when the process ends, however it ends.

    Raises
    ------
    FolderInUseError
    """
    with ExitStack() as stack:
        stack.enter_context(_held(folder / ".lock", shared=shard is not None))
        if shard is not None:
            stack.enter_context(_held(folder / f".lock-{shard[0]}-of-{shard[1]}", shared=False))
        yield


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for the file's lock and hold it; for a moment of work that several runs on a folder may do."""
    if not LOCKS:
        yield
        return
    handle = _opened(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise StoreError(
            f"Cannot write in {path.parent}: {error.strerror}; choose a folder that can be written."
        ) from error


@contextmanager
def _held(path: Path, shared: bool) -> Iterator[None]:
    if not LOCKS:
        yield
        return
    handle = _opened(path)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another run"
            raise FolderInUseError(
                f"{path.parent} is in use by {owner}; wait for it to end, stop it, or give another folder."
            ) from None
        except OSError:
            pass  # a file system without locks
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        except OSError:
            pass  # a full disk: the name is a courtesy, the lock holds without it
        yield
    finally:
        os.close(handle)
