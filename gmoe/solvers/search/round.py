"""One round of starts, independent of all others.

A round climbs partitions of the data and the smaller fit's ends, grown by one expert, a few at a time, until maxima
that it has not met have hardly any mass left (:func:`unseen`).  Where they may have some after all of these, it goes on
about its own best end, with one expert taken out and grown again: of many such starts it climbs those that are highest
after a few steps (Biernacki, Celeux and Govaert, 2003), until a batch finds nothing better.  A gate that bends has
maxima to which no labels lead, and of which that mass says nothing: it is made steeper about the best end in any case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np

from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.search.climb import SAME, Settings, begin, best_of, climb_or_none
from gmoe.solvers.starts.given import beside_given
from gmoe.solvers.starts.kinds import DATA_STARTS, from_labels, from_responsibilities, grow, kick, steepen
from gmoe.solvers.starts.sample import Sample

# Starts after which a round looks how much it has not seen; even, so that two threads have as many each.
LOOK = 6
# Mass of unseen maxima at which a round ends.
UNSEEN = 0.15
# Batches of starts that are made about a round's best end, and of these how many are climbed.
POOL, CLIMBED = 4, 2


@dataclass(frozen=True)
class Round:
    """One round of starts.

    Attributes
    ----------
    objective : Objective
    scout : Objective or None
        The same on few observations, for first steps; None where there are no more.
    smaller : Found or None
        The fit with one expert less.
    sample : Sample
        Rows from which starts are made.
    settings : Settings
    rng : numpy.random.Generator
    run : callable
        ``map``, or that of an executor.
    number : int
        Of the round: which ends of the smaller fit it may know.
    size : int
        Starts of a batch; of the first one twice as many.
    crowded : bool
        Whether the data have no room for so many experts: one batch of grown starts is all.
    """

    objective: Objective
    scout: Objective | None
    smaller: Any
    sample: Sample
    settings: Settings
    rng: np.random.Generator
    run: Callable
    number: int
    size: int
    crowded: bool
    _own: list[Ascent] = field(default_factory=list)

    @property
    def tops(self):
        """What to grow from; without a smaller fit nothing: one expert beside those with a given density."""
        return () if self.smaller is None else self.smaller.tops_of(self.number)

    def climbs(self) -> Iterator[list[Ascent]]:
        """Yield the ascents of the round, batch by batch."""
        partitions = () if self.crowded and self.tops else self._partitions(self.size)
        groups = in_turn([partitions, self._grown((), self.size)])
        starts = (self._start(r, i // 2) for i, r in enumerate(groups))
        seen = False
        while not seen and (few := list(islice(starts, LOOK))):
            yield self._climbed(few, -np.inf)
            seen = unseen([a.evaluation.value for a in self._own]) < UNSEEN
        if not self._own:
            raise FloatingPointError("No start could be climbed: the likelihood overflows; rescale X and y.")
        value, best = -np.inf, best_of(self.objective, self._own).evaluation
        while best.value > value + SAME and not self.crowded:
            # The best of the own round alone: rounds stay independent.
            value = best.value
            grown = [] if seen else self._promising(self._about(best.theta))
            yield self._climbed(grown + self._kicked(best.theta), value)
            best = best_of(self.objective, self._own).evaluation

    def _climbed(self, starts, value):
        """Climb from some starts; ``value`` is that of the best end so far."""
        follow = partial(climb_or_none, self.objective, self.scout, self.settings, value)
        found = [ascent for ascent in self.run(follow, starts) if ascent is not None]
        self._own.extend(found)
        return found

    def _promising(self, pool):
        """Find which of many starts are highest after the first EM steps."""
        early = self.run(partial(begin, self.scout or self.objective, self.settings), pool)
        values = [(a.evaluation.value, a.evaluation.theta) for a in early if a is not None]
        return [theta for _, theta in sorted(values, key=lambda found: -found[0])[: CLIMBED * self.size]]

    def _about(self, theta):
        """Many starts about one end."""
        n_starts = POOL * self.size
        reduced = [(self.objective, theta, j) for j in range(self.objective.n_fitted) if self.tops]
        groups = chain(self._partitions(n_starts // 4), self._grown(reduced, n_starts - n_starts // 4))
        return [self._start(r, i) for i, r in enumerate(groups)]

    def _kicked(self, theta):
        """Turn the gate a little and make it steeper; all are climbed, since first steps do not tell their maxima."""
        n_kicks = 2 * self.size if len(self.objective.bent_index) else 0
        return [kick(self.objective, theta, self.rng) for _ in range(n_kicks)]

    def _start(self, groups, number):
        """Parameters of soft groups; every second ones arranged: what features tell apart best is not always right."""
        start = from_responsibilities(self.objective, self.sample, groups, number % 2 == 1)
        return steepen(self.objective, start, number, self.rng)

    def _partitions(self, n_starts):
        """Yield soft groups of so many partitions of the data, of the kinds in turn."""
        kinds, rng = self.settings.kinds, self.rng
        first, k = int(rng.integers(len(kinds))), self.objective.n_fitted
        for i in range(n_starts):
            groups = from_labels(DATA_STARTS[kinds[(first + i) % len(kinds)]](self.sample, k, rng), k)
            yield beside_given(groups, self.objective.experts.n_given, self.sample, rng, i)

    def _grown(self, reduced, n_starts):
        """Soft groups of so many fits with one expert more than the reduced ones and the smaller fit's ends, in turn.

        A reduced one is (objective, parameters, expert to leave out).
        """
        models = [*reduced, *((self.smaller.objective, theta, None) for theta in self.tops)]
        shares = [len(range(i, n_starts, len(models))) for i in range(len(models))]
        return in_turn(
            [
                grow(objective, theta, self.sample, share, self.rng, left_out)
                for (objective, theta, left_out), share in zip(models, shares, strict=True)
            ]
        )


def unseen(values) -> float:
    """Mass of the starts that lead to other maxima than those at which these starts ended, as far as is known.

    The posterior mean where all divisions of the mass are as likely: w (w + 1) / (N (N - 1)) for w different maxima of
    N starts (Boender and Rinnooy Kan, 1987).  Low maxima count: where starts end here and there, so may better ones.

    Parameters
    ----------
    values : sequence of float
        Average log-likelihood of each end.
    """
    n = len(values)
    different = 1 + int(np.sum(np.diff(np.sort(values)) > SAME))
    return different * (different + 1) / (n * (n - 1)) if n > 1 else 1.0


def in_turn(sources):
    """Yield one of each source in turn, as long as they last."""
    sources = [iter(source) for source in sources]
    while sources:
        left = []
        for source in sources:
            for item in islice(source, 1):
                yield item
                left.append(source)
        sources = left
