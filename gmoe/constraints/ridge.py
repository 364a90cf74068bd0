"""Penalties on the squares of parameters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gmoe._validation import check_not_negative
from gmoe.constraints.base import Constraint, Penalised
from gmoe.constraints.places import Places


@dataclass(frozen=True)
class Ridge(Constraint):
    """A penalty on squares: the fit maximises the log-likelihood less ``strength / 2`` times their sum.

    Squares are of standardised parameters, so that the penalty does not depend on units: slopes times the standard
    deviation of their column, and what is in the unit of y over the standard deviation of the residuals of one
    regression on all columns of the experts. Of a gate that is relative to a reference they are of the deviations from
    the mean over the experts, so that none of these is special.

    Parameters
    ----------
    name : str
        An array, ``"coef"``; an entry over all experts, ``"coef[x]"``; or a parameter.
    strength : float >= 0
        The sum is that of a normal prior with the variance 1 / strength. With 0 the fit is the plain one.
    experts : sequence of int, optional
        Only those of these experts.
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

    def penalties(self, places: Places) -> Iterator[Penalised]:
        """Yield its parameters, where there is a penalty."""
        names = places.matching(self.name, self.experts)
        if any(places.positive[places.index[name]] for name in names):
            raise ValueError(
                f"Ridge({self.name!r}) would draw a positive parameter to 0; penalise slopes or intercepts, and bound "
                "variances by a ParameterSpace."
            )
        if self.strength > 0.0:
            yield Penalised(tuple(names), float(self.strength))
