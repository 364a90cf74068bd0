"""Newton's method where absolute values are penalised: on one face after another, each of which is smooth.

On a face every penalised value has a sign, or is zero.  Newton's method climbs there, behind walls that keep the signs,
and on the equations of what is zero.  At its end the generalised gradient of least norm, a bounded least-squares
problem, says whether that is a maximum (each value that is zero has a slope no larger than its penalty), or which
values leave zero, and to which side.
"""

import numpy as np
import scipy

from gmoe.solvers.ascent import newton as smooth
from gmoe.solvers.ascent.em import Ascent
from gmoe.solvers.ascent.face import NEAR, NOWHERE
from gmoe.solvers.problem.coordinates import Coordinates
from gmoe.solvers.problem.objective import Objective

# Part of a direction that moves a value off zero; gain of a face that is rounding.
MOVES, GAIN = 1e-9, 1e-14


def newton(objective: Objective, theta, tol=1e-8, max_iter=500, coordinates=None, walls=NOWHERE, **left) -> Ascent:
    """Climb as :func:`gmoe.solvers.ascent.newton.newton` does, where there are absolute values from face to face."""
    if objective.terms.absolutes is None:
        return smooth.newton(objective, theta, tol, max_iter, coordinates, walls, **left)
    signs = objective.terms.absolutes.signs(theta)
    history: tuple[float, ...] = ()
    while True:
        face = objective.holding(objective.terms.on_face(signs))
        end = smooth.newton(face, face.on_equations(theta), tol, max_iter - len(history), coordinates, walls, **left)
        risen = not history or end.evaluation.value > history[-1] + GAIN
        history += end.history[1:] if history else end.history
        theta = end.evaluation.theta
        if not end.converged or not np.isfinite(end.evaluation.value):
            return Ascent(end.evaluation, history, False)
        signs, steepest = _leaving(objective, theta)
        if steepest <= tol:
            return Ascent(end.evaluation, history, True)
        if not risen or len(history) > max_iter:
            return Ascent(end.evaluation, history, False)


def _leaving(objective, theta):
    """Signs of the face to go on, and the largest entry of the generalised gradient of least norm."""
    absolutes = objective.terms.absolutes
    signs = absolutes.signs(theta)
    face = objective.holding(objective.terms.on_face(signs))
    at, zero = face.evaluate(theta), np.flatnonzero(signs == 0.0)
    coordinates = Coordinates(face)
    out = coordinates.jacobian(theta) @ coordinates.basis()
    columns, low, high = [absolutes.rows[zero].T], [-absolutes.weight[zero]], [absolutes.weight[zero]]
    for wall in objective.equal_walls:
        every = np.arange(len(wall.values(theta)))
        columns.append(wall.normals(theta, every))
        low.append(np.full(len(every), -np.inf))
        high.append(np.full(len(every), np.inf))
    for wall in (wall for wall in face.walls(at) if not wall.equal):
        near = np.flatnonzero(wall.values(theta) <= NEAR)
        columns.append(wall.normals(theta, near))
        low.append(np.zeros(len(near)))
        high.append(np.full(len(near), np.inf))
    normals, gradient = out.T @ np.hstack(columns), out.T @ at.gradient
    size = np.maximum(np.linalg.norm(normals, axis=0), 1e-300)
    bounds = np.concatenate(low) * size, np.concatenate(high) * size
    rest = gradient
    if normals.shape[1]:
        pushes = scipy.optimize.lsq_linear(normals / size, -gradient, bounds, method="bvls", tol=1e-14).x
        rest = gradient + (normals / size) @ pushes
    moves = absolutes.rows[zero] @ (out @ rest)
    leaves = np.abs(moves) > MOVES * max(float(np.abs(moves).max(initial=0.0)), 1e-300)
    signs[zero] = np.where(leaves, np.sign(moves), 0.0)
    return signs, float(np.abs(rest).max(initial=0.0))
