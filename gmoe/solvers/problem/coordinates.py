"""Local coordinates in which the steps of a climb are straight, and its tolerances mean the same for every expert.

Means are measured in the standard deviation of their own expert: with experts a thousand times apart in noise, one
tolerance and one trust region serve all.

A gate that bends is nearly the softmax gate where temperature and slopes are small, and there the likelihood is a
narrow ridge along constant slope / temperature: curved in the natural coordinates, where Newton's method needed 440
steps (median of climbs on data from softmax gates), straight in slope / temperature, where it needs 40.
"""

import numpy as np

from gmoe.solvers.problem.objective import Objective


class Coordinates:
    """Local coordinates about a point.

    Parameters
    ----------
    objective : Objective
    """

    def __init__(self, objective: Objective):
        self.objective = objective

    def jacobian(self, theta):
        """Return the derivative of the parameters in the local coordinates at a point, (P, P)."""
        objective = self.objective
        jacobian = np.diag(self.units(theta))
        if objective.gate.has_temperature:
            # Local coordinates (s, dt) of slopes b and log temperature t: b becomes (b + T s) exp(dt), t + dt.
            bent = objective.bent_index
            jacobian[bent, objective.n_rows] = theta[bent]
        return jacobian

    def measures(self, theta):
        """Return the unit in which the gradient in each parameter counts, (P,): standard deviations for means."""
        objective = self.objective
        result = np.ones(len(theta))
        own = objective.split(theta)[1]
        objective.split(result)[1][:] = objective.experts.measures(own, objective.expert_shared(theta))
        return result

    def units(self, theta):
        """Size of one step of each parameter, (P,): as measures, and the temperature for bent slopes."""
        units = self.measures(theta)
        if self.objective.gate.has_temperature:
            units[self.objective.bent_index] = self._temperature(theta)
        return units

    def local(self, theta, gradient, hessian):
        """Gradient (P,) and Hessian (P, P) in local coordinates of those in the parameters."""
        if not self.objective.gate.has_temperature:
            units = self.units(theta)
            return units * gradient, units[:, None] * hessian * units
        jacobian = self.jacobian(theta)
        result = jacobian.T @ hessian @ jacobian
        bent, temperature = self.objective.bent_index, self._temperature(theta)
        last = self.objective.n_rows
        result[bent, last] += temperature * gradient[bent]
        result[last, bent] += temperature * gradient[bent]
        result[last, last] += theta[bent] @ gradient[bent]
        return jacobian.T @ gradient, result

    def move(self, theta, step):
        """Point at the end of a step in local coordinates."""
        objective = self.objective
        result = theta + self.units(theta) * step
        if objective.gate.has_temperature:
            bent = objective.bent_index
            result = objective.inside(result)
            result[bent] *= np.exp(result[objective.n_rows] - theta[objective.n_rows])
        return result

    def along(self, theta, step):
        """Return the way of a step: from a part of it, in [0, 1], to a point."""
        return lambda part: self.move(theta, part * step)

    def basis(self):
        """Orthonormal directions that change the density, (P, free)."""
        return self.objective.identified

    def _temperature(self, theta):
        return self.objective.gate.natural_temperature(self.objective.shared(theta))
