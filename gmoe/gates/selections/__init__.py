"""Selections: which experts of a sparse gate are active; one file for each kind."""

from gmoe.gates._registry import Registry
from gmoe.gates.selections._selection import Selection
from gmoe.gates.selections.dense import DENSE, Dense
from gmoe.gates.selections.threshold import Threshold
from gmoe.gates.selections.topk import TopK

__all__ = [
    "DENSE",
    "Dense",
    "Selection",
    "Threshold",
    "TopK",
    "as_selection",
    "list_selections",
    "register_selection",
]

_REGISTRY = Registry(Selection, "selection", "a selection")


def register_selection(selection: Selection) -> Selection:
    """Make a selection available by its name, to gates, the command line and study files.

    Raises
    ------
    ValueError
        Where another selection has that name.
    TypeError
        Where it has none, or is no selection.
    """
    if not isinstance(selection, Selection) or not isinstance(selection.name, str):
        raise TypeError(f"Only a Selection with a name, a str, can be registered; got {selection!r}.")
    return _REGISTRY.register(selection)


def list_selections() -> list[str]:
    """Names of the registered selections; those of the package are settings: n_active, select_on, threshold."""
    return _REGISTRY.names()


def as_selection(selection: str | Selection) -> Selection:
    """Return the selection of that name, or the selection itself.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a selection.
    """
    return _REGISTRY.get(selection)
