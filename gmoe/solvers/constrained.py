"""Constraints in the coordinates of a fit: the equations of a model's table as a wall of the parameter space."""

from collections.abc import Sequence

import numpy as np

from gmoe import table
from gmoe.constraints import Constraint, Equation
from gmoe.constraints.places import Places
from gmoe.constraints.system import resolved
from gmoe.solvers.evidence.canonical import model_at
from gmoe.solvers.evidence.covariance import entries_of
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.raw import derivatives
from gmoe.solvers.problem.walls import EqualWall

# Size of the points at which the table is differentiated; change of derivatives that is none, relative to the largest.
NEAR, AFFINE = 0.3, 1e-6
# Part of a row beside the others from which on it says something of its own.
INDEPENDENT = 1e-9


def equations_of(
    objective: Objective, scaling, labels: Sequence[str], constraints: Sequence[Constraint]
) -> tuple[tuple[Equation, ...], EqualWall | None]:
    """Resolve constraints on a fit: their equations, and these as a wall in its coordinates.

    Raises
    ------
    ValueError
        For constraints on a sparse gate, on what the model has not, and for those that contradict each other.
    """
    if not constraints:
        return (), None
    if objective.gate.is_sparse(objective.n_experts):
        raise ValueError(f"Constraints are for dense gates, and {objective.gate!r} selects experts; leave them out.")
    rng = np.random.default_rng(0)
    points = NEAR * rng.standard_normal((2, objective.n_parameters))
    (values, rows), (_, others) = (_free_table(objective, scaling, point) for point in points)
    model = model_at(objective, scaling, points[0])
    names = table.parameter_names(model, labels)
    size = np.abs(rows).max(axis=1, initial=0.0)
    places = Places(
        names,
        _positive(model, names),
        size <= AFFINE**2 * np.abs(rows).max(initial=0.0),
        np.abs(rows - others).max(axis=1, initial=0.0) <= AFFINE * np.maximum(size, 1e-300),
        tuple(labels),
        tuple(array.name for array in table.by_expert(model.gate.arrays(model.sizes[0]))),
        objective.n_experts,
    )
    equations = resolved(constraints, places)
    if not equations:
        return (), None
    factors = np.array([equation.row(places) for equation in equations])
    at_zero = values - rows @ points[0]
    levels = np.array([equation.level for equation in equations]) - factors @ at_zero
    return equations, _wall(factors @ rows, levels, equations)


def check_constrained(constraints: Sequence[Constraint], numbers: Sequence[int], solver: str, schedule):
    """Raise a ValueError where a search cannot hold constraints."""
    if not constraints:
        return
    if len(set(numbers)) > 1:
        raise ValueError(f"Constraints name experts of one number of them, got the numbers {list(numbers)}; fit one.")
    if solver != "mle" or schedule is not None:
        raise ValueError("Constraints are held by Newton's method: use solver='mle' without a schedule.")


def _free_table(objective, scaling, theta):
    """Table of canonical parameters at a point, logs of those that are positive, and its derivatives."""
    model = model_at(objective, scaling, theta)
    entries = entries_of(objective, scaling, model)
    counts = entries.n_gate, entries.width - entries.n_gate
    rows = derivatives(objective, scaling, theta, model, counts)
    values = table.parameter_values(model)
    positive = _positive(model, table.parameter_names(model, [str(i) for i in range(model.n_features)]))
    unit = np.where(positive, values, 1.0)
    return np.where(positive, np.log(unit), values), rows / unit[:, None]


def _positive(model, names):
    positive = {array.name for array in table.declared(model) if array.positive}
    return np.array([table.kind(name) in positive for name in names])


def _wall(rows, levels, equations):
    """Equations of orthonormal rows, one after the other."""
    size = np.linalg.norm(rows, axis=1)
    for equation, length in zip(equations, size, strict=True):
        if not length > 0.0:
            raise ValueError(f"The constraint {equation} is on parameters that nothing moves; leave it out.")
    rows, levels = rows / size[:, None], levels / size
    left, triangle = np.linalg.qr(rows.T)
    for i, equation in enumerate(equations):
        if i >= len(triangle) or abs(triangle[i, i]) < INDEPENDENT:
            raise ValueError(
                f"The constraint {equation} says nothing that those before it leave open in these data: columns are "
                "collinear or constant. Leave the columns out, or the constraint."
            )
    return EqualWall(left.T, np.linalg.solve(triangle.T, levels))
