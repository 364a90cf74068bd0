"""The evidence that goes with a fit: bounds, separation, flat directions, agreement of the starts."""

import numpy as np

from gmoe.gates import LOG_TEMPERATURE_RANGE, mirrored, ordered
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.coordinates import Coordinates
from gmoe.solvers.covariance import collinear_columns, covariance
from gmoe.solvers.newton import Spectrum
from gmoe.solvers.objective import OBSERVED, SCORE, Evaluation, Objective
from gmoe.solvers.result import FitResult
from gmoe.solvers.scaling import Scaling
from gmoe.solvers.search import Found
from gmoe.solvers.selection_wall import SelectionWall
from gmoe.solvers.separation import NO_FALL, separating_direction
from gmoe.solvers.standing import rows_held, variance_held
from gmoe.solvers.undetermined import determined
from gmoe.solvers.walls import Kind

# Rows at a time; relative difference of the climb's log-likelihood from the returned model's own that is rounding.
ROWS, SAME_MODEL = 65536, 1e-7


def certify(found: Found, scaling: Scaling, labels, n_passes: int, settings, weight_unit: float = 1.0) -> FitResult:
    """Turn the best ascent into a result in the units of the data, with all that is known about it.

    Parameters
    ----------
    found : Found
    scaling : Scaling
    labels : sequence of str
        Names of the columns of X.
    n_passes : int
        Over the data, or a sample of it, of all starts and numbers of experts.
    settings : Settings
    weight_unit : float
        What the weights were divided by.
    """
    objective, best = found.objective, found.best
    gate = objective.gate
    evaluation, free = determined(objective, best.evaluation)
    evaluation = _at_canonical(objective, scaling, evaluation)
    columns = tuple(scaling.gate.columns), tuple(scaling.expert.columns)
    shares = objective.shares(evaluation)
    raw = raw_parameters(objective, scaling, evaluation.theta)
    order = ordered(gate.symmetry(*raw.gate.shape), np.argsort(expert_order(shares, raw, scaling)))
    if gate.is_sparse(objective.n_experts) and not _same_in_order(objective, evaluation, order):
        order = np.arange(objective.n_experts)
    model = GMoE(raw.reorder(order), gate, *columns).canonical()
    local = curvature(objective, evaluation, settings.tol)
    kinds = {bound.kind for bound in local.face.bounds}
    held = Kind.SELECTION in kinds
    # A gate that a box holds goes nowhere.
    direction = None if Kind.COEFFICIENT in kinds else separating_direction(objective, evaluation)
    matrix, notes = covariance(objective, scaling, local, model, order, free, direction)
    converged = best.converged and local.is_maximum
    separated = direction is not None
    names = parameter_names([labels[c] for c in columns[0]], [labels[c] for c in columns[1]], objective.n_experts)
    if gate.estimated:
        names += ("temperature",)
    own = _own_log_likelihood(objective.blocks, model) * weight_unit
    total, shift = objective.blocks.total_weight * weight_unit, np.log(scaling.scale_y)
    # Ends agree where the log-likelihoods do, up to the rounding of a sum of n terms; those of a separated gate stop
    # somewhere on the way to infinity.
    slack = (1e-7 if separated else 1e-6 / objective.blocks.n) + 1e-12 * abs(best.evaluation.value)
    return FitResult(
        model=model,
        log_likelihood=own,
        status=(
            _status(objective, evaluation, kinds, converged, separated, found.interrupted)
            if abs(own - total * (evaluation.value - shift)) <= SAME_MODEL * (total + abs(own))
            else "boundary_on_row"
        ),
        gradient=local.slope,
        smallest_eigenvalue=float(local.values.min(initial=np.inf)),
        n_flat=n_flat(objective, scaling),
        not_identified=tuple(n for n, note in zip(names, notes, strict=True) if note == "not identified"),
        collinear=tuple(labels[c] for c in collinear_columns(scaling)),
        at_bound=_experts(variance_held(objective, evaluation.theta)[order]),
        few_rows=_experts(rows_held(objective, evaluation)[order]),
        separated=separated,
        selection_held=held,
        n_iter=max(len(best.history) - 1, 1),
        n_passes=n_passes,
        n_starts=len(found.ends),
        n_rounds=found.n_rounds,
        n_rounds_agreeing=found.n_rounds_agreeing,
        n_agreeing=int(np.sum(np.array(found.ends) >= best.evaluation.value - slack)),
        history=tuple(float(total * (value - shift)) for value in best.history),
        shares=shares[order],
        covariance=matrix / weight_unit,
        parameter_names=names,
        notes=notes,
        n_free_parameters=n_free_parameters(objective),
        classification=float(evaluation.sums.totals[2, 0]) * weight_unit,
        total_weight=total,
        n_rows=objective.blocks.n,
        space=objective.space,
        min_rows=objective.least_share * objective.blocks.n_rows,
    )


def _own_log_likelihood(blocks, model):
    """Sum of the returned model's log-densities over the raw data: what the certificate is about."""
    X, y, weight = blocks.raw
    total = 0.0
    for start in range(0, len(y), ROWS):
        rows = slice(start, start + ROWS)
        density = model.log_density(X[rows], y[rows])
        total += float(density.sum() if weight is None else weight[rows] @ density)
    return total


def _experts(which):
    return tuple(int(j) for j in np.flatnonzero(which))


def _status(objective, evaluation, kinds, converged, separated, interrupted):
    if interrupted:
        return "interrupted"
    if objective.temperature_at_bound(evaluation.theta):
        return "temperature_at_bound"
    if not converged:
        return "max_iter"
    if Kind.TEMPERATURE in kinds or prefers_cold(objective, evaluation):
        return "temperature_at_bound"
    if variance_held(objective, evaluation.theta).any() or Kind.VARIANCE in kinds:
        return "variance_at_bound"
    if rows_held(objective, evaluation).any():
        return "rows_at_bound"
    if Kind.COEFFICIENT in kinds:
        return "coefficient_at_bound"
    if separated:
        return "no_interior_maximum" if objective.gate.is_sparse(objective.n_experts) else "gate_separated"
    return "converged"


def curvature(objective: Objective, evaluation, tol) -> Spectrum:
    """Gradient and curvature along the face of the space, with a sparse gate perhaps that of its selection's cell."""
    walls = objective.walls(evaluation)
    local = Spectrum(evaluation, Coordinates(objective), walls)
    if not objective.gate.is_sparse(objective.n_experts) or local.slope <= tol:
        return local
    return Spectrum(evaluation, Coordinates(objective), (SelectionWall(objective, evaluation.theta), *walls))


def is_interior(objective: Objective, ascent) -> bool:
    """Whether an ascent ended in a maximum away from all bounds, and no gate on its way to infinity."""
    end = ascent.evaluation
    at_edge = variance_held(objective, end.theta).any() or rows_held(objective, end).any()
    return ascent.converged and not at_edge and separating_direction(objective, end) is None


def prefers_cold(objective: Objective, evaluation: Evaluation) -> bool:
    """Whether the likelihood does not fall on the way to the temperature's lower bound.

    With slopes that approach a common vector v as the temperature T falls, b_j = v + T c_j, the logits tend to
    act'(v . x) c_j . x: a gate of another kind, on which the largest value may lie.
    """
    if not objective.gate.n_shared or objective.n_experts == 1 or objective.q_gate == 1:
        return False
    coldest = np.exp(LOG_TEMPERATURE_RANGE[0] - objective.shared(evaluation.theta)[0])
    for factor in (0.5, 0.1, 0.01):
        factor = max(factor, coldest)
        theta = evaluation.theta.copy()
        bent = objective.split(theta)[0][:, objective.gate.first_bent :]
        bent[:] = bent.mean(axis=0) + factor * (bent - bent.mean(axis=0))
        objective.shared(theta)[:] += np.log(factor)
        if evaluation.value - objective.evaluate(theta, SCORE).value > NO_FALL:
            return False
    return True


def raw_parameters(objective: Objective, scaling: Scaling, theta):
    """Parameters in the units of the data."""
    gate, own = objective.split(theta)
    return scaling.to_raw(objective.gate, gate, objective.shared(theta), own)


def _at_canonical(objective, scaling, evaluation):
    """Evaluate with all derivatives, and where two slopes are the mirror image of the canonical ones, at those."""
    theta = evaluation.theta.copy()
    rows, index = raw_parameters(objective, scaling, theta).gate, objective.gate_index
    which = mirrored(objective.gate.symmetry(*rows.shape), rows, objective.shared(theta))
    if which is not None:
        image = objective.gate.symmetry(objective.n_experts, objective.q_gate).mirrors[which]
        theta[index] = image.of(theta[index])
    elif evaluation.hessian is not None:
        return evaluation
    return objective.evaluate(theta, OBSERVED)


def _same_in_order(objective, evaluation, order):
    """Whether the value is the same with the experts in another order.

    Ties of the keys go to the lower index, and features that are zero (dummies, counts) tie all scores.
    """
    gate, own = objective.split(evaluation.theta)
    theta = objective.join(gate[order], own[order], evaluation.theta[objective.n_rows :])
    return abs(objective.evaluate(theta, SCORE).value - evaluation.value) <= 1e-12 * (1.0 + abs(evaluation.value))


def n_free_parameters(objective: Objective):
    """Count the identified parameters, in scaled coordinates."""
    k = objective.n_experts
    tied = k - 1 if objective.space.variance_ratio == 1.0 else 0
    return objective.gate.n_free(k, objective.q_gate) + k * objective.q_expert + objective.s_expert - tied


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
    k, q = objective.n_experts, objective.q_gate
    own = k * q + int(objective.gate.estimated) - objective.gate.n_free(k, q)
    lost_gate = len(scaling.gate.columns) - len(scaling.gate.transform)
    lost_expert = len(scaling.expert.columns) - len(scaling.expert.transform)
    return own + k * (lost_gate + lost_expert)
