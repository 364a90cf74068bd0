"""Keys: the numbers by which a selection compares the experts at an observation.

A key is one value: a function of the scores and the logits, and what it says about itself, so that nobody need know
it by name.  :func:`register_key` makes another one available by name, to gates and the command line.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gmoe.gates import _rules
from gmoe.gates._registry import Registry


@dataclass(frozen=True)
class Key:
    """What a sparse gate compares its experts by: experts with large keys are active, see :class:`Selection`.

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
                f"Key {self.name!r} does not say what it looks at; pass sees_score and sees_logit, True or False."
            )
        _rules.check_key(self)

    def __repr__(self):
        return repr(self.name)

    def at(self, score, logit) -> Iterator:
        """Yield the keys as the kernels see them, C order, and their derivatives in score and logit."""
        rows = iter(self.keys(score, logit))
        # One layout: a part of the rows of logits, or integers, would compile kernels a second time.
        yield np.ascontiguousarray(next(rows), dtype=float)
        yield from rows


_REGISTRY = Registry(
    Key,
    "select_on",
    "a key",
    " Of a function make Key(name, function, sees_score=..., sees_logit=...), which says what it looks at.",
)


def register_key(key: Key) -> Key:
    """Make a key available by its name.

    Raises
    ------
    ValueError
        Where another key has that name.
    """
    return _REGISTRY.register(key)


def list_keys() -> list[str]:
    """Names of the registered keys."""
    return _REGISTRY.names()


def as_key(by: str | Key) -> Key:
    """Return the key of that name, or the key itself.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything that is neither a name nor a key.
    """
    return _REGISTRY.get(by)


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
BY_SCORE = register_key(Key("score", by_score, sees_score=True, sees_logit=False, **_FREE))
BY_LOGIT = register_key(Key("logit", by_logit, sees_score=False, sees_logit=True, **_FREE))
