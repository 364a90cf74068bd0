"""Selections: which experts of a sparse gate are active; one file for each kind."""

from gmoe.gates._registry import Registry
from gmoe.gates.keys import Key, as_key
from gmoe.gates.selections._contract import check_by
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
    "chosen",
    "list_selections",
    "register_selection",
]

_REGISTRY: Registry[Selection] = Registry(Selection, "selection", "a selection")  # type: ignore[type-abstract]


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
        For an unknown name, and for a selection that does not say what it looks at.
    TypeError
        For anything that is neither a name nor a selection.
    """
    found = _REGISTRY.get(selection)
    check_by(found)
    return found


def chosen(
    n_active: int | None, select_on: str | Key, threshold: float | None, selection: str | Selection
) -> Selection:
    """Return the one selection that a gate is asked for, under whichever name, in its simplest form.

    Raises
    ------
    ValueError
        For more than one.
    """
    by, asked = as_key(select_on), {}
    if (given := as_selection(selection)).selects:
        asked["selection"] = given
    if n_active is not None:
        asked["n_active"] = TopK(n_active, by)
    if threshold is not None:
        asked["threshold"] = Threshold(threshold)
    if len(asked) > 1:
        words = " and ".join(f"{name}: {value!r}" for name, value in asked.items())
        raise ValueError(f"A gate has one selection, got {words}; drop one.")
    return next(iter(asked.values()), DENSE).reduced()
