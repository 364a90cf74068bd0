"""Selections: which experts of a sparse gate are active; one file for each kind."""

from dataclasses import fields, is_dataclass

from gmoe.gates._registry import Registry
from gmoe.gates.keys import Key, as_key
from gmoe.gates.selections._contract import check_by
from gmoe.gates.selections._selection import Selection
from gmoe.gates.selections.dense import DENSE, Dense
from gmoe.gates.selections.entropy import EntropyRule
from gmoe.gates.selections.expert_choice import ExpertChoice
from gmoe.gates.selections.threshold import Threshold
from gmoe.gates.selections.top_p import TopP
from gmoe.gates.selections.topk import TopK

__all__ = [
    "DENSE",
    "Dense",
    "EntropyRule",
    "ExpertChoice",
    "Selection",
    "Threshold",
    "TopK",
    "TopP",
    "as_selection",
    "chosen",
    "list_selections",
    "register_selection",
]

#: Rules that are no gate, and why.
UNORDERED = dict.fromkeys(
    ("capacity", "first_come"),
    "A capacity that is filled first come, first served makes the experts of a row depend on the rows before it: there "
    "is no density of y given x. Use a selection with a threshold for each expert, 'expert_choice', or balance the "
    "shares of a fitted gate by prices, gmoe.edit.balance.",
)

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

    A name may carry other values of its class, each after a ``+``: ``"top_p+0.8"``.

    Raises
    ------
    ValueError
        For an unknown name, and for a selection that does not say what it looks at.
    TypeError
        For anything that is neither a name nor a selection.
    """
    name, *values = selection.split("+") if isinstance(selection, str) else (selection,)
    if name in UNORDERED:
        raise ValueError(UNORDERED[name])
    found = _REGISTRY.get(name)
    if values:
        found = _of_values(found, values)
    check_by(found)
    return found


def _of_values(selection, texts):
    """Return the selection of the same class with other values, as far as they go."""
    names = [field.name for field in fields(selection)] if is_dataclass(selection) else []
    try:
        values = [float(text) for text in texts]
    except ValueError:
        values = []
    if not 0 < len(values) <= len(names):
        raise ValueError(
            f"Selection {selection.name!r} has the values {', '.join(names) or 'none'}; after the name give numbers, "
            f"each after a '+', got {'+'.join(texts)!r}."
        )
    return type(selection)(**dict(zip(names, values, strict=False)))


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


for _rule in (TopP(), EntropyRule(), ExpertChoice()):
    register_selection(_rule)
