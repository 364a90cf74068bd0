"""Selection rules: by which key a sparse gate ranks the experts.

A rule is one value: a function of the scores and the logits, and what it says about itself, so that nobody need know
it by name.  :func:`register_selection` makes another one available by name, to gates and the command line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gmoe.gates import _rules
from gmoe.gates._registry import Registry


@dataclass(frozen=True)
class Selection:
    """A rule by which a sparse gate ranks its experts: those with the largest keys are active (ties: lower index).

    Parameters
    ----------
    name : str
    keys : callable
        From scores and logits, both (n_experts, m), to an iterator over the keys, (n_experts, m), and each key's
        derivatives in the expert's own score and logit, numbers or arrays. It treats all experts alike and looks at
        one observation at a time. Must be a function of a module for the gate to be picklable.
    sees_score, sees_logit : bool
        Whether the keys depend on the scores, and on the logits. Both must be said.
    translation_invariant : bool, default False
        Whether the ranks stay where one number is added to all scores of an observation, and another to all its logits.
    scale_invariant : bool, default False
        Whether they stay where all scores are multiplied by one positive number, and all logits by another.

    Raises
    ------
    ValueError
        Where evaluating the rule contradicts what is said about it. What is not said is not assumed: without an
        invariance a fit is right, but has less to hold on to where its maximum is at an edge of the regions.
    """

    name: str
    keys: Callable[[np.ndarray, np.ndarray], Iterator]
    sees_score: bool | None = None
    sees_logit: bool | None = None
    translation_invariant: bool = False
    scale_invariant: bool = False

    def __post_init__(self):
        if self.sees_score is None or self.sees_logit is None:
            raise ValueError(
                f"Selection {self.name!r} does not say what it looks at; pass sees_score and sees_logit, True or False."
            )
        _rules.check_selection(self)

    def __repr__(self):
        return repr(self.name)


_REGISTRY = Registry(
    Selection,
    "select_on",
    "a selection rule",
    " Of a function make Selection(name, function, sees_score=..., sees_logit=...), which says what it looks at.",
)


def register_selection(selection: Selection) -> Selection:
    """Make a rule available by its name.

    Raises
    ------
    ValueError
        Where another rule has that name.
    """
    return _REGISTRY.register(selection)


def list_selections() -> list[str]:
    """Names of the registered selection rules."""
    return _REGISTRY.names()


def as_selection(select_on: str | Selection) -> Selection:
    """Return the selection rule of that name, or the rule itself.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a rule.
    """
    return _REGISTRY.get(select_on)


def by_score(score, logit):
    """Rank as the theory does (Nguyen et al., ICLR 2024): the intercept takes no part."""
    yield score
    yield 1.0
    yield 0.0


def by_logit(score, logit):
    """Rank as the authors' code does: intercept and activation take part."""
    yield logit
    yield 0.0
    yield 1.0


_FREE = {"translation_invariant": True, "scale_invariant": True}
BY_SCORE = register_selection(Selection("score", by_score, sees_score=True, sees_logit=False, **_FREE))
BY_LOGIT = register_selection(Selection("logit", by_logit, sees_score=False, sees_logit=True, **_FREE))
