"""One climb of a search, and the best of several."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gmoe.solvers.ascent.em import Ascent, em
from gmoe.solvers.ascent.face import keep_inside
from gmoe.solvers.ascent.newton import Spectrum
from gmoe.solvers.ascent.orthants import newton
from gmoe.solvers.problem.coordinates import Coordinates
from gmoe.solvers.problem.objective import OBSERVED, Evaluation
from gmoe.solvers.search.labelled import labelled
from gmoe.solvers.search.schedule import cooled
from gmoe.solvers.search.standing import enter, is_regular, on_flat_walls, price

# EM steps before a start's Newton climb: they forget an implausible start without settling in its basin's details.
EM_STEPS = 8
# Newton steps along a bound of an expert after which a climb is left there, as long as others end inside.
PATIENCE = 5
# Log-likelihood below the best end at which another end is of no use, not even to grow from.
BEATEN = 5.0
# Log-likelihood by which a climb that was left there may still rise.
RISE = 5.0
# Average values closer than this are the same maximum.
SAME = 1e-8
# Average values that differ by less differ by rounding.
ROUNDING = 1e-12
# Distinct ends that are kept: on a sample, to climb on to the end on all data.
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
    report: Callable | None = None
    keep_interrupted: bool = False


def climb(objective, theta, settings, em_steps=EM_STEPS, scout=None, **left) -> Ascent:
    """Follow one start to the end with the solver of the settings.

    The first steps go on the scout, an objective of fewer observations, where there is one; ``left`` are newton's
    reasons to leave the climb.
    """
    if settings.schedule is not None:
        theta = cooled(objective, theta, settings.schedule, settings.tol)
    if settings.solver == "em":
        return _em_off_saddles(objective, on_flat_walls(objective, theta), settings)
    at: Evaluation | None = None
    history: tuple[float, ...] = ()
    if em_steps:
        early = _first_steps(objective if scout is None else scout, theta, settings, em_steps)
        theta = early.evaluation.theta
        if scout is None:
            at, history = early.evaluation, early.history[:-1]
    theta = enter(objective, theta, at)
    late = newton(objective, theta, settings.tol, settings.max_iter - len(history), **left)
    return Ascent(late.evaluation, history + late.history, late.converged)


def _first_steps(objective, theta, settings, em_steps):
    # A start may have too few rows for an expert, which finds more on the way.
    free = objective.free
    early = em(free, on_flat_walls(free, theta), settings.tol, min(em_steps, settings.max_iter))
    return early if free is objective else labelled(objective, early)


def begin(objective, settings, theta) -> Ascent | None:
    """Take the first steps of one start of many; None where it breaks down."""
    try:
        ascent = _first_steps(objective, theta, settings, EM_STEPS)
    except np.linalg.LinAlgError:
        return None
    return ascent if np.isfinite(ascent.evaluation.value) else None


def climb_or_none(objective, scout, settings, best, theta):
    """Follow one start of many; one that breaks down numerically is one start less.

    ``best`` is the value of the best end so far: a climb that will end far below is left on the way.
    """
    patience = PATIENCE if objective.space.interior_first else None
    beaten = best - BEATEN / objective.blocks.n_rows
    try:
        ascent = climb(objective, theta, settings, scout=scout, patience=patience, beaten=beaten)
    except np.linalg.LinAlgError:
        return None
    return ascent if np.isfinite(ascent.evaluation.value) else None


def finish_held(objective, ascents, settings):
    """Climb on from the best few ends that were left at a bound and may yet be the best of all; the others stay."""
    best = best_of(objective, ascents).evaluation
    claim = best.value - price(objective, best) if np.isfinite(price(objective, best)) else -np.inf
    least = claim - RISE / objective.blocks.n_rows
    held = [a for a in ascents if not a.converged and len(a.history) <= settings.max_iter]
    held = [a for a in held if a.evaluation.value - min(price(objective, a.evaluation), 1e300) >= least]
    held = sorted(held, key=lambda a: -a.evaluation.value)[:N_FINISH]
    return [climb_on(objective, a, settings) if any(a is h for h in held) else a for a in ascents]


def climb_on(objective, ascent, settings) -> Ascent:
    """Climb on from an end that was left on the way."""
    left = settings.max_iter - len(ascent.history) + 1
    late = newton(objective, ascent.evaluation.theta, settings.tol, left)
    return replace(late, history=ascent.history + late.history[1:])


def _em_off_saddles(objective, theta, settings):
    """EM, and from a point of small gradient that is no maximum a push along the upward curvature, and EM again."""
    ascent = em(objective, theta, settings.tol, settings.max_iter)
    left = settings.max_iter - len(ascent.history) + 1
    if not ascent.converged and left > 0:
        # An expert is about to have too few rows: EM does not know that wall of the parameter space.
        late = newton(objective, ascent.evaluation.theta, settings.tol, left)
        return Ascent(late.evaluation, ascent.history + late.history[1:], late.converged)
    while ascent.converged and len(ascent.history) <= settings.max_iter:
        at = objective.evaluate(ascent.evaluation.theta, OBSERVED)
        coordinates = Coordinates(objective)
        model = Spectrum(at, coordinates, objective.walls(at))
        if model.is_maximum:
            break
        step = model.step(0.1)
        point, _, _ = keep_inside(model.face, at.theta, coordinates.along(at.theta, step))
        again = em(objective, point, settings.tol, settings.max_iter - len(ascent.history))
        if again.evaluation.value <= at.value:
            break
        ascent = Ascent(again.evaluation, ascent.history + again.history, again.converged)
    return ascent


def best_of(objective, ascents, floor=-np.inf):
    """Pick the largest maximum after what it must pay: see :func:`gmoe.solvers.search.standing.price`.

    One that pays without limit wins only where all others are below ``floor``, the value of the smaller fit.  Of equal
    ones, to rounding, one that has converged.
    """

    def rank(ascent):
        value, due = ascent.evaluation.value, price(objective, ascent.evaluation)
        good = value >= floor and np.isfinite(due)
        return (2, value - due) if good else (int(not objective.outside(ascent.evaluation)), value)

    ranks = [(rank(a), a) for a in ascents if np.isfinite(a.evaluation.value)]
    place, claim = max(r for r, _ in ranks)
    equal = [a for r, a in ranks if r[0] == place and r[1] >= claim - ROUNDING]
    return max(equal, key=lambda a: (a.converged, a.evaluation.value))


def distinct(objective, ascents):
    """Pick the best few ends with different values, and count the ascents that met each."""
    ordered = sorted(ascents, key=lambda a: -a.evaluation.value)
    regular = [a for a in ordered if is_regular(objective, a.evaluation)] or ordered
    kept: list[Ascent] = []
    counts: list[int] = []
    for ascent in regular:
        if kept and kept[-1].evaluation.value - ascent.evaluation.value <= SAME:
            counts[-1] += 1
        elif len(kept) < N_FINISH:
            kept.append(ascent)
            counts.append(1)
    return kept, counts
