"""Equations of the experts' shares: their average gate probabilities are given."""

import numpy as np

from gmoe.solvers.problem.rows_wall import NOTHING, AffineRowsWall, RowsWall
from gmoe.solvers.problem.walls import Bound, Kind

# Steps to given shares, the longest one of them, and differences of logs that are rounding.
STEPS, LONGEST, ROUNDING = 100, 3.0, 1e-12


class SharesWall(RowsWall):
    """Log of the share of each expert but the first over the given one; the first has what is left."""

    equal = True

    def __init__(self, objective, given):
        super().__init__(objective, 1.0)
        self.given = given

    @property
    def _counted(self):
        return self.objective.n_experts

    def _mass(self, theta, which):
        # Of numbers of experts.
        return np.exp(self.values(theta)[which - 1]) * self.given[which] * self.objective.blocks.total_weight

    def _room(self, share):
        return np.log(np.maximum(share / self.objective.blocks.total_weight, NOTHING) / self.given)[1:]

    def bound(self, index):
        """See :class:`Wall`."""
        return Bound(Kind.EQUATION)

    def normals(self, theta, which):
        """See :class:`Wall`."""
        return super().normals(theta, which + 1)

    def bend(self, theta, which, multipliers):
        """See :class:`Wall`."""
        return super().bend(theta, which + 1, multipliers)


class AffineSharesWall(SharesWall, AffineRowsWall):
    """The same under a gate with affine log-weights, by kernels."""


def shares_wall(objective):
    """Return the wall of the given shares of an objective; None where none are given."""
    if objective.terms.shares is None:
        return None
    kind = AffineSharesWall if objective.gate.has_affine_log_weights(objective.n_experts) else SharesWall
    return kind(objective, np.array(objective.terms.shares))


def on_shares(objective, theta):
    """Return parameters near by with the given shares, along the linear equations.

    Gauss-Newton steps of bounded length; of intercepts where there are any, in which shares are monotone.
    """
    wall, ways = objective.equal_walls[-1], np.eye(objective.n_parameters)
    if objective.gate.adds_intercept:
        ways = ways[:, objective.at_gate[:, 0]]
    ways = objective.along_equations(ways)
    for _ in range(STEPS):
        short = wall.values(theta)
        if np.abs(short).max(initial=0.0) <= ROUNDING:
            break
        normals = wall.normals(theta, np.arange(len(short)))
        if not np.isfinite(normals).all():
            break
        step = ways @ np.linalg.lstsq(normals.T @ ways, short, rcond=1e-12)[0]
        theta = theta - step * min(1.0, LONGEST / max(float(np.linalg.norm(step)), 1e-300))
    return theta
