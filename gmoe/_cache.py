"""Where compiled code is kept: the first folder that can be written, or none."""

import functools
import os
import re
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numba

_OWN_FOLDER = re.compile(r"gmoe-[0-9a-f]{16}")


def clear_cache() -> int:
    """Delete the compiled code that any version of gmoe left in the cache.

    Returns
    -------
    int
        The number of bytes freed.
    """
    freed = 0
    for folder in own_folders():
        before = _size(folder)
        shutil.rmtree(folder, ignore_errors=True)
        freed += before - _size(folder)
    return freed


def own_folders() -> list[Path]:
    """List the folders with compiled code of any version of gmoe."""
    base = base_folder()
    try:
        entries = [] if base is None else sorted(base.iterdir())
    except OSError:
        return []
    # Exactly our form of name: NUMBA_CACHE_DIR is shared with other packages.
    return [e for e in entries if _OWN_FOLDER.fullmatch(e.name) and not e.is_symlink()]


@functools.cache
def base_folder() -> Path | None:
    """Return the first base folder that can be written, or None; warn at most once per process."""
    tried: list[str] = []
    for name, choose in _CHOICES.items():
        try:
            path = choose()
            if path is None:
                continue
            path.mkdir(parents=True, exist_ok=True)
            # Tried, not asked: for root and on read-only mounts the mode bits say nothing.
            tempfile.TemporaryFile(dir=path).close()
        except (OSError, RuntimeError, ValueError) as error:
            tried.append(f"{name}: {error}")
            continue
        # A folder that was asked for and cannot be used deserves a warning; the others do not.
        if tried and tried[0].startswith("NUMBA_CACHE_DIR"):
            _warn(f"gmoe cannot keep compiled code in {tried[0]}. It uses {path} instead.")
        return path
    _warn(f"gmoe cannot keep compiled code, so each process compiles anew: {'; '.join(tried)}.")
    return None


def _requested() -> Path | None:
    # numba merges the environment variable, its configuration file and what a program assigned.
    return Path(numba.config.CACHE_DIR).absolute() if numba.config.CACHE_DIR else None


def _of_user() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "gmoe" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gmoe"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path counts as not set, says the XDG standard.
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache") / "gmoe"


def _temporary() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    path = Path(tempfile.gettempdir()) / f"gmoe-cache-{user}"
    path.mkdir(mode=0o700, exist_ok=True)
    # The cache is pickled code, which loading runs, and anyone may have made this folder before us.
    status = path.lstat()
    if hasattr(os, "getuid") and (not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o077):
        raise PermissionError(f"{path} is a link, or open to another user")
    return path


_CHOICES: dict[str, Callable[[], Path | None]] = {
    "NUMBA_CACHE_DIR": _requested,
    "the user's cache folder": _of_user,
    "the temporary folder": _temporary,
}


def _warn(message: str) -> None:
    advice = "Set NUMBA_CACHE_DIR to a folder that can be written."
    warnings.warn(f"{message} {advice}", RuntimeWarning, stacklevel=2)


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except OSError:  # another process may be clearing too
            continue
    return total
