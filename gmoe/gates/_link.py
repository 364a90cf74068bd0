"""Gates whose log-weights sum to one: functions of a few scores, whose number need not be that of the experts."""

from abc import abstractmethod
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from gmoe._arrays import aligned
from gmoe.frames import Change, Frame
from gmoe.gates.base import BaseGate
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.exact import affine_exact
from gmoe.part import Size, dense

# Of the coefficients of logistic regressions, to find those of another link; and the log of the smallest weight: a
# label of an expert without weight is unlikely, but a guess need not fit all.
FACTORS, LOG_LEAST = 2.0 ** np.arange(1.0, -6.0, -0.5), -700.0


class Bend(NamedTuple):
    """A second derivative of some log-weights in two scores.

    Attributes
    ----------
    first, second : int
        The scores, ``first >= second``.
    experts : ndarray of int
        Whose log-weights have it; those of others are straight.
    curve : ndarray, shape (m,), or (len(experts), m)
        What they have in common, or that of each.
    """

    first: int
    second: int
    experts: np.ndarray
    curve: np.ndarray


class LinkGate(BaseGate):
    """A gate whose weights are a function, its link, of affine scores and then of constant ones.

    All coefficients are shared parameters, score by score, with the intercept first; an expert has none of its own.
    """

    @abstractmethod
    def n_scores(self, n_experts: int) -> tuple[int, int]:
        """Count the affine and the constant scores."""

    @abstractmethod
    def link(self, score, n_experts: int) -> Iterator[Any]:
        """Yield log-weights (n_experts, m), first derivatives (n_scores, n_experts, m), and a list of Bend.

        Parameters
        ----------
        score : ndarray, shape (n_scores, m)
        n_experts : int
        """

    def resized(self, n_experts):
        raise ValueError(
            f"{self!r} gives each expert a place among the others, and none can be left out, joined or added alone; "
            "use gmoe.edit.project with n_experts, or fit again."
        )

    def own_parameters(self, size):
        return 0

    def shared_parameters(self, size):
        n_affine, n_constant = self.n_scores(size.n_experts)
        return n_affine * (1 + size.n_features) + n_constant

    def follows(self, n_experts):
        return Change.AFFINE

    @property
    def is_concave(self):
        """As far as the log-weights are in their scores: logistic regression by levels is."""
        return True

    def start(self, x, r):
        """As guessed: a logistic regression by levels needs no more."""
        return self.guess(x, r)

    def coefficients(self, shared, n_experts, n_columns):
        """Split parameters into those of the affine scores, (n_affine, n_columns), and the constant ones."""
        n_affine, _ = self.n_scores(n_experts)
        size = n_affine * n_columns
        return shared[:size].reshape(n_affine, n_columns), shared[size:]

    def value(self, own, shared, x):
        return next(self.link(self._scores(shared, len(own), x), len(own)))

    def raw_log_weights(self, arrays, x):
        """To twice the working precision in the scores: those of several hundred lose as many digits."""
        own, shared = self.from_raw(arrays, Frame.identity(len(x)))
        return next(self.link(self._scores(shared, len(own), x, affine_exact), len(own)))

    def jacobian(self, own, shared, x):
        return dense(self._alone(own, shared, x)[0], len(own))

    def curvature(self, own, shared, weight, x):
        _, design, room = self._alone(own, shared, x, True)
        out = np.zeros((len(own), len(shared), len(shared)))
        self.bend_block(own, shared, (design,), x.shape[1], weight, out, room)
        lower = np.tril(out)
        return lower + np.swapaxes(np.tril(lower, -1), 1, 2)

    def segments(self, size):
        (n_affine, n_constant), q = self.n_scores(size.n_experts), 1 + size.n_features
        counts = [q] * n_affine + [1] * n_constant or [0]
        return np.array([[i, 0, n, end] for i, (n, end) in enumerate(zip(counts, np.cumsum(counts), strict=True))])

    def n_held(self, size):
        return sum(self.n_scores(size.n_experts))

    def room(self, size, length):
        # Of one expert there may be no score, but kernels want a segment.
        slope = aligned(max(sum(self.n_scores(size.n_experts)), 1), size.n_experts, length, fill=0.0)
        return SimpleNamespace(slope=slope, segments=self.segments(size), bends=[])

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        design = data[0]
        link = self.link(self._scores(shared, len(own), design[1:, :m]), len(own))
        out[:, :m] = next(link)
        slope = next(link)
        room.slope[: len(slope), :, :m] = slope
        room.bends = next(link) if curved else []
        return room.slope, design[None], room.segments

    def bend_block(self, own, shared, data, m, weight, out, room):
        design = data[0][:, :m]
        for first, second, experts, curve in room.bends:
            (rows, above), (columns, left) = (self._place(i, room.segments, design) for i in (first, second))
            weighted = (weight[experts, :m] * curve)[:, None] * above
            out[experts, rows, columns] += weighted @ left.T

    def _place(self, score, segments, design):
        """Where the parameters of a score are, and what it is linear in."""
        *_, count, end = segments[score]
        return slice(end - count, end), design[:count]

    def _scores(self, shared, n_experts, x, affine=affine_rows):
        rows, constants = self.coefficients(shared, n_experts, 1 + len(x))
        score = np.empty((len(rows) + len(constants), x.shape[1]))
        affine(x, x.shape[1], np.ascontiguousarray(rows), score)
        score[len(rows) :] = constants[:, None]
        return score

    def _alone(self, own, shared, x, curved=False):
        design, size, m = np.vstack([np.ones(x.shape[1]), x]), Size(len(own), len(x)), x.shape[1]
        room = self.room(size, m)
        return self.fill_block(own, shared, (design,), m, np.empty((len(own), m)), room, curved), design, room


def likeliest(gate, own, shared, x, r):
    """Parameters with the multiple of these coefficients by which soft groups (m, n_experts) are likeliest."""
    fits = [np.sum(r.T * np.maximum(gate.value(own, factor * shared, x), LOG_LEAST)) for factor in FACTORS]
    return own, FACTORS[np.argmax(fits)] * shared
