"""The first order at a point: the face of the parameter space that it is on, and the gradient along it."""

import numpy as np

from gmoe.solvers.ascent.face import NOWHERE, face_at
from gmoe.solvers.problem.coordinates import Coordinates


class Local:
    """The first order at a point.

    Parameters
    ----------
    evaluation : Evaluation
    coordinates : Coordinates
    walls : tuple of Wall
    also : sequence
        Inequalities that are held whatever their multipliers: a step ran into them.

    Attributes
    ----------
    face : Face
    gradient : ndarray, shape (P,)
        Of the Lagrangian: what is left where the walls have taken their part.
    basis : ndarray, shape (P, free)
        Directions along the face, local coordinates.
    slope : float
        Largest entry of that rest, means in units of their own expert's standard deviation.
    """

    def __init__(self, evaluation, coordinates: Coordinates, walls, also=NOWHERE):
        self.theta, self.coordinates = evaluation.theta, coordinates
        jacobian, basis = coordinates.jacobian(self.theta), coordinates.basis()
        self.face = face_at(walls, self.theta, evaluation.gradient, jacobian, basis, also)
        self.gradient = evaluation.gradient + self.face.normals @ self.face.multipliers
        self.basis = self.face.tangent(jacobian, basis)
        # Not in the local coordinates of a cold gate, in which a slope of its coefficients is nearly none.
        rest = coordinates.measures(self.theta) * self.gradient
        self.slope = float(np.abs(basis @ (basis.T @ rest)).max(initial=0.0))


def slope_at(objective, evaluation, walls=NOWHERE) -> float:
    """Largest entry of the average gradient along the walls at a point; infinite where it is no number."""
    if not np.isfinite(evaluation.gradient).all():
        return np.inf
    return Local(evaluation, Coordinates(objective), (*walls, *objective.walls(evaluation))).slope
