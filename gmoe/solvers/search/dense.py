"""Many starts, climbed to the end; the best one is the estimate and the others are evidence.

The number of experts is built up one by one: the fit with k - 1 experts contributes starts for k (grown by one expert),
and where no other start does better, the twin of one of its experts, so that log-likelihoods are nested.  At each
number of experts rounds (:mod:`gmoe.solvers.search.rounds`) go on until two of them, independent of each other, have
met the best end.
With more than ``SAMPLE`` observations the starts climb on a random sample, and the best few distinct ends on all data,
unless they lie too low there to become the best.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gmoe._arrays import Blocks
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.problem.objective import SCORE, Objective
from gmoe.solvers.search.climb import N_FINISH, SAME, Settings, best_of, climb, climb_on, distinct, finish_held
from gmoe.solvers.search.rounds import Rounds, climb_rounds, is_crowded
from gmoe.solvers.search.sparse import candidates, finish, settle
from gmoe.solvers.search.standing import is_regular
from gmoe.solvers.starts.kinds import largest, twin
from gmoe.solvers.starts.sample import Sample

# Observations on which starts climb.
SAMPLE = 10_000
# Observations from which starts are made; k-means and logistic regression on more would cost more than the climb.
START_ROWS = 1_500
# From a maximum on m observations a climb on all data rises by p / 2m on average (Wilks). An end that lies below the
# best by so many times that is not climbed: at 400 000 observations these climbs were half of the time of a fit.
BEATEN = 20


@dataclass(frozen=True, eq=False)
class Found:
    """The best ascent and what led to it.

    Attributes
    ----------
    best : Ascent
    tops : tuple of tuple of ndarray
        Parameters of the best few distinct ends, the best one first: the larger fit grows from them. One tuple for
        each round, of what was known by then.
    ends : tuple of float
        Value at which each climbed start ended.
    objective : Objective
        The one that ``best`` climbed on.
    n_rounds, n_rounds_agreeing : int
        Independent rounds of the search, and how many of them met the best end.
    interrupted : bool
        Whether the user stopped the search before its end.
    settled : int or None
        The first round with which rounds agreed.
    ascents : tuple of Ascent
        Those that led to ``ends``, as far as they are kept.
    """

    best: Ascent
    tops: tuple[tuple[np.ndarray, ...], ...]
    ends: tuple[float, ...]
    objective: Objective
    n_rounds: int = 1
    n_rounds_agreeing: int = 1
    interrupted: bool = False
    settled: int | None = None
    ascents: tuple[Ascent, ...] = ()

    def tops_of(self, number: int):
        """Return what a round of the larger fit grows from: the ends of all rounds up to its own.

        Up to the one with which rounds agreed: what a search with a smaller ``n_init`` has as well.
        """
        last = len(self.tops) - 1 if self.settled is None else self.settled
        return self.tops[min(number, last)]


def search(make_objective, blocks: Blocks, numbers: Collection[int], settings: Settings, executor) -> Iterator[Found]:
    """Best maxima with some numbers of experts, from data alone: all of them cost what the largest one does.

    Parameters
    ----------
    make_objective : callable
        (blocks, n_experts, executor) -> Objective.
    blocks : Blocks
        Scaled data, without observations of weight zero.
    numbers : collection of int
        Of experts; a single one where the gate is sparse.
    executor : concurrent.futures.Executor or None
        Threads: over starts on the sample, over blocks on all data; never nested.

    Yields
    ------
    Found
        For each number, rising. Of an interrupted search the last one is at hand, and those above are left out.
    """
    rng = np.random.default_rng([settings.seed, 0])
    run = map if executor is None else executor.map
    few = blocks.some(SAMPLE, rng) if blocks.n > SAMPLE else blocks
    deciding = make_objective(few, max(numbers), None)
    if deciding.gate.is_sparse(max(numbers)):
        finishing = deciding if few is blocks else make_objective(blocks, max(numbers), executor)
        yield _search_selections(deciding, finishing, settings, run)
        return
    sample = Sample.of(few, START_ROWS, rng)
    smaller: Found | None = None
    for k in range(1 + deciding.experts.n_given, max(numbers) + 1):
        climbing = make_objective(few, k, None)
        if smaller is not None and k not in numbers and is_crowded(climbing) and climbing.gate.doubles:
            # No step on the way is worth a climb where the data could not tell its experts apart.
            smaller = _doubled(make_objective(smaller.objective.blocks, k, None), smaller)
            continue
        rounds = climb_rounds(climbing, smaller, sample, settings, run)
        following = min(number for number in numbers if number >= k)
        if not rounds.ascents:
            yield _grown_to(make_objective, smaller, following)
            return
        if few is blocks:
            smaller = _select(climbing, rounds, rounds.ascents, [1] * len(rounds.ascents), smaller, settings)
        else:
            smaller = _on_all(make_objective(blocks, k, executor), climbing, rounds, smaller, sample, settings)
        if k in numbers:
            yield smaller
        elif smaller.interrupted:
            yield _grown_to(make_objective, smaller, following)
        if smaller.interrupted:
            return


def _on_all(finishing, climbing, rounds: Rounds, smaller, sample, settings):
    """Climb on from the sample's best ends to those on all data."""
    ends, counts = distinct(climbing, rounds.ascents)
    follow = partial(climb, settings=settings, em_steps=1)
    finished = climb_on_all(finishing, climbing, ends, follow, _evenness(sample.weight))
    found = _select(finishing, rounds, finished, counts, smaller, settings)
    # The others ended lower on the sample.
    return replace(found, ends=found.ends + (-np.inf,) * (len(rounds.ascents) - sum(counts)))


def _grown_to(make_objective, smaller, n_experts):
    """Return what an interrupted search has: the fit with fewer experts, some of them doubled."""
    if smaller is None or not smaller.objective.gate.doubles:
        raise KeyboardInterrupt
    for k in range(smaller.objective.n_experts + 1, n_experts + 1):
        smaller = _doubled(make_objective(smaller.objective.blocks, k, None), smaller)
    return replace(smaller, interrupted=True)


def _doubled(objective, smaller):
    """Return the fit with one expert less, its largest one doubled: the same density."""
    before = smaller.best.evaluation
    theta = twin(smaller.objective, before.theta, largest(smaller.objective, before))
    at = objective.evaluate(theta)
    return Found(Ascent(at, (at.value,), False), ((theta,),), (at.value,), objective)


def climb_on_all(objective, few, ends, follow, evenness=1.0):
    """Climb on from a sample's best ends on all data.

    The best one goes first; those lower than the best so far by more than a climb may rise stay there.

    Parameters
    ----------
    objective, few : Objective
        Of all data and of the sample.
    ends : list of Ascent
    follow : callable
        (objective, theta) -> Ascent.
    evenness : float
        Share of the sample's rows that would say as much as all do, had they equal weights.
    """
    margin = BEATEN * few.n_parameters / (2 * few.blocks.n * evenness)
    ascents = [follow(objective, ends[0].evaluation.theta)]
    for end in ends[1:]:
        at, best = objective.evaluate(end.evaluation.theta, SCORE), best_of(objective, ascents).evaluation
        # One at a bound is the best only where there is nothing else, and then all have to be climbed.
        beaten = at.value < best.value - margin and is_regular(objective, best)
        ascents.append(Ascent(at, (at.value,), False) if beaten else follow(objective, at.theta))
    return ascents


def _evenness(weight):
    """Share of the observations that would say as much as all do, had they equal weights (Kish)."""
    return weight.mean() ** 2 / np.mean(weight**2)


def _search_selections(deciding, finishing, settings, run):
    """Search for a sparse gate: models with one expert more are no larger class, so nothing is built up."""
    seed = [settings.seed, deciding.n_experts]
    ends = candidates(deciding, settings, seed, run)
    if finishing is not deciding and finishing.blocks.in_memory:
        ends[0] = settle(finishing, ends[0].theta, seed)
    ascents = list(run(partial(finish, finishing, settings=settings), [end.theta for end in ends]))
    best = best_of(finishing, ascents)
    values = tuple(a.evaluation.value for a in ascents)
    return Found(best, ((best.evaluation.theta,),), values, finishing)


def _select(objective, rounds: Rounds, ascents, counts, smaller, settings):
    """Best of the ends, or where none reaches the smaller fit, of its twin as well.

    ``counts`` says how many starts met each end.
    """
    # Under constraints a fit need not reach the smaller one, which has none.
    nested = smaller is not None and not objective.terms.are_there
    floor = smaller.best.evaluation.value if smaller is not None and nested else -np.inf
    ascents, counts = finish_held(objective, ascents, settings), list(counts)
    best = best_of(objective, ascents, floor)
    if (best.evaluation.value < floor or not is_regular(objective, best.evaluation)) and smaller is not None and nested:
        if objective.gate.doubles:
            before = smaller.best.evaluation
            start = twin(smaller.objective, before.theta, largest(smaller.objective, before))
            ascents, counts = [*ascents, climb(objective, start, settings, 0)], [*counts, 1]
            best = best_of(objective, ascents, floor)
    for _ in range(N_FINISH):
        place = next(i for i, a in enumerate(ascents) if a is best)
        if best.converged or len(best.history) > settings.max_iter:
            break
        ascents[place] = climb_on(objective, best, settings)
        best = best_of(objective, ascents, floor)
    others = [a for a in distinct(objective, ascents)[0] if a.evaluation.value < best.evaluation.value - SAME]
    final = tuple(a.evaluation.theta for a in [best, *others][:N_FINISH])
    ends = tuple(np.repeat([a.evaluation.value for a in ascents], counts))
    # On a sample rounds agree on the sample's best end.
    agreeing = rounds.agreeing(best.evaluation.value if objective is rounds.objective else rounds.best_value)
    return Found(
        best,
        (*rounds.tops[:-1], final),
        ends,
        objective,
        len(rounds.sizes),
        agreeing,
        rounds.interrupted,
        rounds.settled,
        tuple(ascents),
    )


def better(first: Found, second: Found) -> Found:
    """Return the better of two ends on one objective, with the evidence of both."""
    best = best_of(first.objective, [first.best, second.best])
    return replace(first, best=best, ends=first.ends + second.ends)
