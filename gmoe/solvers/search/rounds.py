"""Rounds of starts for one number of experts, each round independent of the others.

That two rounds (:mod:`gmoe.solvers.search.round`) meet in the same end is evidence: they share the data, and nothing
else.  A search with a larger ``n_init`` makes the same rounds and more.
"""

from dataclasses import dataclass, field

import numpy as np

from gmoe.solvers.search.climb import SAME, Settings, best_of, climb, distinct
from gmoe.solvers.search.round import Round
from gmoe.solvers.starts.kinds import from_responsibilities

# Starts of a batch for each expert, up to MULTIPLY: local maxima multiply with the experts.
BATCH, MULTIPLY = 5, 3
# Observations on which a start takes its first steps.
SCOUT = 1_500
# So many rounds have to agree on the best end, unless there have been so many.
AGREE, MAX_ROUNDS = 2, 6
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
    some = objective.blocks.some(SCOUT, np.random.default_rng([settings.seed, k]))
    scout = None if some is objective.blocks else objective.on(some)
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
            around = Round(objective, scout, smaller, sample, settings, rng, run, number, size, crowded)
            for ascents in around.climbs():
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
        enough = crowded or found.settled is not None or len(found.sizes) >= MAX_ROUNDS
        if found.interrupted or (len(found.sizes) >= least and enough):
            return found


def is_crowded(objective) -> bool:
    """Whether the rows are too few to give every expert half more than what the parameter space would ask for."""
    own, n_slopes, n = objective.n_expert, objective.gate_size.n_features, objective.blocks.n_rows
    per_expert = max(objective.space.min_rows(own, n_slopes, np.inf, 1), own)
    return 1.5 * objective.n_fitted * per_expert > n


def _agreed(found, settings):
    """Whether rounds agree on the best end; where no second round was asked for, one is enough."""
    return settings.n_init <= BATCH or found.agreeing(found.best_value) >= AGREE


def _report(settings, found):
    if settings.report is not None and found.ascents:
        objective = found.objective
        shift = 0.0 if objective.scaling is None else objective.scaling.log_unit
        value = objective.blocks.total_weight * (found.best_value - shift)
        settings.report(objective.n_experts, len(found.ascents), value)
