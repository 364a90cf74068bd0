"""One fit from raw arrays to a certificate."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from gmoe._limits import excess
from gmoe.constraints import Constraint
from gmoe.experts import GAUSSIAN, BaseExperts
from gmoe.gates import BaseGate
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.part import Size
from gmoe.solvers._blas import single_threaded
from gmoe.solvers.constrained import check_constrained, terms_of
from gmoe.solvers.evidence.certificate import certify, is_interior
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.evidence.separation import outward, separating_direction
from gmoe.solvers.problem.layout import Layout
from gmoe.solvers.problem.objective import SCORE, WHOLE, Objective
from gmoe.solvers.problem.passes import block_size
from gmoe.solvers.problem.raw import scaled_parameters
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.search.climb import EM_STEPS, Settings, best_of, climb, distinct
from gmoe.solvers.search.cold import follow_to_cold, goes_cold
from gmoe.solvers.search.dense import SAMPLE, Found, better, climb_on_all, search
from gmoe.solvers.search.sparse import finish, settle
from gmoe.solvers.search.standing import on_flat_walls
from gmoe.solvers.starts.kinds import DATA_STARTS, from_responsibilities
from gmoe.solvers.starts.sample import Sample


def fit(X, y, weight=None, *, n_experts: int, **settings) -> FitResult:
    """Fit a mixture of ``n_experts`` experts; a pure function of its arguments, which are those of :func:`fit_path`."""
    return fit_path(X, y, weight, numbers=(n_experts,), **settings)[0]


def fit_path(
    X,
    y,
    weight=None,
    *,
    gate: BaseGate,
    gate_columns,
    expert_columns,
    numbers: Sequence[int],
    solver: str = "mle",
    n_init: int = 10,
    init="auto",
    tol: float = 1e-8,
    max_iter: int = 500,
    schedule=None,
    space: ParameterSpace = WHOLE,
    seed: int = 0,
    n_jobs: int = 1,
    column_names=None,
    also: Sequence[Parameters] = (),
    report=None,
    keep_interrupted: bool = False,
    experts: BaseExperts = GAUSSIAN,
    constraints: Sequence[Constraint] = (),
) -> list[FitResult]:
    """Fit mixtures with several numbers of experts; a pure function of its arguments.

    The search for the largest number climbs all smaller ones on its way, so that a dense gate's path costs what its
    last fit costs, and each fit is the one that is found alone. Those of a sparse gate are searched for one by one.

    Parameters
    ----------
    X : array (n, d), y : array (n,) or (n, p), weight : array (n,) or None
        Clean data (see :class:`gmoe.GaussianMoERegressor` for the checks) of any real dtype and layout.
    gate : BaseGate
    gate_columns, expert_columns : ndarray of int
    numbers : sequence of int
        Of experts.
    solver : {"mle", "em"}
    n_init : int
        Starts of the first round, see :class:`gmoe.GaussianMoERegressor`.
    init : "auto", a name of ``DATA_STARTS``, Parameters (raw) or several of them, or array (n, k) of responsibilities
        The last ones are the only starts. Several climb on a sample first, if the observations are many.
    tol : float
        Bound on the largest entry of the average gradient, scaled coordinates.
    max_iter : int
        Of one ascent.
    schedule : sequence of float, optional
        From dense to sparse: of a dense gate, temperatures 1 + s times the target; of a sparse one, widths of the soft
        selection in units of the spread of its keys.
    space : ParameterSpace
        The set over which the likelihood is maximised.
    seed : int
    n_jobs : int
        Threads. Results do not depend on it.
    column_names : sequence of str, optional
    also : sequence of Parameters
        Raw parameters of further starts, beside those of ``init``; climbed as several of ``init`` are. Each goes with
        the fit of its number of experts.
    report : callable, optional
        Told (experts, starts, best log-likelihood) now and then.
    keep_interrupted : bool
        Whether a KeyboardInterrupt amid the search for a dense gate ends it with its best end, status ``interrupted``,
        and not the caller: a person wants that, a study that stores what it is given does not.
    experts : BaseExperts
    constraints : sequence of Constraint
        What the fit holds; of one number of experts.

    Returns
    -------
    list of FitResult
        By rising number of experts; an interrupted one is the last.
    """
    if schedule is not None and not gate.can_anneal:
        raise ValueError(f"{gate!r} has no temperature that a schedule could lower; leave schedule out.")
    check_constrained(constraints, numbers, solver, schedule)
    if weight is not None:
        X, y, weight, init, weight_unit = _positive(X, y, np.asarray(weight, dtype=float), init)
    else:
        weight_unit = 1.0
    kinds = tuple(DATA_STARTS) if not isinstance(init, str) or init == "auto" else (init,)
    settings = Settings(solver, n_init, kinds, tol, max_iter, schedule, seed, report, keep_interrupted)
    labels = [str(label) for label in (range(X.shape[1]) if column_names is None else column_names)]
    executor = ThreadPoolExecutor(n_jobs) if n_jobs > 1 else None
    run = map if executor is None else executor.map
    results: list[FitResult] = []
    try:
        with single_threaded():
            for group in _climbed_together(gate, numbers):
                passes: list[int] = []
                changes = gate.follows(group[-1]), experts.follows
                scaling = scale(X, y, weight, gate_columns, expert_columns, *changes, run)
                sizes = (len(scaling.gate.transform), 1), (len(scaling.expert.transform), len(scaling.centre_y))
                family = experts.scaled(scaling.frames[1])
                layout = Layout(gate, family, *(Size(group[-1], *size) for size in sizes))
                if wrong := excess(layout.size, "parameters"):
                    raise ValueError(f"parameters of {group[-1]} experts {wrong}; use fewer experts or features.")
                blocks = scaling.blocks(X, y, weight, run, weight_unit, block_size(layout))
                free = partial(_objective, gate, family, space, scaling, passes)
                total = blocks.total_weight * weight_unit
                holds, terms = terms_of(free(blocks, group[-1], executor), scaling, labels, constraints, total)
                make_objective = partial(_held, free, group[-1], terms)
                if isinstance(init, str):
                    ends = search(make_objective, blocks, group, settings, executor)
                else:
                    ends = iter([_climb_init(make_objective(blocks, group[-1], executor), scaling, init, settings)])
                for found in ends:
                    end, direction = _finished(found, scaling, also, settings)
                    evidence = len(passes), settings, direction, weight_unit, holds
                    results.append(certify(end, scaling, labels, *evidence))
                    if found.interrupted:
                        return results
    finally:
        if executor is not None:
            executor.shutdown()
    return results


def _climbed_together(gate, numbers):
    """Group the numbers of experts that one search climbs: all those with a dense gate, each other one alone."""
    dense = tuple(k for k in sorted(numbers) if not gate.is_sparse(k))
    return [group for group in (dense, *((k,) for k in sorted(numbers) if gate.is_sparse(k))) if group]


def _objective(gate, experts, space, scaling, passes, blocks, k, executor):
    return Objective(blocks, gate.with_experts(k), k, space, scaling, executor, passes, experts)


def _held(make_objective, n_experts, terms, blocks, k, executor):
    """Objective under equations and penalties, which are those of one number of experts."""
    objective = make_objective(blocks, k, executor)
    return objective.holding(terms) if k == n_experts else objective


def _climb_init(objective, scaling, init, settings):
    several = isinstance(init, Sequence)
    return (_climb_several if several else _climb_given)(objective, scaling, init, settings)


def _finished(found, scaling, also, settings):
    """Follow the best end as far as it goes; with the direction in which its gate separates, if it does."""
    starts = [parameters for parameters in also if parameters.n_experts == found.objective.n_experts]
    if starts:
        found = better(found, _climb_several(found.objective, scaling, starts, settings))
    goes_on = settings.solver == "mle" and found.best.converged
    if settings.solver == "mle" and not goes_on:
        found = _followed(found)
    return _separated(found, settings, goes_on)


def _followed(found):
    """Where the best ascent did not come to an end, and may be on its way to temperature zero, end it there."""
    objective = found.objective
    if not goes_cold(objective, found.best):
        return found
    return _replaced(found, follow_to_cold(objective, found.best))


def _separated(found, settings, goes_on):
    """Find the direction in which the gate separates, if it does, and go on along it where that is wanted."""
    objective, best = found.objective, found.best
    if best.evaluation.hessian is None:
        best = replace(best, evaluation=objective.evaluate(best.evaluation.theta))
    direction = separating_direction(objective, best.evaluation)
    end = outward(objective, best, direction, settings) if goes_on and direction is not None else best
    if end is not best:
        direction = separating_direction(objective, end.evaluation)
    return _replaced(found, end), direction


def _replaced(found, best):
    """Put an ascent that went on in the place of the best one, and of its value among the ends."""
    before = found.best.evaluation.value
    ends = tuple(best.evaluation.value if end == before else end for end in found.ends)
    return replace(found, best=best, ends=ends)


def _positive(X, y, weight, init):
    """Return the data of positive weight, with weights below 2, and their unit.

    The unit is a power of two, so that nothing is rounded; what is nothing beside the largest weight is left out.
    """
    unit = 2.0 ** np.floor(np.log2(weight.max()))
    weight = weight / unit
    used = weight > 1e-200
    if not used.all():
        X, y, weight = X[used], y[used], weight[used]
        if isinstance(init, np.ndarray):
            init = init[used]
    return X, y, weight, init, float(unit)


def _ascent(objective, theta, settings, em_steps):
    if objective.gate.is_sparse(objective.n_experts):
        return finish(objective, theta, settings)
    return climb(objective, theta, settings, em_steps)


def _climb_several(objective, scaling, starts, settings):
    """Ascents from several given parameters.

    With many observations they climb on a sample first, and the best end on all. That may be a maximum of the sample
    alone: where it is at an edge, or below where a start began, all of them climb on all observations. Those of a
    sparse gate move their boundaries first, on all: an ascent holds the selection, and that of a start is not the best.
    """
    thetas = [_scaled(objective, scaling, start) for start in starts]
    if objective.gate.is_sparse(objective.n_experts) and objective.blocks.in_memory:
        seed = [settings.seed, objective.n_experts]
        return _climb_all(objective, [settle(objective, theta, seed).theta for theta in thetas], settings)
    if len(thetas) == 1 or objective.blocks.n <= SAMPLE:
        return _climb_all(objective, thetas, settings)
    found = _climb_sample(objective, thetas, settings)
    began = max(objective.evaluate(theta, SCORE).value for theta in thetas)
    if found.best.evaluation.value < began:
        return _climb_all(objective, thetas, settings)
    return found if is_interior(objective, found.best) else better(found, _climb_all(objective, thetas, settings))


def _climb_all(objective, thetas, settings):
    ascents = [_ascent(objective, theta, settings, 0) for theta in thetas]
    best = best_of(objective, ascents)
    return Found(best, ((best.evaluation.theta,),), tuple(a.evaluation.value for a in ascents), objective)


def _climb_sample(objective, thetas, settings):
    """Climb on a sample, and from its best few ends on all."""
    few = objective.on(objective.blocks.some(SAMPLE, np.random.default_rng([settings.seed, 0])))
    follow = partial(_ascent, settings=settings, em_steps=0)
    tops, counts = distinct(few, [follow(few, theta) for theta in thetas])
    finished = climb_on_all(objective, few, tops, follow)
    best = best_of(objective, finished)
    values = np.repeat([a.evaluation.value for a in finished], counts)
    # The others ended lower on the sample.
    ends = (*values, *(-np.inf,) * (len(thetas) - len(values)))
    return Found(best, ((best.evaluation.theta,),), ends, objective)


def _scaled(objective, scaling, parameters):
    return on_flat_walls(objective, scaled_parameters(objective, scaling, parameters))


def _climb_given(objective, scaling, init, settings):
    """Ascent from given parameters or responsibilities."""
    if isinstance(init, Parameters):
        ascent = _ascent(objective, _scaled(objective, scaling, init), settings, 0)
        if not np.isfinite(ascent.history[0]):
            raise ValueError("init has parameters so far from the data that the likelihood is 0; give nearer ones.")
    else:
        theta = from_responsibilities(objective, Sample.of(objective.blocks), np.asarray(init, dtype=float))
        ascent = _ascent(objective, theta, settings, EM_STEPS)
    return Found(ascent, ((ascent.evaluation.theta,),), (ascent.evaluation.value,), objective)
