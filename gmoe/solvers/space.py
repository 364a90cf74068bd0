"""Where an ascent may go: all identified directions, or those along which the selection of a sparse gate holds.

As a function of what moves selections the likelihood jumps.  Its largest value lies on the near side of a jump, with a
slope towards it: a smooth maximum only in the directions that hold the selection.
"""

import numpy as np

from gmoe.solvers.objective import Evaluation, Objective


class Space:
    """All directions along which the likelihood has a slope."""

    def __init__(self, objective: Objective):
        self.objective = objective

    def basis(self, theta):
        """Orthonormal directions at a point, (P, free)."""
        return self.objective.identified

    def move(self, theta, step):
        """Point at the end of a step."""
        return theta + step


class HeldSpace(Space):
    """Directions that hold the selection."""

    def basis(self, theta):
        return self.objective.held(theta)

    def move(self, theta, step):
        # A temperature divides act(score) + intercept, of which natural coordinates hold intercept / temperature: to
        # first order these move against it, and exactly as its inverse.
        result = theta + step
        gate = self.objective.gate
        if gate.n_shared and gate.first_bent == 1 and gate.select_on != "score":
            change = self.objective.shared(step)[0]
            intercept = self.objective.split(theta)[0][:, 0]
            self.objective.split(result)[0][:, 0] += intercept * (np.exp(-change) - 1.0 + change)
        return result


def slope(evaluation: Evaluation, basis) -> float:
    """Largest entry of the average gradient's part in the span of the basis."""
    return float(np.abs(basis @ (basis.T @ evaluation.gradient)).max())
