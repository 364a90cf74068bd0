"""Many starts, climbed to the end; the best one is the estimate and the others are evidence.

The number of experts is built up one by one: the fit with k - 1 experts contributes starts for k (grown by one expert),
and where no other start does better, the twin of one of its experts, so that log-likelihoods are nested.  Rounds of
starts, in part about the best end so far, go on until some have found nothing better.  With more than ``SAMPLE``
observations the starts climb on a random sample, and the best few distinct ends on all data, unless they lie too low
there to become the best.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gmoe._arrays import Blocks
from gmoe.solvers.climb import N_FINISH, SAME, Settings, best_of, climb, distinct
from gmoe.solvers.em import Ascent
from gmoe.solvers.objective import SCORE, Objective
from gmoe.solvers.sample import Sample
from gmoe.solvers.sparse import candidates, finish, settle
from gmoe.solvers.standing import REGULAR, standing
from gmoe.solvers.starts import DATA_STARTS, from_labels, from_responsibilities, grow, twin, without

# Observations on which starts climb.
SAMPLE = 10_000
# Observations from which starts are made; k-means and logistic regression on more would cost more than the climb.
START_ROWS = 3_000
# The best end has to be met this often, and so many rounds in a row have to find nothing better, unless there have been
# so many starts for each expert beyond the first (up to MULTIPLY: local maxima multiply with the experts, and so do the
# starts).
HITS, IN_VAIN = 3, 3
MAX_STARTS = 100
MULTIPLY = 3
# From a maximum on m observations a climb on all data rises by p / 2m on average (Wilks). An end that lies below the
# best by so many times that is not climbed: at 400 000 observations these climbs were half of the time of a fit.
BEATEN = 20


@dataclass(frozen=True, eq=False)
class Found:
    """The best ascent and what led to it.

    Attributes
    ----------
    best : Ascent
    tops : tuple of ndarray
        Parameters of the best few distinct ends, the best one first: the larger fit grows from them.
    ends : tuple of float
        Value at which each climbed start ended.
    objective : Objective
        The one that ``best`` climbed on.
    interrupted : bool
        Whether the user stopped the search before its end.
    """

    best: Ascent
    tops: tuple[np.ndarray, ...]
    ends: tuple[float, ...]
    objective: Objective
    interrupted: bool = False


def search(make_objective, blocks: Blocks, n_experts: int, settings: Settings, executor) -> Found:
    """Best maximum with ``n_experts`` experts, from data alone.

    Parameters
    ----------
    make_objective : callable
        (blocks, n_experts, executor) -> Objective.
    blocks : Blocks
        Scaled data, without observations of weight zero.
    executor : concurrent.futures.Executor or None
        Threads: over starts on the sample, over blocks on all data; never nested.
    """
    rng = np.random.default_rng([settings.seed, 0])
    run = map if executor is None else executor.map
    few = blocks
    if blocks.n > SAMPLE:
        few = blocks.some(SAMPLE, rng)
    deciding = make_objective(few, n_experts, None)
    if deciding.gate.is_sparse(n_experts):
        finishing = deciding if few is blocks else make_objective(blocks, n_experts, executor)
        return _search_selections(deciding, finishing, settings, run)
    sample = Sample.of(few, START_ROWS, rng)
    smaller: Found | None = None
    for k in range(1, n_experts + 1):
        # Experts' number in the seed, not in the stream: a fit with k experts meets the same fits on its way up as
        # a fit with more.
        rng = np.random.default_rng([settings.seed, k])
        climbing = make_objective(few, k, None)
        ascents = _climb_rounds(climbing, smaller, sample, settings, rng, run)
        if few is blocks:
            smaller = _select(climbing, ascents, [1] * len(ascents), smaller, settings)
        else:
            finishing = make_objective(blocks, k, executor)
            tops, counts = distinct(climbing, ascents)
            rise = climbing.n_parameters / (2 * few.n * _evenness(sample.weight))
            finished = _finished(finishing, [a.evaluation.theta for a in tops], BEATEN * rise, settings)
            smaller = _select(finishing, finished, counts, smaller, settings)
            # The others ended lower on the sample.
            lower = (-np.inf,) * (len(ascents) - sum(counts))
            smaller = replace(smaller, ends=smaller.ends + lower)
    assert smaller is not None  # n_experts >= 1
    return smaller


def _finished(objective, thetas, margin, settings):
    """Climb on from the sample's ends, the best one first; those lower than the best so far by a margin stay there."""
    ascents = [climb(objective, thetas[0], settings, 1)]
    for theta in thetas[1:]:
        at, best = objective.evaluate(theta, SCORE), best_of(objective, ascents).evaluation
        # One at a bound is the best only where there is nothing else, and then all have to be climbed.
        beaten = at.value < best.value - margin and standing(objective, best) == REGULAR
        ascents.append(Ascent(at, (at.value,), False) if beaten else climb(objective, theta, settings, 1))
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
    ascents = [finish(finishing, end.theta, settings) for end in ends]
    best = best_of(finishing, ascents)
    values = tuple(a.evaluation.value for a in ascents)
    return Found(best, (best.evaluation.theta,), values, finishing)


def _climb_rounds(objective, smaller, sample, settings, rng, run):
    """Climb rounds of starts until some find nothing better and the best end has been met a few times.

    The first round is of partitions of the data and of the smaller fit's ends, grown.  Later ones are half as large: a
    quarter partitions, the rest grown from the best end with one of its experts taken out, and from the smaller fit.
    """
    k = objective.n_experts
    if k == 1:
        start = from_responsibilities(objective, sample, np.ones((len(sample.y), 1)))
        return [climb(objective, start, settings)]
    multiple = min(k - 1, MULTIPLY)
    n_starts = settings.n_init * multiple
    groups = _partitions(sample, k, settings.kinds, n_starts, rng) + _grown(smaller, (), sample, n_starts, rng)
    ascents: list[Ascent] = []
    value, in_vain = -np.inf, 0
    while True:
        starts = [from_responsibilities(objective, sample, r) for r in groups]
        ascents += run(partial(climb, objective, settings=settings), starts)
        best = best_of(objective, ascents).evaluation
        in_vain = in_vain + 1 if best.value <= value + SAME else 0
        value = best.value
        hits = sum(abs(a.evaluation.value - value) < SAME for a in ascents)
        if (hits >= HITS and in_vain >= IN_VAIN) or len(ascents) + n_starts > MAX_STARTS * multiple:
            return ascents
        reduced = [without(objective, best.theta, j) for j in range(k)]
        n_data = n_starts // 4
        groups = _partitions(sample, k, settings.kinds, n_data, rng)
        groups += _grown(smaller, reduced, sample, n_starts - n_data, rng)


def _partitions(sample, k, kinds, n_starts, rng):
    """Soft groups of so many partitions of the data, of the kinds in turn."""
    first = int(rng.integers(len(kinds)))
    return [from_labels(DATA_STARTS[kinds[(first + i) % len(kinds)]](sample, k, rng), k) for i in range(n_starts)]


def _grown(smaller, reduced, sample, n_starts, rng):
    """Soft groups of so many fits with one expert more than the reduced ones and the smaller fit's ends, in turn."""
    models = [*reduced, *smaller.tops]
    shares = [len(range(i, n_starts, len(models))) for i in range(len(models))]
    return [
        group
        for theta, share in zip(models, shares, strict=True)
        for group in grow(smaller.objective, theta, sample, share, rng)
    ]


def _select(objective, ascents, counts, smaller, settings):
    """Best of the ends, or where none reaches the smaller fit, of its twin as well.

    ``counts`` says how many starts met each end.
    """
    floor = -np.inf if smaller is None else smaller.best.evaluation.value
    best = best_of(objective, ascents, floor)
    if best.evaluation.value < floor and objective.gate.doubles:
        shares = smaller.objective.evaluate(smaller.best.evaluation.theta, SCORE).sums.g_scalar[1]
        start = twin(smaller.objective, smaller.best.evaluation.theta, int(np.argmax(shares)))
        ascents, counts = [*ascents, climb(objective, start, settings, 0)], [*counts, 1]
        best = best_of(objective, ascents, floor)
    others = [a for a in distinct(objective, ascents)[0] if a.evaluation.value < best.evaluation.value - SAME]
    tops = tuple(a.evaluation.theta for a in [best, *others][:N_FINISH])
    ends = tuple(np.repeat([a.evaluation.value for a in ascents], counts))
    return Found(best, tops, ends, objective)


def better(first: Found, second: Found) -> Found:
    """Return the better of two ends on one objective, with the evidence of both."""
    best = best_of(first.objective, [first.best, second.best])
    return replace(first, best=best, ends=first.ends + second.ends)
