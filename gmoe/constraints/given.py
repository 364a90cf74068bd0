"""What a user may give for constraints."""

from typing import Any

from gmoe.constraints.base import Constraint
from gmoe.constraints.tied import Linear


def as_constraints(given: Any) -> tuple[Constraint, ...]:
    """Return constraints as a tuple: of None none, a text is an equation, one is as good as a list of one.

    Raises
    ------
    TypeError
        For anything else.
    """
    if given is None:
        return ()
    items = given if isinstance(given, list | tuple) else (given,)
    return tuple(map(_as_constraint, items))


def _as_constraint(item):
    if isinstance(item, Constraint):
        return item
    if isinstance(item, str):
        return Linear(item)
    raise TypeError(
        "constraints must be values as Held('coef[x] (0)', 1.0) or texts as 'coef[x] (0) = 1', or a list of these; got "
        f"{item!r}."
    )
