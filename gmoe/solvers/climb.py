"""One climb of a search, and the best of several."""

from dataclasses import dataclass

import numpy as np

from gmoe.solvers.em import Ascent, em
from gmoe.solvers.newton import Spectrum, newton
from gmoe.solvers.objective import OBSERVED
from gmoe.solvers.schedule import cooled
from gmoe.solvers.space import Space
from gmoe.solvers.spikes import has_spike

# EM steps before a start's Newton climb: they forget an implausible start without settling in its basin's details.
EM_STEPS = 15
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


def best_of(objective, ascents, floor=-np.inf):
    """Pick the largest maximum without a spike: where a variance vanishes the likelihood is unbounded.

    One with a spike wins only where all others are below ``floor``, the value of the smaller fit.  Of equal ones, to
    rounding, one that has converged.
    """

    def rank(ascent):
        value = ascent.evaluation.value
        return value >= floor and not has_spike(objective, ascent.evaluation), value

    ranks = [(rank(a), a) for a in ascents if np.isfinite(a.evaluation.value)]
    kind, value = max(r for r, _ in ranks)
    equal = [a for r, a in ranks if r[0] == kind and r[1] >= value - ROUNDING]
    return max(equal, key=lambda a: (a.converged, a.evaluation.value))


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
