"""Many starts, climbed to the end; the best one is the estimate and the others are evidence.

The number of experts is built up one by one: the fit with k - 1 experts contributes starts for k (an expert cut in
two), and where no other start does better, the twin of one of its experts, so that log-likelihoods are nested.  With
more than ``SAMPLE`` observations the starts climb on a random sample, and the best few distinct ends on all data.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gmoe.solvers.em import Ascent, em
from gmoe.solvers.newton import Spectrum, newton
from gmoe.solvers.objective import OBSERVED, SCORE, Objective
from gmoe.solvers.sample import Sample
from gmoe.solvers.scaling import Scaling
from gmoe.solvers.schedule import cooled
from gmoe.solvers.space import Space
from gmoe.solvers.sparse import candidates, finish, settle
from gmoe.solvers.spikes import has_spike
from gmoe.solvers.starts import DATA_STARTS, from_labels, from_responsibilities, grow, twin

# Observations on which starts climb.
SAMPLE = 10_000
# Observations from which starts are made; k-means and logistic regression on more would cost more than the climb.
START_ROWS = 3_000
# EM steps before a start's Newton climb: they forget an implausible start without settling in its basin's details.
EM_STEPS = 15
# Starts go on in rounds until the best end has been met this often, or until there are this many.
HITS = 3
MAX_STARTS = 200
# Average values closer than this are the same maximum.
SAME = 1e-8
# Distinct ends on the sample that climb on to the end on all data.
N_FINISH = 4


@dataclass(frozen=True)
class Settings:
    """How to search: see :func:`gmoe.solvers.fit.fit`."""

    solver: str
    n_init: int
    kinds: tuple[str, ...]
    tol: float
    max_iter: int
    schedule: tuple[float, ...] | None
    seed: int


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
    """

    best: Ascent
    tops: tuple[np.ndarray, ...]
    ends: tuple[float, ...]
    objective: Objective


def climb(objective, theta, settings, em_steps=EM_STEPS) -> Ascent:
    """Follow one start to the end with the solver of the settings."""
    if settings.schedule is not None:
        theta = cooled(objective, theta, settings.schedule, settings.tol)
    if settings.solver == "em":
        return _em_off_saddles(objective, theta, settings)
    history: tuple[float, ...] = ()
    if em_steps:
        early = em(objective, theta, settings.tol, em_steps)
        theta, history = early.evaluation.theta, early.history[:-1]
    late = newton(objective, theta, settings.tol, settings.max_iter)
    return Ascent(late.evaluation, history + late.history, late.converged)


def _em_off_saddles(objective, theta, settings):
    """EM, and from a point of small gradient that is no maximum a push along the upward curvature, and EM again."""
    ascent = em(objective, theta, settings.tol, settings.max_iter)
    while ascent.converged and len(ascent.history) <= settings.max_iter:
        at = objective.evaluate(ascent.evaluation.theta, OBSERVED)
        model = Spectrum(at, Space(objective))
        if model.is_maximum:
            break
        point, _, _ = model.step(0.1)
        again = em(objective, point, settings.tol, settings.max_iter - len(ascent.history))
        if again.evaluation.value <= at.value:
            break
        ascent = Ascent(again.evaluation, ascent.history + again.history, again.converged)
    return ascent


def search(make_objective, scaling: Scaling, data, n_experts: int, settings: Settings, executor) -> Found:
    """Best maximum with ``n_experts`` experts, from data alone.

    Parameters
    ----------
    make_objective : callable
        (blocks, n_experts, executor) -> Objective.
    data : tuple (X, y, weight)
        Raw data, without observations of weight zero.
    executor : concurrent.futures.Executor or None
        Threads: over starts on the sample, over blocks on all data; never nested.
    """
    X, y, weight = data
    rng = np.random.default_rng([settings.seed, 0])
    run = map if executor is None else executor.map
    blocks = few = scaling.blocks(X, y, weight, run)
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
            finished = [climb(finishing, a.evaluation.theta, settings, 1) for a in tops]
            smaller = _select(finishing, finished, counts, smaller, settings)
            # The others ended lower on the sample.
            lower = (-np.inf,) * (len(ascents) - sum(counts))
            smaller = replace(smaller, ends=smaller.ends + lower)
    assert smaller is not None  # n_experts >= 1
    return smaller


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
    """Climb rounds of starts until the best end has been met a few times, or the starts are many."""
    ascents: list[Ascent] = []
    while True:
        starts = _starts(objective, smaller, sample, settings, rng)
        ascents += run(partial(climb, objective, settings=settings), starts)
        best = best_of(objective, ascents).evaluation.value
        hits = sum(abs(a.evaluation.value - best) < SAME for a in ascents)
        if objective.n_experts == 1 or hits >= HITS or len(ascents) + len(starts) > MAX_STARTS:
            return ascents


def _starts(objective, smaller, sample, settings, rng):
    k = objective.n_experts
    if k == 1:
        return [from_responsibilities(objective, sample, np.ones((len(sample.y), 1)))]
    groups = []
    # Local maxima multiply with the experts, and so do the starts.
    n_starts = settings.n_init * min(k - 1, 3)
    for i in range(n_starts):
        kind = DATA_STARTS[settings.kinds[i % len(settings.kinds)]]
        groups.append(from_labels(kind(sample, k, rng), k))
    for i, theta in enumerate(smaller.tops):
        share = len(range(i, n_starts, len(smaller.tops)))
        groups += grow(smaller.objective, theta, sample, share, rng)
    return [from_responsibilities(objective, sample, r) for r in groups]


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


def best_of(objective, ascents, floor=-np.inf):
    """Pick the largest maximum without a spike: where a variance vanishes the likelihood is unbounded.

    One with a spike wins only where all others are below ``floor``, the value of the smaller fit.
    """

    def rank(ascent):
        value = ascent.evaluation.value
        return value >= floor and not has_spike(objective, ascent.evaluation), value

    return max((a for a in ascents if np.isfinite(a.evaluation.value)), key=rank)


def better(first: Found, second: Found) -> Found:
    """Return the better of two ends on one objective, with the evidence of both."""
    best = best_of(first.objective, [first.best, second.best])
    return replace(first, best=best, ends=first.ends + second.ends)


def distinct(objective, ascents):
    """Pick the best few ends with different values, and count the ascents that met each."""
    ordered = sorted(ascents, key=lambda a: -a.evaluation.value)
    interior = [a for a in ordered if not has_spike(objective, a.evaluation)] or ordered
    kept: list[Ascent] = []
    counts: list[int] = []
    for ascent in interior:
        if kept and kept[-1].evaluation.value - ascent.evaluation.value <= SAME:
            counts[-1] += 1
        elif len(kept) < N_FINISH:
            kept.append(ascent)
            counts.append(1)
    return kept, counts
