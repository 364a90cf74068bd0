"""What every selection answers: which experts are active, how softly, and where that changes."""

from abc import ABC, abstractmethod
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from gmoe.gates.keys import Key
from gmoe.gates.selections import _contract, _line


class Selection(ABC):
    """Which experts are active at an observation: those whose keys reach the observation's threshold.

    A selection is an immutable value, a frozen dataclass, of a module, so that gates can be compared, printed and
    pickled.  It says what it looks at, ``by``, and how the threshold of an observation follows from its keys
    (:meth:`thresholds`); all else follows from these two, and may be overridden where there is a faster way.

    Attributes
    ----------
    by : Key
        What the experts are compared by.
    name : str or None
        By which :func:`register_selection` makes it known; None where it need not be.
    selects : bool
        Whether it leaves anything out.
    n_active : int or None
        Number of active experts where it is the same at every observation.
    hard : bool
        Whether one expert alone is active everywhere: then nothing but the regions matters.
    translation_invariant : bool
        Whether the active experts stay where one number is added to all scores, and another to all logits.
    scale_invariant : bool
        Whether they stay where all scores are multiplied by one positive number, and all logits by another.
    """

    by: Key
    name: str | None = None
    selects: bool = True

    @property
    def n_active(self) -> int | None:
        """Number of active experts where it is the same at every observation, else None."""
        return None

    @property
    def hard(self) -> bool:
        """Whether one expert alone is active everywhere."""
        return self.n_active == 1

    @property
    def translation_invariant(self) -> bool:
        """Whether the active experts stay where a number is added to all scores, and another to all logits."""
        return False

    @property
    def scale_invariant(self) -> bool:
        """Whether they stay where all scores are multiplied by one positive number, and all logits by another."""
        return False

    @property
    def sees_score(self) -> bool:
        """Whether the scores move it."""
        return bool(self.by.sees_score)

    @property
    def sees_logit(self) -> bool:
        """Whether the logits, and with them the intercepts, move it."""
        return bool(self.by.sees_logit)

    @abstractmethod
    def thresholds(self, key) -> tuple[np.ndarray, np.ndarray]:
        """Return what the keys of the active experts reach.

        It treats all experts alike and looks at one observation at a time.

        Parameters
        ----------
        key : ndarray, shape (n_experts, m)

        Returns
        -------
        threshold : ndarray, shape (m,)
            A continuous function of the keys, not above the largest one: some expert is always active.
        in_key : ndarray, shape (n_experts, m)
            Its derivative in each key.
        """

    def mask(self, key, m: int, logit):
        """Set the logits of the first m observations to -inf where an expert is not active."""
        threshold, _ = self.thresholds(key[:, :m])
        logit[:, :m][key[:, :m] < threshold] = -np.inf

    def active(self, key) -> np.ndarray:
        """Which experts are active, boolean (n_experts, m)."""
        trial = np.zeros(key.shape)
        self.mask(key, key.shape[1], trial)
        return np.isfinite(trial)

    def crossings(self, key, j: int) -> np.ndarray:
        """Values of the key of expert j, (c, m), at which the active set changes, the others' held.

        All that are near must be among them; values at which nothing changes are harmless.
        """
        return _line.scan(self, key, j)

    def line_breaks(self, weight, logit, joint, key, j: int, rate_logit, rate_key) -> tuple[np.ndarray, np.ndarray]:
        """Where the active set changes as logit and key of expert j move, and what the log-likelihood then gains.

        Parameters
        ----------
        weight : ndarray, shape (m,)
        logit, joint, key : ndarray, shape (n_experts, m)
            Logits without selection, the same plus the log-densities, and keys.
        j : int
        rate_logit, rate_key : ndarray, shape (m,)
            Change of logit and key of expert j in a unit step.

        Returns
        -------
        breaks, jumps : ndarray, shape (b,)
            Steps of either sign, to first order, and the gain on passing each, coming from 0; in any order.
        """
        return _line.line_breaks(self, weight, logit, joint, key, j, rate_logit, rate_key)

    def is_sparse(self, n_experts: int) -> bool:
        """Whether some of so many experts may be left out."""
        return n_experts > 1

    def limited(self, n_experts: int) -> "Selection":
        """Return the selection for so many experts, where that may be too few for it."""
        return self

    def reduced(self) -> "Selection":
        """Return the simplest selection with the same active experts: equal gates are then equal."""
        return self

    def like(self, other: "Selection") -> bool:
        """Whether two selections differ in the number of active experts at most."""
        return self == other

    def settings(self) -> dict[str, Any]:
        """Return the settings by which :class:`gmoe.Gate` makes it: its name, and after a ``+`` each of its values."""
        if self.name is None:
            return {"selection": self}
        own: tuple[Any, ...] = fields(self) if is_dataclass(self) else ()
        values = [getattr(self, field.name) for field in own]
        given = [] if values == [field.default for field in own] else values
        return {"selection": "+".join([self.name, *map(str, given)])}

    def check(self, n_experts: int):
        """Raise a ValueError where it does not suit so many experts, or is not what it says."""
        if self.is_sparse(n_experts):
            _contract.check(self, n_experts)
