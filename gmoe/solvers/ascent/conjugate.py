"""Trust-region steps by preconditioned conjugate gradients, for more parameters than a full Hessian is worth.

Steihaug's method: conjugate gradients on the Newton equation until the residual is small, the step leaves the trust
region, or a direction of upward curvature turns up.  Each iteration costs one Hessian-vector product.  The
preconditioner is the complete-data information: what EM inverts, block by block.
"""

import numpy as np
import scipy

from gmoe.solvers.ascent.em import gate_information
from gmoe.solvers.problem.objective import Objective, symmetric

MAX_PRODUCTS = 60


class Krylov:
    """Quadratic model of the log-likelihood from Hessian-vector products, along a face, in local coordinates.

    Parameters
    ----------
    objective : Objective
    evaluation : Evaluation
    local : Local
        The first order at that point.
    """

    def __init__(self, objective: Objective, evaluation, local):
        self.objective, self.evaluation = objective, evaluation
        self.face, self.basis, self.slope = local.face, local.basis, local.slope
        self.coordinates, self._bend = local.coordinates, local.face.bend(evaluation.theta)
        jacobian = local.coordinates.jacobian(evaluation.theta)
        self._out = jacobian @ self.basis
        # Coordinates in which the complete-data information is the identity: trust region and residuals are EM's.
        self.upper = _factor(self._out.T @ complete_information(objective, evaluation) @ self._out)
        self.gradient = self._out.T @ local.gradient

    def step(self, radius):
        """Steihaug step within the radius in the metric of EM, local coordinates (P,)."""
        s = np.zeros_like(self.gradient)
        residual = self.gradient.copy()
        direction = z = scipy.linalg.cho_solve(self.upper, residual)
        target = min(0.1, np.sqrt(np.linalg.norm(residual))) * np.sqrt(residual @ z)
        self._curved = np.zeros_like(s)
        self._taken = s
        if not residual.any():
            return self.basis @ s
        for _ in range(MAX_PRODUCTS):
            image = self._image(direction)
            bend = direction @ image
            old = residual @ z
            alpha = old / bend if bend > 0 else np.inf
            reach = self._to_boundary(s, direction, radius)
            if alpha >= reach:
                s, self._curved = s + reach * direction, self._curved + reach * image
                break
            s, self._curved = s + alpha * direction, self._curved + alpha * image
            residual = residual - alpha * image
            z = scipy.linalg.cho_solve(self.upper, residual)
            if np.sqrt(residual @ z) <= target:
                break
            direction = z + (residual @ z / old) * direction
        self._taken = s
        return self.basis @ s

    def gain(self, step):
        """Predicted gain of a part of the last step."""
        size = self._taken @ self._taken
        part = (self.basis.T @ step) @ self._taken / size if size else 0.0
        return float(part * (self.gradient @ self._taken) - 0.5 * part**2 * (self._taken @ self._curved))

    def _image(self, direction):
        moved = self._out @ direction
        curved = self.objective.product(self.evaluation, moved)
        if np.ndim(self._bend):
            curved = curved + self._bend @ moved
        return -(self._out.T @ curved)

    def _whiten(self, s):
        factor, lower = self.upper
        return np.triu(factor) @ s if not lower else np.tril(factor).T @ s

    def _to_boundary(self, s, direction, radius):
        """Largest multiple of the direction that stays within the radius."""
        a, b = self._whiten(direction), self._whiten(s)
        square, cross = a @ a, a @ b
        return (np.sqrt(cross * cross + square * max(radius * radius - b @ b, 0.0)) - cross) / square


def _factor(information):
    """Cholesky factor; where entries are so large that their rounding exceeds the ridge, of the matrix with a floor."""
    try:
        return scipy.linalg.cho_factor(information)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(information)
        floored = np.maximum(values, 1e-13 * values[-1])
        return scipy.linalg.cho_factor((vectors * floored) @ vectors.T)


def complete_information(objective: Objective, evaluation):
    """Average information of the complete data, (P, P): that of the experts, and the gate's own block."""
    sums = evaluation.sums
    own = objective.split(evaluation.theta)[1]
    experts = objective.experts.information(own, symmetric(sums.bend_expert), sums.totals[0])
    information = np.zeros((objective.n_parameters,) * 2)
    for at, block in zip(objective.at_expert, experts / objective.blocks.total_weight, strict=True):
        information[np.ix_(at, at)] += block
    information[np.ix_(objective.gate_index, objective.gate_index)] = gate_information(objective, sums)
    information += objective.terms.matrix
    # The ridge keeps experts without observations, and separated gates, finite.
    return information + 1e-8 * np.eye(objective.n_parameters)
