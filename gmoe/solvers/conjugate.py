"""Trust-region steps by preconditioned conjugate gradients, for more parameters than a full Hessian is worth.

Steihaug's method: conjugate gradients on the Newton equation until the residual is small, the step leaves the trust
region, or a direction of upward curvature turns up.  Each iteration costs one Hessian-vector product.  The
preconditioner is the complete-data information: what EM inverts, block by block.
"""

import numpy as np
import scipy

from gmoe.solvers.em import expert_moments, gate_information
from gmoe.solvers.objective import Objective

MAX_PRODUCTS = 60


class Krylov:
    """Quadratic model of the log-likelihood from Hessian-vector products."""

    def __init__(self, objective: Objective, evaluation, basis):
        self.objective, self.evaluation, self.basis = objective, evaluation, basis
        # Coordinates in which the complete-data information is the identity: trust region and residuals are EM's.
        self.upper = _factor(self.basis.T @ complete_information(objective, evaluation) @ self.basis)
        self.gradient = self.basis.T @ evaluation.gradient

    def step(self, radius):
        """Steihaug step within the radius: (point (P,) at its end, predicted gain, length in the metric of EM)."""
        s = np.zeros_like(self.gradient)
        residual = self.gradient.copy()
        direction = z = scipy.linalg.cho_solve(self.upper, residual)
        target = min(0.1, np.sqrt(np.linalg.norm(residual))) * np.sqrt(residual @ z)
        curved = np.zeros_like(s)
        for _ in range(MAX_PRODUCTS):
            image = self._image(direction)
            bend = direction @ image
            old = residual @ z
            alpha = old / bend if bend > 0 else np.inf
            reach = self._to_boundary(s, direction, radius)
            if alpha >= reach:
                s, curved = s + reach * direction, curved + reach * image
                break
            s, curved = s + alpha * direction, curved + alpha * image
            residual = residual - alpha * image
            z = scipy.linalg.cho_solve(self.upper, residual)
            if np.sqrt(residual @ z) <= target:
                break
            direction = z + (residual @ z / old) * direction
        point = self.evaluation.theta + self.basis @ s
        return point, float(self.gradient @ s - 0.5 * (s @ curved)), float(self._norm(s))

    def _image(self, direction):
        return -(self.basis.T @ self.objective.product(self.evaluation, self.basis @ direction))

    def _whiten(self, s):
        factor, lower = self.upper
        return np.triu(factor) @ s if not lower else np.tril(factor).T @ s

    def _norm(self, s):
        return np.linalg.norm(self._whiten(s))

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
    """Average information of the complete data, (P, P): block-diagonal experts, and the gate's own block."""
    _, _, eta = objective.split(evaluation.theta)
    variance = objective.variance(eta)
    total = objective.blocks.total_weight
    moments = expert_moments(objective, evaluation.sums) / total
    share = objective.share(eta)
    information = np.zeros((objective.n_parameters,) * 2)
    for j in range(objective.n_experts):
        stop = (j + 1) * objective.width - 1
        slopes = slice(stop - objective.q_expert, stop)
        information[slopes, slopes] = moments[j] / variance[j]
        information[stop, stop] = 0.5 * share[j] ** 2 * evaluation.sums.g_scalar[1, j] / total
    information[np.ix_(objective.gate_index, objective.gate_index)] = gate_information(objective, evaluation.sums)
    # The ridge keeps experts without observations, and separated gates, finite.
    return information + 1e-8 * np.eye(objective.n_parameters)
