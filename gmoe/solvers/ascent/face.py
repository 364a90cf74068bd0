"""The face of the parameter space that a climb is on: which walls stop it, with which multipliers.

At a point near some walls the gradient splits in two: a combination of the walls' inward normals with multipliers that
are not negative, which pushes against the walls, and a rest, along which a climb may go on.  The rest vanishes exactly
at the points of Karush, Kuhn and Tucker.  A non-negative least-squares problem finds the multipliers, also where more
walls meet than there are parameters.
"""

from dataclasses import dataclass

import numpy as np
import scipy

from gmoe.solvers.problem.walls import Bound

# Values of walls below this, in scaled coordinates, are on the wall; violations below the second are rounding.
NEAR, ROUNDING = 1e-9, 1e-12
# Size of a combination of normals, relative to the largest, that is rounding.
RANK = 1e-10
# Trial points on the way to the first wall that a step meets; part of a step that shows its direction.
TRIES, STUB = 60, 1e-7


@dataclass(frozen=True, eq=False)
class Face:
    """Walls at a point that push back.

    Attributes
    ----------
    walls : tuple of Wall
    holds : tuple of (int, int)
        Wall and index of each inequality that is held.
    normals : ndarray, shape (P, h)
    multipliers : ndarray, shape (h,)
        Not negative; zero for those that are held because a step ran into them.
    """

    walls: tuple
    holds: tuple[tuple[int, int], ...]
    normals: np.ndarray
    multipliers: np.ndarray

    @property
    def bounds(self) -> list[Bound]:
        """What is held, without the equations, which always are."""
        return [self.walls[wall].bound(index) for wall, index in self.holds if not self.walls[wall].equal]

    def bend(self, theta):
        """Sum of multipliers times second derivatives of the walls, (P, P) or 0."""
        total: np.ndarray | float = 0.0
        for number, wall in enumerate(self.walls):
            mine = [i for i, hold in enumerate(self.holds) if hold[0] == number]
            if mine:
                which = np.array([self.holds[i][1] for i in mine])
                total = total + wall.bend(theta, which, self.multipliers[mine])
        return total

    def tangent(self, jacobian, basis):
        """Orthonormal directions (P, free) of the basis, in local coordinates, along which what is held stays."""
        if not self.holds:
            return basis
        normals = basis.T @ (jacobian.T @ self.normals)
        left, sizes, _ = np.linalg.svd(normals)
        rank = int(np.sum(sizes > RANK * sizes.max(initial=0.0)))
        return basis @ left[:, rank:]


NOWHERE: tuple = ()


def face_at(walls, theta, gradient, jacobian, basis, also=NOWHERE) -> Face:
    """Face at a point, from the gradient there.

    Parameters
    ----------
    walls : tuple of Wall
    theta, gradient : ndarray, shape (P,)
    jacobian : ndarray, shape (P, P)
        Of the local coordinates: multipliers are least squares in these.
    basis : ndarray, shape (P, free)
    also : sequence of (int, int)
        Inequalities that are held whatever their multipliers.
    """
    near = [
        (number, int(index))
        for number, wall in enumerate(walls)
        for index in np.flatnonzero(wall.equal | (wall.values(theta) <= NEAR))
    ]
    if not near:
        return Face(walls, (), np.empty((len(theta), 0)), np.empty(0))
    normals = _normals(walls, theta, near)
    inward = basis.T @ (jacobian.T @ normals)
    size = np.maximum(np.linalg.norm(inward, axis=0), 1e-300)
    equal = np.array([walls[number].equal for number, _ in near])
    multipliers = _pushes(inward / size, -(basis.T @ (jacobian.T @ gradient)), equal) / size
    held = [i for i, hold in enumerate(near) if multipliers[i] > 0.0 or equal[i] or hold in also]
    return Face(walls, tuple(near[i] for i in held), normals[:, held], multipliers[held])


def _pushes(inward, force, equal):
    """Multipliers of unit normals that take up most of a force: not negative, but of equations any."""
    if not equal.any():
        return scipy.optimize.nnls(inward, force)[0]
    result = np.zeros(len(equal))
    if not equal.all():
        left, sizes, _ = np.linalg.svd(inward[:, equal], full_matrices=False)
        out = left[:, sizes > RANK * sizes.max(initial=0.0)]
        rest = inward[:, ~equal] - out @ (out.T @ inward[:, ~equal])
        result[~equal] = scipy.optimize.nnls(rest, force - out @ (out.T @ force))[0]
    left_over = force - inward[:, ~equal] @ result[~equal]
    result[equal] = np.linalg.lstsq(inward[:, equal], left_over, rcond=RANK)[0]
    return result


def _normals(walls, theta, holds):
    """Gradients of some inequalities, (P, h)."""
    result = np.empty((len(theta), len(holds)))
    for number, wall in enumerate(walls):
        mine = [i for i, hold in enumerate(holds) if hold[0] == number]
        if mine:
            result[:, mine] = wall.normals(theta, np.array([holds[i][1] for i in mine]))
    return result


def keep_inside(face: Face, theta, move):
    """Longest part of a step that stays inside: (point, part of the step, what stops it or None).

    Parameters
    ----------
    face : Face
        What it holds stays held: curved walls are followed.
    theta : ndarray, shape (P,)
    move : callable
        From a part in [0, 1] of the step to a point.
    """
    before = [wall.values(theta) for wall in face.walls]
    point = follow(face, move(1.0))
    if point is not None and _least(face, before, point)[0] >= 0.0:
        return point, 1.0, None
    blocking = _blocking(face, before, theta, move)
    if blocking is not None:
        return theta, 0.0, blocking

    def inside(part):
        point = follow(face, move(part)) if part > 0.0 else theta
        return -1.0 if point is None else _least(face, before, point)[0]

    start = inside(0.0)
    part = (
        scipy.optimize.brentq(inside, 0.0, 1.0, xtol=1e-15, rtol=1e-14, maxiter=TRIES, disp=False) if start > 0 else 0.0
    )
    point = follow(face, move(part))
    while part > 0.0 and (point is None or _least(face, before, point)[0] < -ROUNDING):
        part = 0.5 * part if part > 1e-12 else 0.0
        point = follow(face, move(part))
    if part == 0.0:
        return theta, 0.0, None
    return point, part, None


def _least(face, before, point):
    """Least value of what is not held, relative to what was on a wall already, and which it is."""
    least, which = np.inf, None
    for number, wall in enumerate(face.walls):
        values = wall.values(point) - np.minimum(before[number], 0.0)
        # Rounding on a wall on which the step began is no crossing.
        values = np.where((before[number] <= NEAR) & (values >= -ROUNDING), np.inf, values)
        for index in np.argsort(values)[: len(face.holds) + 1]:
            if (number, int(index)) not in face.holds:
                if values[index] < least:
                    least, which = float(values[index]), (number, int(index))
                break
    return least, which


def _blocking(face, before, theta, move):
    """Which wall, on which a step begins, it leads out of at once, if there is one."""
    direction = (move(STUB) - theta) / STUB
    for number, wall in enumerate(face.walls):
        near = np.array([i for i in np.flatnonzero(before[number] <= NEAR) if (number, int(i)) not in face.holds], int)
        if near.size:
            rate = wall.normals(theta, near).T @ direction
            if rate.min() < 0.0:
                return number, int(near[rate.argmin()])
    return None


def follow(face: Face, point):
    """Move a point back onto the walls that are held, by least changes of the parameters; None if they are too far."""
    if not face.holds:
        return point
    for _ in range(6):
        every = [wall.values(point) for wall in face.walls]
        values = np.array([every[number][index] for number, index in face.holds])
        if np.abs(values).max() <= ROUNDING:
            return point
        if not np.abs(values).max() < 10.0:
            return None
        normals = _normals(face.walls, point, face.holds)
        if not np.isfinite(normals).all():
            return None
        point = point - np.linalg.lstsq(normals.T, values, rcond=1e-12)[0]
    return point if np.abs(values).max() <= NEAR else None
