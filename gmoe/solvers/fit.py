"""One fit from raw arrays to a certificate."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

from gmoe.gates import Gate
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers import certificate
from gmoe.solvers.em import Ascent
from gmoe.solvers.objective import Objective
from gmoe.solvers.result import FitResult
from gmoe.solvers.scaling import Scaling, scale
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
    n_init: int = 40,
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
        Starts from data; starts from the fit with one expert less come on top.
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
    scaling = scale(X, y, weight, gate_columns, expert_columns, gate.allows_centring)

    def make_objective(blocks, k, executor):
        return Objective(blocks, gate, k, min_variance, executor)

    kinds = tuple(DATA_STARTS) if not isinstance(init, str) or init == "auto" else (init,)
    settings = Settings(solver, n_init, kinds, tol, max_iter, seed)
    executor = ThreadPoolExecutor(n_jobs) if n_jobs > 1 else None
    try:
        # One thread in BLAS: the matrices are small, and results must not depend on the machine's cores.
        with _blas().limit(limits=1):
            if isinstance(init, str):
                found = search(make_objective, scaling, (X, y, weight), n_experts, settings, executor)
            else:
                objective = make_objective(scaling.blocks(X, y, weight), n_experts, executor)
                found = _climb_given(objective, scaling, init, settings)
            return _certify(found, scaling, settings, column_names, X.shape[1])
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
    return Found(ascent, (ascent.evaluation.value,), objective.n_passes, objective)


def _certify(found: Found, scaling: Scaling, settings: Settings, column_names, n_features) -> FitResult:
    objective, best = found.objective, found.best
    evaluation = best.evaluation
    if evaluation.hessian is None:
        evaluation = certificate.observed(objective, evaluation.theta)
    gate, expert, eta = objective.split(evaluation.theta)
    parameters = scaling.to_raw(gate, expert, objective.variance(eta))
    shares = (
        evaluation.sums.g_scalar[1] - objective_gate_gradient(objective, evaluation)
    ) / objective.blocks.total_weight
    order = expert_order(shares, parameters, scaling)
    covariance, notes, values = certificate.covariance(
        objective, scaling, evaluation, parameters.variance, order, reference=0
    )
    at_bound = objective.at_bound(evaluation.theta)[order]
    separated = bool(certificate.is_separated(objective, evaluation))
    labels = [str(i) for i in range(n_features)] if column_names is None else [str(c) for c in column_names]
    gate_columns, expert_columns = scaling.gate.columns, scaling.expert.columns
    parameter_names = certificate.names(
        [labels[c] for c in gate_columns], [labels[c] for c in expert_columns], objective.n_experts
    )
    model = GMoE(parameters.reorder(order), objective.gate, tuple(gate_columns), tuple(expert_columns)).canonical()
    total = objective.blocks.total_weight
    n_gate_flat = objective.n_parameters - objective.identified.shape[1]
    lost = (
        len(gate_columns) - len(scaling.gate.transform),
        len(expert_columns) - len(scaling.expert.transform),
    )
    n_flat = n_gate_flat + (objective.n_experts - 1) * lost[0] + lost[0] + objective.n_experts * lost[1]
    # Ends agree where the log-likelihoods do, up to the rounding of a sum of n terms.
    slack = (1e-6 + 1e-12 * abs(evaluation.value) * total) / total
    return FitResult(
        model=model,
        log_likelihood=total * (evaluation.value - np.log(scaling.scale_y)),
        status=_status(best, at_bound, separated),
        gradient=float(np.abs(evaluation.gradient).max()),
        smallest_eigenvalue=float(values[0]),
        n_flat=n_flat,
        not_identified=tuple(n for n, note in zip(parameter_names, notes, strict=True) if note == "not identified"),
        collinear=tuple(labels[c] for c in certificate.collinear_columns(scaling)),
        at_bound=tuple(int(j) for j in np.flatnonzero(at_bound)),
        separated=separated,
        n_iter=max(len(best.history) - 1, 1),
        n_passes=found.n_passes,
        n_starts=len(found.ends),
        n_agreeing=int(np.sum(np.array(found.ends) >= evaluation.value - slack)),
        history=tuple(total * (value - np.log(scaling.scale_y)) for value in best.history),
        shares=shares[order],
        covariance=covariance,
        parameter_names=parameter_names,
        notes=notes,
        n_free_parameters=objective.identified.shape[1],
        classification=float(evaluation.sums.g_scalar[2, 0]),
        total_weight=total,
    )


def _status(best: Ascent, at_bound, separated):
    if not best.converged:
        return "max_iter"
    if at_bound.any():
        return "variance_at_bound"
    return "gate_separated" if separated else "converged"


def objective_gate_gradient(objective, evaluation):
    """Gradient in the gate intercepts, summed: responsibilities minus gate probabilities."""
    return evaluation.sums.g_gate[: objective.n_experts, 0]


def expert_order(shares, parameters: Parameters, scaling: Scaling):
    """Experts by falling share; equal shares by their mean at the centre of the data.

    Shares do not depend on units, on the order of rows or columns, or on labels, so neither does the order.
    """
    centre = parameters.intercept + parameters.coef @ scaling.expert.centre
    return np.lexsort((centre, -np.round(shares, 6)))
