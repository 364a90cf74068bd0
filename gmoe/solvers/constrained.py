"""Constraints in the coordinates of a fit: the equations of a model's table as a wall of the parameter space."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from gmoe import table
from gmoe.constraints import Constraint
from gmoe.constraints.places import Places, stem
from gmoe.constraints.system import NOTHING, Holds, resolved
from gmoe.part import Axis
from gmoe.solvers.evidence.canonical import model_at
from gmoe.solvers.evidence.covariance import entries_of
from gmoe.solvers.problem.absolutes import Absolutes
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.penalty import Penalty
from gmoe.solvers.problem.raw import derivatives
from gmoe.solvers.problem.terms import NO_TERMS, Terms
from gmoe.solvers.problem.walls import EqualWall

# Size of the points at which the table is differentiated; change of derivatives that is none, relative to the largest.
NEAR, AFFINE = 0.3, 1e-6
# Part of a row beside the others from which on it says something of its own.
INDEPENDENT = 1e-9


def terms_of(
    objective: Objective, scaling, labels: Sequence[str], constraints: Sequence[Constraint], total: float
) -> tuple[Holds, Terms]:
    """Resolve constraints on a fit: what it holds, and that as terms of the objective.

    Raises
    ------
    ValueError
        For constraints on a sparse gate, on what the model has not, and for those that contradict each other.
    """
    if not constraints:
        return NOTHING, NO_TERMS
    if objective.gate.is_sparse(objective.n_experts):
        raise ValueError(f"Constraints are for dense gates, and {objective.gate!r} selects experts; leave them out.")
    places, rows, at_zero = _table(objective, scaling, labels)
    equations, shares = resolved(constraints, places), _shares(constraints, places)
    factors = np.array([equation.row(places) for equation in equations]).reshape(-1, len(places.names))
    levels = np.array([equation.level for equation in equations]) - factors @ at_zero
    wall = _wall(factors @ rows, levels, equations) if equations else None
    squares = [(c, one) for c in constraints for one in c.penalties(places)]
    absolutes = [(c, one) for c in constraints for one in c.absolutes(places)]
    shrunk = partial(_shrunk, objective, scaling, places, rows, at_zero, total)
    penalty = Penalty(*shrunk([one for _, one in squares], True)) if squares else None
    lasso = Absolutes(*shrunk([one for _, one in absolutes], False)) if absolutes else None
    penalties = tuple(constraint for constraint, _ in (*squares, *absolutes))
    zeros = tuple(name for _, one in absolutes for name in one.names)
    return Holds(equations, penalties, shares or (), zeros), Terms(wall, penalty, lasso, shares)


def _table(objective, scaling, labels):
    """Places of the table, its derivatives (entries, P), and its entries where all coordinates are 0."""
    points = NEAR * np.random.default_rng(0).standard_normal((2, objective.n_parameters))
    (values, rows), (_, others) = (_free_table(objective, scaling, point) for point in points)
    model = model_at(objective, scaling, points[0])
    names = table.parameter_names(model, labels)
    size = np.abs(rows).max(axis=1, initial=0.0)
    arrays = model.gate.arrays(model.sizes[0])
    places = Places(
        names,
        _positive(model, names),
        size <= AFFINE**2 * np.abs(rows).max(initial=0.0),
        np.abs(rows - others).max(axis=1, initial=0.0) <= AFFINE * np.maximum(size, 1e-300),
        tuple(labels),
        tuple(array.name for array in table.by_expert(arrays)),
        objective.n_experts,
        tuple(array.name for array in arrays if Axis.NODE in array.axes),
    )
    return places, rows, values - rows @ points[0]


def _shares(constraints, places):
    """Return the shares that constraints give, None if none does; a ValueError if two do."""
    found = {shares for constraint in constraints if (shares := constraint.shares(places)) is not None}
    if len(found) > 1:
        raise ValueError(f"Two constraints give other shares, {' and '.join(map(str, sorted(found)))}; give one.")
    return found.pop() if found else None


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


def _shrunk(objective, scaling, places, rows, at_zero, total, penalised, centred):
    """Rows, centres and weights of what is penalised on the average log-likelihood of data of a total weight."""
    units = np.array([_unit(objective, scaling, places, name, rows) for name in places.names])
    found: list[np.ndarray] = []
    for names, strength in penalised:
        for name in names:
            factors = np.zeros(len(units))
            factors[places.index[name]] = 1.0
            group = [places.index[other] for other in places.groups[stem(name)]]
            if centred and table.kind(name) in places.gate_arrays and places.still[group].any():
                # Relative to a reference, which counts too: from the mean over the experts.
                factors[group] -= 1.0 / len(group)
            found.append(np.append(units[places.index[name]] * factors, strength))
    factors, strengths = np.array(found)[:, :-1], np.array(found)[:, -1]
    return factors @ rows, -factors @ at_zero, strengths / total


def _unit(objective, scaling, places, name, rows):
    """By what a parameter is standardised: standard deviations of columns, over that of y for parts of a mean."""
    gate = table.kind(name) in places.gate_arrays
    design = scaling.gate if gate else scaling.expert
    sizes = {places.labels[column]: size for column, size in zip(design.columns, design.size, strict=True)}
    unit, means = 1.0, objective.at_expert[:, objective.mean_columns]
    for label in places.features(name):
        unit *= sizes.get(label, 1.0)
    return unit if gate or not rows[places.index[name], means].any() else unit / scaling.scale_y


def _wall(rows, levels, equations):
    """Equations of orthonormal rows, one after the other."""
    size = np.linalg.norm(rows, axis=1)
    for equation, length in zip(equations, size, strict=True):
        if not length > 0.0:
            raise ValueError(f"The constraint {equation} is on parameters that nothing moves; leave it out.")
    rows, levels = rows / size[:, None], levels / size
    kept: list[int] = []
    for i, equation in enumerate(equations):
        weights = np.linalg.lstsq(rows[kept].T, rows[i], rcond=None)[0]
        if np.linalg.norm(rows[i] - weights @ rows[kept]) > INDEPENDENT:
            kept.append(i)
        # Entries that are one coordinate, as the two halves of a symmetric matrix, may be held at one value.
        elif abs(levels[i] - weights @ levels[kept]) > AFFINE * (1.0 + abs(levels[i])):
            raise ValueError(
                f"The constraint {equation} contradicts those before it in these data: columns are collinear, or two "
                "parameters are one. Leave the columns out, or the constraint."
            )
    left, triangle = np.linalg.qr(rows[kept].T)
    return EqualWall(left.T, np.linalg.solve(triangle.T, levels[kept]))
