"""One fit from raw arrays to a certificate."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

from gmoe.gates import Gate
from gmoe.parameters import Parameters
from gmoe.solvers.certificate import certify
from gmoe.solvers.objective import Objective
from gmoe.solvers.result import FitResult
from gmoe.solvers.scaling import scale
from gmoe.solvers.search import Found, Sample, Settings, climb, search
from gmoe.solvers.starts import DATA_STARTS, from_responsibilities

_controller: list[ThreadpoolController] = []


def fit(
    X,
    y,
    weight=None,
    *,
    gate: Gate,
    gate_columns,
    expert_columns,
    n_experts: int,
    solver: str = "mle",
    n_init: int = 30,
    init="auto",
    tol: float = 1e-8,
    max_iter: int = 500,
    min_variance: float = 1e-4,
    seed: int = 0,
    n_jobs: int = 1,
    column_names=None,
) -> FitResult:
    """Fit a Gaussian mixture of experts; a pure function of its arguments.

    Parameters
    ----------
    X : array (n, d), y : array (n,), weight : array (n,) or None
        Clean data (see :class:`gmoe.GaussianMoERegressor` for the checks) of any real dtype and layout.
    gate : Gate
    gate_columns, expert_columns : ndarray of int
    n_experts : int
    solver : {"mle", "em"}
    n_init : int
        Starts from data for each expert beyond the first, and as many grown from the fit with one expert less.
    init : "auto", a name of ``DATA_STARTS``, Parameters (raw), or array (n, k) of responsibilities
        The last two are the only start.
    tol : float
        Bound on the largest entry of the average gradient, scaled coordinates.
    max_iter : int
        Of one ascent.
    min_variance : float
        Lower bound of the variances, relative to the residual variance of one regression.
    seed : int
    n_jobs : int
        Threads. Results do not depend on it.
    column_names : sequence of str, optional
    """
    if weight is not None and not np.all(np.asarray(weight) > 0):
        used = np.asarray(weight) > 0
        X, y, weight = X[used], y[used], np.asarray(weight)[used]
        if isinstance(init, np.ndarray):
            init = init[used]

    objectives = []

    def make_objective(blocks, k, executor):
        objectives.append(Objective(blocks, gate, k, min_variance, executor))
        return objectives[-1]

    kinds = tuple(DATA_STARTS) if not isinstance(init, str) or init == "auto" else (init,)
    settings = Settings(solver, n_init, kinds, tol, max_iter, seed)
    executor = ThreadPoolExecutor(n_jobs) if n_jobs > 1 else None
    run = map if executor is None else executor.map
    try:
        # One thread in BLAS: the matrices are small, and results must not depend on the machine's cores.
        with _blas().limit(limits=1):
            scaling = scale(X, y, weight, gate_columns, expert_columns, gate.allows_centring, run)
            if isinstance(init, str):
                found = search(make_objective, scaling, (X, y, weight), n_experts, settings, executor)
            else:
                objective = make_objective(scaling.blocks(X, y, weight, run), n_experts, executor)
                found = _climb_given(objective, scaling, init, settings)
            labels = range(X.shape[1]) if column_names is None else column_names
            n_passes = sum(objective.n_passes for objective in objectives)
            return certify(found, scaling, [str(label) for label in labels], n_passes)
    finally:
        if executor is not None:
            executor.shutdown()


def _blas():
    """Return the controller of BLAS's threads, made once: looking for the libraries takes milliseconds."""
    if not _controller:
        _controller.append(ThreadpoolController())
    return _controller[0]


def _climb_given(objective, scaling, init, settings):
    """Ascent from given parameters or responsibilities."""
    if isinstance(init, Parameters):
        gate, expert, variance = scaling.from_raw(init)
        ascent = climb(objective, objective.join(gate, expert, objective.eta(variance)), settings, 0)
    else:
        theta = from_responsibilities(objective, Sample.of(objective.blocks), np.asarray(init, dtype=float))
        ascent = climb(objective, theta, settings)
    return Found(ascent, (ascent.evaluation.theta,), (ascent.evaluation.value,), objective)
