"""What an objective holds and is less, beside the likelihood: equations, penalties, given shares."""

from typing import NamedTuple

import numpy as np

from gmoe.gates.symmetry import Exchange
from gmoe.solvers.problem.absolutes import Absolutes
from gmoe.solvers.problem.penalty import Penalty
from gmoe.solvers.problem.walls import EqualWall, FlatWall

# Difference of two shares that is none.
ALIKE = 1e-12


class Terms(NamedTuple):
    """Constraints and penalties in the coordinates of a fit; of each none by default.

    Attributes
    ----------
    equations : EqualWall
    penalty : Penalty
    absolutes : Absolutes
    shares : tuple of float
        Average gate probabilities.
    signs : FlatWall
        What holds on a face of the absolute values.
    """

    equations: EqualWall | None = None
    penalty: Penalty | None = None
    absolutes: Absolutes | None = None
    shares: tuple[float, ...] | None = None
    signs: FlatWall | None = None

    @property
    def are_there(self) -> bool:
        """Whether there are any."""
        return any(term is not None for term in self)

    def on_face(self, signs) -> "Terms":
        """Return the smooth terms where what is penalised by its absolute value has these signs, (m,)."""
        if self.absolutes is None:
            return self
        orthant = self.absolutes.orthant(signs, self.equations, self.penalty)
        return self._replace(equations=orthant.equations, penalty=orthant.penalty, absolutes=None, signs=orthant.wall)

    def face_at(self, theta) -> "Terms":
        """Return the smooth terms on the face of a point."""
        return self if self.absolutes is None else self.on_face(self.absolutes.signs(theta))

    def value(self, theta) -> float:
        """Return what the value is less than the average log-likelihood."""
        return sum(term.value(theta) for term in (self.penalty, self.absolutes) if term is not None)

    def gradient(self, theta):
        """Slopes of that, (P,), or 0."""
        return sum((t.gradient(theta) for t in (self.penalty, self.absolutes) if t is not None), np.zeros(len(theta)))

    @property
    def matrix(self):
        """Second derivatives of that, (P, P), or 0."""
        return 0.0 if self.penalty is None else self.penalty.matrix

    def are_kept(self, exchange: Exchange, order, sign) -> bool:
        """Whether they are the same for ``sign * theta[order]`` as for theta, the parameters after an exchange."""
        linear = (term for term in (self.equations, self.penalty, self.absolutes) if term is not None)
        if not all(term.is_kept(order, sign) for term in linear):
            return False
        shares = np.array([] if self.shares is None else self.shares)
        return self.shares is None or bool(np.abs(shares[list(exchange.experts)] - shares).max() < ALIKE)


NO_TERMS = Terms()
