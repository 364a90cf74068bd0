"""Compilation: the only file that knows numba's options and its cache.

Three decorators, each compiling at the first call with given argument types:

``kernel``
    for loops and reductions: contract, nsz, arcp, and reassoc, by which sums vectorise;
``elementary``
    for exp and log: without reassoc, which would remove their rounding steps;
``strict``
    for compensated arithmetic, where the order of the operations is the algorithm: none.

``nnan`` and ``ninf`` are never set: with them a test for an infinite logit is compiled away.

numba's own cache on disk ends the program at a truncated file or a read-only home, does not see an
edited helper in another file, and under a race can return the code of other argument types. Here
every compiled signature is one file with a checksum, named by all that it was made from, and no
trouble with a file is ever more than a compilation.
"""

import hashlib
import os
import pickle
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import sigutils
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from gmoe._cache import base_folder, clear_cache

__all__ = ["cache_folder", "clear_cache", "elementary", "inlined", "kernel", "strict"]


_ROUNDING_FLAGS = {"contract", "nsz", "arcp"}
_DIGEST_SIZE = hashlib.sha256().digest_size


def kernel(func: Callable[..., Any]) -> Any:
    """Compile a loop or a reduction, whose sums may be reordered so that they vectorise."""
    return _compile(func, _ROUNDING_FLAGS | {"reassoc"})


def inlined(func: Callable[..., Any]) -> Any:
    """Compile a reduction that other kernels call, as a part of each of them.

    A function that is called stays in memory as several copies, each optimised beside its caller, and which of them a
    call reaches depends on what the process has compiled and what it has loaded: last digits would, too.
    """
    return _compile(func, _ROUNDING_FLAGS | {"reassoc"}, forceinline=True)


def elementary(func: Callable[..., Any]) -> Any:
    """Compile an elementary function, whose rounding steps stay as written."""
    return _compile(func, _ROUNDING_FLAGS)


def strict(func: Callable[..., Any]) -> Any:
    """Compile compensated arithmetic: each operation as written, in the order written."""
    return _compile(func, False)


def cache_folder() -> Path | None:
    """Return the folder of the compiled code, or None where no folder can be written.

    It lies in the first of these that can be written: ``NUMBA_CACHE_DIR``, the user's cache folder,
    a folder of this user among the temporary files. Its name is a hash of the sources with
    kernels and of the versions of numba and Python, so that an edit never meets old code.

    Returns
    -------
    pathlib.Path or None
        The folder; it exists once something has been compiled.
    """
    base = base_folder() if _SOURCES else None
    return base / f"gmoe-{_SOURCES}" if base else None


def _compile(func: Callable[..., Any], fastmath: set[str] | bool, **options: Any) -> Any:
    # error_model: Python's puts a branch at every division, and no such loop vectorises.
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath=fastmath, **options)(func)
    if compiled is func:  # under NUMBA_DISABLE_JIT, where NumPy's scalars would warn of what compiled code does not
        return np.errstate(all="ignore")(func)
    compiled._cache = _DiskCache(func)
    return compiled


class _DiskCache(NullCache):
    """The cache of one function, as numba asks for it; loading and saving never raise."""

    def __init__(self, func: Callable[..., Any]) -> None:
        code = func.__code__
        self._name = func.__name__
        # The function's own file, for one from outside the sources that name the folder.
        self._source = _digest(Path(code.co_filename))
        self._function = (func.__module__, func.__qualname__, code.co_firstlineno, self._source)
        # What a closure holds is in no source file.
        self._enabled = self._source is not None and func.__closure__ is None

    @property
    def cache_path(self) -> str | None:
        folder = cache_folder() if self._enabled else None
        return str(folder) if folder else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        path = None
        try:
            target_context.refresh()
            path = self._path(sig, target_context.codegen())
            if path is None or not path.exists():
                return None
            content = path.read_bytes()
            if _checksum(content[_DIGEST_SIZE:]) != content[:_DIGEST_SIZE]:
                raise ValueError(f"{path} is damaged")
            return CompileResult._rebuild(target_context, *pickle.loads(content[_DIGEST_SIZE:]))
        except Exception:  # whatever a bad file leads to, compiling is the cure
            _remove(path)
            return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        temporary = None
        try:
            path = self._path(sig, cres.library.codegen)
            if path is None or cres.lifted or cres.library.has_dynamic_globals:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            data = dumps(cres._reduce())
            # Written aside, then renamed: another process sees the whole file or none.
            temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
            temporary.write_bytes(_checksum(data) + data)
            os.replace(temporary, path)
        except Exception:  # a full disk costs the next process a compilation, no more
            _remove(temporary)

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        folder = cache_folder() if self._enabled else None
        if folder is None:
            return None
        types, _ = sigutils.normalize_signature(sig)
        key = repr((self._function, types, codegen.magic_tuple()))  # the last: the processor
        return folder / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.nbc"


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _remove(path: Path | None) -> None:
    try:
        if path is not None:
            path.unlink()
    except OSError:
        pass


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _hash_sources() -> str | None:
    package = Path(__file__).parent
    folders = (package / "kernels", package / "gates")
    inside = (file for folder in folders for file in folder.rglob("*.py"))
    files = [Path(__file__), package / "_arrays.py", *sorted(inside)]
    sources = [(file.relative_to(package).as_posix(), _digest(file)) for file in files]
    if any(digest is None for _, digest in sources):
        return None
    key = repr((sources, numba.__version__, sys.implementation.cache_tag))
    return hashlib.sha256(key.encode()).hexdigest()[:16]


# Taken at import, not at the first compilation: a process that runs on while its sources are edited
# must not leave old code under the new name.
_SOURCES = _hash_sources()
