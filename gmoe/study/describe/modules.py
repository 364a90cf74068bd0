"""Modules of a user's own that a study imports: they register gates, experts, selections and losses."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def names(value: Any) -> tuple[str, ...]:
    """Accept names of modules."""
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f'must be a list of names of modules, as ["my_gates"], got {value!r}')
    return tuple(value)


def load(modules: Sequence[str], folder: Path | None = None) -> None:
    """Import modules, from where Python looks, else from a folder, else from the working directory.

    A place where one is found is looked at from then on, also by workers.

    Raises
    ------
    ValueError
        For a module that is not found, or fails to import.
    """
    for name in modules:
        for place in (folder, Path.cwd()):
            if not _is_known(name) and place is not None and str(place) not in sys.path:
                sys.path.append(str(place))
                if not _is_known(name):
                    sys.path.pop()
        try:
            import_module(name)
        except Exception as error:  # whatever the module's own code raises
            places = f"{folder or Path.cwd()} or on PYTHONPATH"
            raise ValueError(
                f"cannot import {name!r} ({type(error).__name__}: {error}); its file must be in {places}"
            ) from error


def _is_known(name: str) -> bool:
    try:
        return name in sys.modules or find_spec(name) is not None
    except (ImportError, ValueError):  # a package around it is not there
        return False
