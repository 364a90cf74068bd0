"""Where an ascent may go, and in which local coordinates its steps are straight.

A gate that bends is nearly the softmax gate where temperature and slopes are small, and there the likelihood is a
narrow ridge along constant slope / temperature: curved in the natural coordinates, where Newton's method needed 440
steps (median of climbs on data from softmax gates), straight in slope / temperature, where it needs 40.

As a function of what moves the selections of a sparse gate the likelihood jumps.  Its largest value lies on the near
side of a jump, with a slope towards it: a smooth maximum only in the directions that hold the selection.
"""

import numpy as np

from gmoe.gates import LOG_TEMPERATURE_RANGE
from gmoe.solvers.objective import Evaluation, Objective


class Space:
    """All directions along which the likelihood has a slope."""

    def __init__(self, objective: Objective):
        self.objective = objective

    def basis(self, theta):
        """Orthonormal directions at a point, (P, free)."""
        return self.objective.identified

    def local(self, evaluation: Evaluation):
        """Gradient (P,) and Hessian (P, P) of an evaluation in local coordinates."""
        if not self.objective.gate.n_shared:
            return evaluation.gradient, evaluation.hessian
        assert evaluation.hessian is not None
        # Local coordinates (s, dt) of slopes b and log temperature t: b becomes (b + T s) exp(dt), t becomes t + dt.
        theta, bent = evaluation.theta, self._bent
        temperature = self._temperature(theta)
        jacobian = np.eye(len(theta))
        jacobian[bent, bent] = temperature
        jacobian[bent, -1] = theta[bent]
        hessian = jacobian.T @ evaluation.hessian @ jacobian
        hessian[bent, -1] += temperature * evaluation.gradient[bent]
        hessian[-1, bent] += temperature * evaluation.gradient[bent]
        hessian[-1, -1] += theta[bent] @ evaluation.gradient[bent]
        return jacobian.T @ evaluation.gradient, hessian

    def move(self, theta, step):
        """Point at the end of a step in local coordinates."""
        result = theta + step
        if self.objective.gate.n_shared:
            bent = self._bent
            result[-1] = np.clip(result[-1], *LOG_TEMPERATURE_RANGE)
            result[bent] = (theta[bent] + self._temperature(theta) * step[bent]) * np.exp(result[-1] - theta[-1])
        return result

    @property
    def _bent(self):
        """Where the parameters are that go through the activation."""
        rows = np.arange(self.objective.n_experts)[:, None] * self.objective.width
        return (rows + np.arange(self.objective.gate.first_bent, self.objective.q_gate)).ravel()

    def _temperature(self, theta):
        return self.objective.gate.natural_temperature(self.objective.shared(theta))


class HeldSpace(Space):
    """Directions that hold the selection."""

    def basis(self, theta):
        return self.objective.held(theta)

    def local(self, evaluation):
        return evaluation.gradient, evaluation.hessian

    def move(self, theta, step):
        # A temperature divides act(score) + intercept, of which natural coordinates hold intercept / temperature: to
        # first order these move against it, and exactly as its inverse.
        result = theta + step
        gate = self.objective.gate
        if gate.n_shared:
            result[-1] = np.clip(result[-1], *LOG_TEMPERATURE_RANGE)
        if gate.n_shared and gate.first_bent == 1 and gate.select_on.sees_logit:
            change = result[-1] - theta[-1]
            intercept = self.objective.split(theta)[0][:, 0]
            self.objective.split(result)[0][:, 0] += intercept * (np.exp(-change) - 1.0 + step[-1])
        return result


def slope(evaluation: Evaluation, basis) -> float:
    """Largest entry of the average gradient's part in the span of the basis."""
    return float(np.abs(basis @ (basis.T @ evaluation.gradient)).max())
