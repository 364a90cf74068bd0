"""Rounds of starts for one number of experts, each round independent of the others.

A round climbs partitions of the data and the smaller fit's ends, grown by one expert, a few at a time, until maxima
that it has not met have hardly any mass left (:func:`unseen`).  Where they may have some after all of these, it goes on
with batches of starts about its own best end, with one expert taken out and grown again, until a batch finds nothing
better.  That two rounds meet in the same end is evidence: they share the data, and nothing else.  A search with a
larger ``n_init`` makes the same rounds and more.
"""

from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice

import numpy as np

from gmoe.solvers.search.climb import SAME, Settings, best_of, climb, climb_or_none, distinct, promising
from gmoe.solvers.starts.given import beside_given
from gmoe.solvers.starts.kinds import DATA_STARTS, from_labels, from_responsibilities, grow, kick, steepen

# Starts of a batch for each expert, up to MULTIPLY: local maxima multiply with the experts.
BATCH, MULTIPLY = 5, 3
# Starts after which a round looks how much it has not seen; even, so that two threads have as many each.
LOOK = 6
# Mass of unseen maxima at which a round ends.
UNSEEN = 0.15
# Starts for each that is climbed, where a round goes on: those that are highest after a few steps.
POOL = 4
# Rounds have to agree on the best end, unless there have been so many starts for each of these experts.
AGREE, MAX_STARTS = 2, 120
# Where the data have no room for so many experts, so many starts: nothing is to be found that data could tell apart.
CROWDED_STARTS = 3


@dataclass
class Rounds:
    """What the rounds of one number of experts found.

    Attributes
    ----------
    objective : Objective
    ascents : list of Ascent
        All climbed starts, in turn.
    sizes : list of int
        Starts of each round.
    tops : list of tuple of ndarray
        After each round the best few distinct ends.
    interrupted : bool
    settled : int or None
        The first round with which rounds agreed.
    """

    objective: object
    ascents: list = field(default_factory=list)
    sizes: list = field(default_factory=list)
    tops: list = field(default_factory=list)
    interrupted: bool = False
    settled: int | None = None

    @property
    def best_value(self) -> float:
        """Value of the best end."""
        return best_of(self.objective, self.ascents).evaluation.value

    def agreeing(self, value) -> int:
        """How many rounds have an end of that value."""
        bounds = np.cumsum([0, *self.sizes])
        return sum(
            any(abs(a.evaluation.value - value) < SAME for a in self.ascents[start:stop])
            for start, stop in zip(bounds[:-1], bounds[1:], strict=True)
        )


def climb_rounds(objective, smaller, sample, settings: Settings, run) -> Rounds:
    """Climb rounds of starts until two agree on the best end.

    Parameters
    ----------
    objective : Objective
    smaller : Found or None
        The fit with one expert less.
    sample : Sample
    settings : Settings
    run : callable
        ``map``, or that of an executor.
    """
    k, found = objective.n_experts, Rounds(objective)
    if k == 1:
        start = from_responsibilities(objective, sample, np.ones((len(sample.y), 1)))
        found.ascents, found.sizes = [climb(objective, start, settings)], [1]
        found.tops = [(found.ascents[0].evaluation.theta,)]
        return found
    multiple, crowded = min(k, MULTIPLY), is_crowded(objective)
    least = 1 if crowded else -(-settings.n_init // BATCH)
    while True:
        number = len(found.sizes)
        rng = np.random.default_rng([settings.seed, k, number])
        size = CROWDED_STARTS if crowded else min(settings.n_init, BATCH) * multiple
        before = len(found.ascents)
        try:
            for ascents in _round(objective, smaller, sample, settings, rng, run, number, size, crowded):
                found.ascents += ascents
                _report(settings, found)
        except KeyboardInterrupt:
            if not settings.keep_interrupted:
                raise
            found.interrupted = True
        if len(found.ascents) > before:
            found.sizes.append(len(found.ascents) - before)
            found.tops.append(tuple(a.evaluation.theta for a in distinct(objective, found.ascents)[0]))
            if found.settled is None and _agreed(found, settings):
                found.settled = len(found.sizes) - 1
        full = len(found.ascents) + found.sizes[-1] > MAX_STARTS * multiple if found.sizes else False
        if found.interrupted or (len(found.sizes) >= least and (found.settled is not None or full or crowded)):
            return found


def is_crowded(objective) -> bool:
    """Whether the rows are too few to give every expert half more than what the parameter space would ask for."""
    own, n_slopes, n = objective.n_expert, objective.gate_size.n_features, objective.blocks.n_rows
    per_expert = max(objective.space.min_rows(own, n_slopes, np.inf, 1), own)
    return 1.5 * objective.n_fitted * per_expert > n


def _agreed(found, settings):
    """Whether rounds agree on the best end; where no second round was asked for, one is enough."""
    return settings.n_init <= BATCH or found.agreeing(found.best_value) >= AGREE


def _round(objective, smaller, sample, settings, rng, run, number, size, crowded):
    """Yield the ascents of one round, batch by batch."""
    # Without a smaller fit there is nothing to grow: one expert beside those with a given density.
    tops = () if smaller is None else smaller.tops_of(number)
    partitions = () if crowded and tops else _partitions(objective, sample, settings.kinds, size, rng)
    groups = _in_turn([partitions, _grown(smaller, tops, (), sample, size, rng)])
    starts = (_start(objective, sample, r, i // 2, rng) for i, r in enumerate(groups))
    own: list = []
    for few in iter(lambda: list(islice(starts, LOOK)), []):
        batch = _climbed(objective, settings, -np.inf, few, run)
        own += batch
        yield batch
        if unseen([a.evaluation.value for a in own]) < UNSEEN:
            return
    if not own:
        raise FloatingPointError("No start could be climbed: the likelihood overflows; rescale X and y.")
    value, best = -np.inf, best_of(objective, own).evaluation
    while best.value > value + SAME and not crowded:
        value = best.value
        reduced = [(objective, best.theta, j) for j in range(objective.n_fitted) if tops]
        n_data = POOL * size // 4
        partitions = _partitions(objective, sample, settings.kinds, n_data, rng)
        groups = chain(partitions, _grown(smaller, tops, reduced, sample, POOL * size - n_data, rng))
        pool = [_start(objective, sample, r, i, rng) for i, r in enumerate(groups)]
        if len(objective.bent_index):
            pool += [kick(objective, best.theta, rng) for _ in range(2 * size)]
        # The best of the own round alone: rounds stay independent.
        batch = _climbed(objective, settings, value, promising(objective, settings, pool, size, run), run)
        own += batch
        yield batch
        best = best_of(objective, own).evaluation


def _climbed(objective, settings, value, starts, run):
    """Climb from some starts; ``value`` is that of the best end so far."""
    follow = partial(climb_or_none, objective, settings, value)
    return [ascent for ascent in run(follow, starts) if ascent is not None]


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


def _start(objective, sample, groups, number, rng):
    """Parameters of soft groups; every second ones arranged: what the features tell apart best is not always right."""
    return steepen(objective, from_responsibilities(objective, sample, groups, number % 2 == 1), number, rng)


def _partitions(objective, sample, kinds, n_starts, rng):
    """Yield soft groups of so many partitions of the data, of the kinds in turn."""
    first, k = int(rng.integers(len(kinds))), objective.n_fitted
    for i in range(n_starts):
        groups = from_labels(DATA_STARTS[kinds[(first + i) % len(kinds)]](sample, k, rng), k)
        yield beside_given(groups, objective.experts.n_given, sample, rng, i)


def _grown(smaller, tops, reduced, sample, n_starts, rng):
    """Soft groups of so many fits with one expert more than the reduced ones and the smaller fit's ends, in turn.

    A reduced one is (objective, parameters, expert to leave out).
    """
    models = [*reduced, *((smaller.objective, theta, None) for theta in tops)]
    shares = [len(range(i, n_starts, len(models))) for i in range(len(models))]
    return _in_turn(
        [
            grow(objective, theta, sample, share, rng, left_out)
            for (objective, theta, left_out), share in zip(models, shares, strict=True)
        ]
    )


def _in_turn(sources):
    """Yield one of each source in turn, as long as they last."""
    sources = [iter(source) for source in sources]
    while sources:
        left = []
        for source in sources:
            for item in islice(source, 1):
                yield item
                left.append(source)
        sources = left


def _report(settings, found):
    if settings.report is not None and found.ascents:
        objective = found.objective
        shift = 0.0 if objective.scaling is None else objective.scaling.log_unit
        value = objective.blocks.total_weight * (found.best_value - shift)
        settings.report(objective.n_experts, len(found.ascents), value)
