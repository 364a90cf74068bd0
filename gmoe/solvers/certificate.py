"""The evidence that goes with a fit: bounds, separation, flat directions, agreement of the starts."""

import numpy as np

from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.covariance import collinear_columns, covariance
from gmoe.solvers.newton import CURVATURE
from gmoe.solvers.objective import OBSERVED, SCORE, Evaluation, Objective
from gmoe.solvers.result import FitResult
from gmoe.solvers.scaling import Scaling
from gmoe.solvers.search import Found

# Average gate information (of whitened features: at most about 1) below this makes a direction a candidate.
WEAK = 1e-5
# Fall of the average log-likelihood, far out, that a maximum exceeds by orders of magnitude.
NO_FALL = 1e-8


def certify(found: Found, scaling: Scaling, labels, n_passes: int, weight_unit: float = 1.0) -> FitResult:
    """Turn the best ascent into a result in the units of the data, with all that is known about it.

    Parameters
    ----------
    found : Found
    scaling : Scaling
    labels : sequence of str
        Names of the columns of X.
    n_passes : int
        Over the data, or a sample of it, of all starts and numbers of experts.
    weight_unit : float
        What the weights were divided by.
    """
    objective, best = found.objective, found.best
    evaluation = best.evaluation
    if evaluation.hessian is None:
        evaluation = objective.evaluate(evaluation.theta, OBSERVED)
    gate, expert, eta = objective.split(evaluation.theta)
    parameters = scaling.to_raw(gate, expert, objective.variance(eta))
    shares = average_gate(objective, evaluation)
    order = expert_order(shares, parameters, scaling)
    direction = separating_direction(objective, evaluation)
    separated = direction is not None
    matrix, notes, eigenvalues = covariance(objective, scaling, evaluation, parameters.variance, order, direction)
    at_bound = objective.at_bound(evaluation.theta)[order]
    columns = tuple(scaling.gate.columns), tuple(scaling.expert.columns)
    names = parameter_names([labels[c] for c in columns[0]], [labels[c] for c in columns[1]], objective.n_experts)
    total, shift = objective.blocks.total_weight * weight_unit, np.log(scaling.scale_y)
    # Ends agree where the log-likelihoods do, up to the rounding of a sum of n terms; those of a separated gate stop
    # somewhere on the way to infinity.
    slack = (1e-7 if separated else 1e-6 / objective.blocks.n) + 1e-12 * abs(evaluation.value)
    return FitResult(
        model=GMoE(parameters.reorder(order), objective.gate, *columns).canonical(),
        log_likelihood=float(total * (evaluation.value - shift)),
        status=_status(best.converged and eigenvalues[0] >= -CURVATURE, at_bound, separated),
        gradient=float(np.abs(evaluation.gradient).max()),
        smallest_eigenvalue=float(eigenvalues[0]),
        n_flat=n_flat(objective, scaling),
        not_identified=tuple(n for n, note in zip(names, notes, strict=True) if note == "not identified"),
        collinear=tuple(labels[c] for c in collinear_columns(scaling)),
        at_bound=tuple(int(j) for j in np.flatnonzero(at_bound)),
        separated=separated,
        n_iter=max(len(best.history) - 1, 1),
        n_passes=n_passes,
        n_starts=len(found.ends),
        n_agreeing=int(np.sum(np.array(found.ends) >= evaluation.value - slack)),
        history=tuple(float(total * (value - shift)) for value in best.history),
        shares=shares[order],
        covariance=matrix / weight_unit,
        parameter_names=names,
        notes=notes,
        n_free_parameters=objective.identified.shape[1],
        classification=float(evaluation.sums.g_scalar[2, 0]) * weight_unit,
        total_weight=total,
    )


def _status(converged, at_bound, separated):
    if not converged:
        return "max_iter"
    if at_bound.any():
        return "variance_at_bound"
    return "gate_separated" if separated else "converged"


def average_gate(objective: Objective, evaluation: Evaluation):
    """Average gate probability of each expert: responsibilities less the gradient of the gate intercepts."""
    sums = evaluation.sums
    return (sums.g_scalar[1] - sums.g_gate[: objective.n_experts, 0]) / objective.blocks.total_weight


def expert_order(shares, parameters: Parameters, scaling: Scaling):
    """Order experts by falling share; equal shares by their mean at the centre of the data.

    Shares do not depend on units, on the order of rows or columns, or on labels, so neither does the order.
    """
    centre = parameters.intercept + parameters.coef @ scaling.expert.centre
    return np.lexsort((centre, -np.round(shares, 6)))


def parameter_names(gate_names, expert_names, k):
    """Names of the raw parameters, expert by expert."""
    one = ["gate_intercept", *(f"gate_coef[{c}]" for c in gate_names)]
    one += ["intercept", *(f"coef[{c}]" for c in expert_names), "variance"]
    return tuple(f"{name} ({j})" for j in range(k) for name in one)


def n_flat(objective: Objective, scaling: Scaling):
    """Count the directions of the raw parameters that the density does not depend on.

    Those of the gate in raw coordinates, and one for each expert and collinear column.
    """
    k = objective.n_experts
    lost_gate = len(scaling.gate.columns) - len(scaling.gate.transform)
    lost_expert = len(scaling.expert.columns) - len(scaling.expert.transform)
    return objective.n_parameters - objective.identified.shape[1] + k * (lost_gate + lost_expert)


def separating_direction(objective: Objective, evaluation: Evaluation):
    """Direction (P,) of the gate along which the likelihood never falls again, or None.

    Candidates are the directions of least gate information.  Along each the average log-likelihood is evaluated as far
    out as the gate's own size: for a maximum it falls there, for a separated gate (or an expert whose share goes to
    zero) it does not.
    """
    assert evaluation.hessian is not None
    gate, _, _ = objective.split(evaluation.theta)
    k, q = gate.shape
    index = (np.arange(k)[:, None] * objective.width + np.arange(q)).ravel()
    flat = objective.gate.invariances(k, q)
    free = np.linalg.qr(flat, mode="complete")[0][:, flat.shape[1] :]
    if not free.size:
        return None
    values, vectors = np.linalg.eigh(-free.T @ evaluation.hessian[np.ix_(index, index)] @ free)
    size = max(10.0, float(np.linalg.norm(free.T @ gate.ravel())))
    for vector in vectors.T[values < WEAK]:
        direction = np.zeros_like(evaluation.theta)
        direction[index] = free @ vector
        for sign in (-1.0, 1.0):
            value = objective.evaluate(evaluation.theta + sign * size * direction, SCORE).value
            if evaluation.value - value < NO_FALL:
                return direction
    return None
