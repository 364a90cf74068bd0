"""Penalties on squares and on absolute values of parameters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gmoe._validation import check_not_negative
from gmoe.constraints.base import Constraint, Penalised
from gmoe.constraints.places import Places


@dataclass(frozen=True)
class Shrinkage(Constraint):
    """A penalty on the size of standardised parameters, with the settings of :class:`Ridge`.

    Standardised are slopes times the standard deviation of their column, and what is in the unit of y over the standard
    deviation of the residuals of one regression on all columns of the experts: a penalty does not depend on units.
    """

    name: str
    strength: float
    experts: Sequence[int] | None = None

    def __post_init__(self):
        check_not_negative(self.strength, "strength")
        if self.experts is not None:
            object.__setattr__(self, "experts", tuple(self.experts))

    def equations(self, places: Places) -> Iterator[Any]:
        """Yield none."""
        yield from ()

    def _penalised(self, places):
        names = places.matching(self.name, self.experts)
        if any(places.positive[places.index[name]] for name in names):
            raise ValueError(
                f"{type(self).__name__}({self.name!r}) would draw a positive parameter to 0; penalise slopes or "
                "intercepts, and bound variances by a ParameterSpace."
            )
        if self.strength > 0.0:
            yield Penalised(tuple(names), float(self.strength))


@dataclass(frozen=True)
class Ridge(Shrinkage):
    """A penalty on squares: the fit maximises the log-likelihood less ``strength / 2`` times their sum.

    It is a normal prior of variance 1 / strength of standardised parameters: slopes times the standard deviation of
    their column, and what is in the unit of y over the residual standard deviation of one regression. Of a gate that is
    relative to a reference, squares are of the deviations from the mean over the experts: none of these is special.

    Parameters
    ----------
    name : str
        An array, ``"coef"``; an entry over all experts, ``"coef[x]"``; or a parameter.
    strength : float >= 0
        With 0 the fit is the plain one, bit for bit.
    experts : sequence of int, optional
        Only those of these experts.
    """

    def penalties(self, places: Places) -> Iterator[Penalised]:
        """Yield its parameters."""
        yield from self._penalised(places)


@dataclass(frozen=True)
class Lasso(Shrinkage):
    """A penalty on absolute values: the fit maximises the log-likelihood less ``strength`` times their sum.

    They are of standardised parameters, as of :class:`Ridge`, which has the same settings; of a gate that is relative
    to a reference, of the differences from expert 0. What the data do not need is 0 to the last bit, with the note
    ``zero`` in place of a standard error.
    """

    def absolutes(self, places: Places) -> Iterator[Penalised]:
        """Yield its parameters."""
        for names, strength in self._penalised(places):
            yield Penalised(tuple(places.movable(names)), strength)
