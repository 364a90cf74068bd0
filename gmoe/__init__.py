"""Gaussian mixtures of experts, fitted to certified maximum likelihood."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmoe._public import *  # noqa: F403


def __dir__() -> list[str]:
    from gmoe import _public

    return sorted({*globals(), *_public.__all__})


def __getattr__(name: str) -> Any:
    # Late, so that the command line can answer an interrupt while NumPy and SciPy load.
    if name.startswith("_") and name != "__all__":  # a module of ours, which Python then looks for
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    public = import_module("gmoe._public")
    # A module of the package that they have loaded is an attribute now.
    return globals()[name] if name in globals() else getattr(public, name)
