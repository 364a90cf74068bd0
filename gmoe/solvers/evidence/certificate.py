"""The evidence that goes with a fit: bounds, separation, flat directions, agreement of the starts."""

import numpy as np

from gmoe import table
from gmoe.constraints import Equation
from gmoe.constraints.system import NOTHING, Holds, holding
from gmoe.solvers.ascent.face import NEAR
from gmoe.solvers.ascent.newton import Spectrum
from gmoe.solvers.evidence.canonical import canonical, model_at
from gmoe.solvers.evidence.covariance import FLAT, collinear_columns, covariance, ends, entries_of
from gmoe.solvers.evidence.digest import digest
from gmoe.solvers.evidence.maxima import other_maxima
from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.evidence.separation import NO_FALL, separating_direction
from gmoe.solvers.evidence.undetermined import determined
from gmoe.solvers.problem.coordinates import Coordinates
from gmoe.solvers.problem.objective import SCORE, Evaluation, Objective
from gmoe.solvers.problem.scaling import Scaling
from gmoe.solvers.problem.selection_wall import SelectionWall
from gmoe.solvers.problem.walls import Kind
from gmoe.solvers.search.dense import Found
from gmoe.solvers.search.standing import rows_held, variance_held

# What equations may be off at an end: the values of curved ones are followed to 1e-9.
KEPT = 1e-7
# Rows at a time; relative difference of the climb's log-likelihood from the returned model's own that is rounding.
ROWS, SAME_MODEL = 65536, 1e-7


def certify(
    found: Found, scaling: Scaling, labels, n_passes: int, settings, direction=None, weight_unit: float = 1.0,
    holds: Holds = NOTHING,
) -> FitResult:  # fmt: skip
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
    direction : ndarray, shape (P,), or None
        In which the gate separates at the end of the ascent, an evaluation of OBSERVED.
    weight_unit : float
        What the weights were divided by.
    holds : Holds
        What the fit holds, and is penalised for.
    """
    objective, best = found.objective, found.best
    gate = objective.gate
    evaluation, free = determined(objective, best.evaluation)
    if evaluation is not best.evaluation:
        direction = separating_direction(objective, evaluation)
    beside = np.empty((len(evaluation.theta), 0)) if direction is None else direction[:, None]
    evaluation, (free, beside) = canonical(objective, scaling, evaluation, (free, beside))
    zeros = [Equation(((name, 1.0),), 0.0) for name in _zeros(objective, holds, evaluation.theta)]
    objective = objective.face_at(evaluation.theta)
    if objective is not found.objective:
        evaluation = objective.evaluate(objective.on_equations(evaluation.theta))
    exact, few = variance_held(objective, evaluation.theta), rows_held(objective, evaluation)
    model = model_at(objective, scaling, evaluation.theta)
    names = table.parameter_names(model, labels)
    model = holding(model, names, (*holds.equations, *zeros))
    local = curvature(objective, evaluation, settings.tol)
    kinds = {bound.kind for bound in local.face.bounds}
    held = Kind.SELECTION in kinds
    # A gate that a box holds goes nowhere.
    separated = direction is not None and Kind.COEFFICIENT not in kinds
    entries = entries_of(objective, scaling, model)
    along = beside[:, 0] if separated else None
    spread, notes = covariance(objective, scaling, local, model, entries, exact, free, along, weight_unit)
    notes = tuple("zero" if name in {e.holds for e in zeros} else n for name, n in zip(names, notes, strict=True))
    kept = all(np.abs(wall.values(evaluation.theta)).max() <= KEPT for wall in objective.equal_walls)
    converged = kept and best.converged and local.is_maximum
    n_free = objective.symmetry.n_free + objective.n_fitted * objective.q_expert + objective.s_expert
    own = _own_log_likelihood(objective.blocks, model) * weight_unit
    penalty = objective.terms.value(evaluation.theta)
    _, y, weight = objective.blocks.raw
    total, shift = objective.blocks.total_weight * weight_unit, scaling.log_unit
    # Ends agree where the log-likelihoods do, up to the rounding of a sum of n terms; those of a separated gate stop
    # somewhere on the way to infinity.
    slack = (1e-7 if separated else 1e-6 / objective.blocks.n) + 1e-12 * abs(best.evaluation.value)
    return FitResult(
        model=model,
        log_likelihood=own,
        status=(
            _status(objective, evaluation, kinds, exact, few, converged, separated, found.interrupted)
            if abs(own - total * (evaluation.value + penalty - shift)) <= SAME_MODEL * (total + abs(own))
            else "boundary_on_row"
        ),
        gradient=local.slope,
        smallest_eigenvalue=float(local.values.min(initial=np.inf)),
        is_local_maximum=converged,
        n_flat=entries.n_free(objective.n_fitted) - n_free,
        not_identified=tuple(n for n, note in zip(names, notes, strict=True) if note == "not identified"),
        collinear=tuple(labels[c] for c in collinear_columns(scaling)),
        at_bound=_experts(exact),
        few_rows=_experts(few),
        separated=separated,
        selection_held=held,
        n_iter=max(len(best.history) - 1, 1),
        n_passes=n_passes,
        n_starts=len(found.ends),
        n_rounds=found.n_rounds,
        n_rounds_agreeing=found.n_rounds_agreeing,
        n_agreeing=int(np.sum(np.array(found.ends) >= best.evaluation.value - slack)),
        history=tuple(float(total * (value - shift)) for value in best.history),
        shares=objective.shares(evaluation),
        effective_rows=objective.explained(evaluation) * total,
        spread=spread,
        parameter_names=names,
        notes=notes,
        n_free_parameters=n_free - n_decided(objective, evaluation.theta),
        classification=float(evaluation.sums.totals[2, 0]) * weight_unit,
        total_weight=total,
        n_rows=objective.blocks.n,
        column_names=tuple(labels),
        data=digest(y, weight, weight_unit),
        space=objective.space,
        min_rows=objective.least_share * objective.blocks.n_rows,
        exact_curvature=gate.has_exact_curvature and model.experts.has_exact_curvature,
        other_maxima=other_maxima(found, scaling, weight_unit),
        constraints=holds.equations,
        penalties=holds.penalties,
        given_shares=holds.shares,
        penalty=penalty * total,
        shrinkage=shrinkage(objective, local),
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


def _zeros(objective, holds, theta):
    """Parameters of which the absolute value is penalised, and that are zero."""
    if objective.terms.absolutes is None:
        return []
    signs = objective.terms.absolutes.signs(theta)
    return [name for name, sign in zip(holds.absolutes, signs, strict=True) if sign == 0.0]


def _experts(which):
    return tuple(int(j) for j in np.flatnonzero(which))


def _status(objective, evaluation, kinds, exact, few, converged, separated, interrupted):
    if interrupted:
        return "interrupted"
    if objective.temperature_at_bound(evaluation.theta):
        return "temperature_at_bound"
    if not converged:
        return "max_iter"
    if Kind.TEMPERATURE in kinds or prefers_cold(objective, evaluation):
        return "temperature_at_bound"
    if exact.any() or Kind.VARIANCE in kinds:
        return "variance_at_bound"
    if few.any():
        return "rows_at_bound"
    if Kind.COEFFICIENT in kinds:
        return "coefficient_at_bound"
    if any(ended.any() for ended in ends(objective, evaluation.theta)):
        return "parameter_at_bound"
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
    if not objective.gate.has_temperature or objective.n_experts == 1 or objective.q_gate == 1:
        return False
    coldest = np.exp(np.log(objective.space.min_temperature) - objective.shared(evaluation.theta)[0])
    for factor in (0.5, 0.1, 0.01):
        factor = max(factor, coldest)
        theta = evaluation.theta.copy()
        bent = objective.split(theta)[0][:, objective.gate.first_bent :]
        bent[:] = bent.mean(axis=0) + factor * (bent - bent.mean(axis=0))
        objective.shared(theta)[:] += np.log(factor)
        if any(np.abs(wall.values(theta)).max() > NEAR for wall in objective.equal_walls):
            return False
        if evaluation.value - objective.evaluate(theta, SCORE).value > NO_FALL:
            return False
    return True


def shrinkage(objective: Objective, local: Spectrum) -> float:
    """Degrees of freedom that a penalty takes: those less the trace of inverse penalised times plain information."""
    if objective.terms.penalty is None:
        return 0.0
    out = local.coordinates.jacobian(local.theta) @ local.basis @ local.vectors
    regular = local.values > FLAT * max(local.values.max(initial=0.0), 1e-300)
    taken = np.einsum("pr,pq,qr->r", out, objective.terms.matrix, out)
    return float(np.sum(taken[regular] / local.values[regular]))


def n_decided(objective: Objective, theta) -> int:
    """Count the parameters that are no free ones: equations, and all log variances where these are one number."""
    rows = objective.log_variance_rows
    found = [wall.normals(theta, np.arange(len(wall.values(theta)))).T for wall in objective.equal_walls]
    if objective.space.variance_ratio == 1.0 and rows is not None:
        units = np.eye(objective.size)
        own = [rows @ units[at[: objective.q_expert]] for at in objective.at_expert[: objective.n_fitted]]
        found.append(np.vstack(own)[1:] - own[0][0])
    return int(np.linalg.matrix_rank(np.vstack(found) @ objective.identified)) if found else 0
