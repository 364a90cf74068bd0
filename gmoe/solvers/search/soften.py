"""The log-likelihood of a sparse gate with a soft selection: smooth where the exact one jumps.

The exact likelihood of a sparse gate says nothing about where its selection should move: masked experts have no
responsibility.  With a selection of some width it does, and climbing it while the width falls leads to selections that
plain ascent never finds.
"""

import numpy as np
import scipy

from gmoe.gates import GateRows
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.soft import WORK_ROWS, follow, mixture, soften
from gmoe.part import weighted_sums
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.walls import variance_bounds

# Largest entry of the gate's scaled coordinates where a search looks.  The climb that follows has no such bound: maxima
# with selections as sharp as the gap of two neighbours lie beyond (at n = 1e5 up to 99 units of log-likelihood higher).
BOX = 200.0
# Keys are compared in units of their spread; this is that of keys that are all the same.
MIN_SPREAD = 1e-3
# Below it an expert on its way to an infinite likelihood would spoil the steps of the others.
LEAST_LOG_VARIANCE = np.log(1e-6)


class Soft:
    """Average log-likelihood of an objective's data under a soft selection; all data in memory.

    Parameters
    ----------
    objective : Objective
        Of a sparse gate.
    """

    def __init__(self, objective: Objective):
        self.objective, self.gate = objective, objective.gate
        blocks, k = objective.blocks, objective.n_experts
        parts = [blocks.designs(b, blocks.buffer()) for b in range(blocks.n_blocks)]
        self.n = blocks.n
        self._design_gate, self._design, self.y = (
            np.concatenate([part[i][:, : part[-1]] for part in parts], axis=1) for i in range(3)
        )
        self.x_gate, self.w = self._design_gate[1:], np.concatenate([part[3][: part[-1]] for part in parts])
        own = (0, 0) if self.gate.affine else (k, self.n)
        bend = (k, self.n) if self.gate.n_shared else (0, 0)
        self.rows = GateRows(np.empty((k, self.n)), np.empty(own), np.empty((0, 0)), np.empty(bend))
        self._dense, self._room = self.gate.dense(), objective.experts.room(objective.expert_size, self.n)
        self._work = np.empty((WORK_ROWS, self.n))
        self._score, self._density, self._push, self._pull = np.empty((4, k, self.n))

    def keys(self, theta):
        """Fill the dense gate's rows and the scores; return keys and their derivatives in score and logit."""
        gate, _ = self.objective.split(theta)
        coef = np.ascontiguousarray(gate)
        self._dense.fill(coef, self.objective.shared(theta), self.x_gate, self.n, self.rows)
        coef = coef.copy()
        coef[:, 0] = 0.0
        affine_rows(self.x_gate, self.n, coef, self._score)
        return tuple(self.gate.selection.by.at(self._score, self.rows.logit))

    def spread(self, theta):
        """Root mean square difference between the experts' keys."""
        key, _, _ = self.keys(theta)
        return max(float(np.sqrt(np.mean((key - key.mean(axis=0)) ** 2))), MIN_SPREAD)

    def evaluate(self, theta, width):
        """Value and gradient (P,) at a width >= 0; with 0 the exact ones."""
        objective, gate = self.objective, self.gate
        key, in_score, in_logit = self.keys(theta)
        rows = self._fill_density(theta)
        scratch, in_key = self._work[0], None
        if width > 0:
            threshold, in_key = gate.selection.thresholds(key)
            soften(self.rows.logit, key, self.n, threshold, width, scratch, self._push, self._pull)
        else:
            self._push[:] = self.rows.logit
            gate.selection.mask(key, self.n, self._push)
        value = mixture(self._density, self.w, self.n, self._work, self._push)
        if in_key is not None:
            follow(self._push, self.n, in_key, scratch, self._pull)
        gradient = np.empty(objective.n_parameters)
        g_gate, g_own = objective.split(gradient)
        change = self._push + self._pull * in_logit if width > 0 else self._push
        bent = change * self.rows.slope if self.rows.slope.size else change
        g_gate[:, 0] = (bent if gate.first_bent == 0 else change).sum(axis=1)
        g_gate[:, 1:] = (bent + self._pull * in_score if width > 0 else bent) @ self.x_gate.T
        objective.shared(gradient)[:] = -np.sum(change * self.rows.bend) if gate.n_shared else 0.0
        sums = weighted_sums(rows, self._density)
        g_own[:] = sums[:, : objective.q_expert]
        objective.expert_shared(gradient)[:] = sums[:, objective.q_expert :].sum(axis=0)
        total = objective.blocks.total_weight
        return value / total, gradient / total

    def log_density(self, theta):
        """Log-density of each expert, (k, n)."""
        self._fill_density(theta)
        return self._density.copy()

    def _fill_density(self, theta):
        """Fill log-densities; return the rows of their derivatives."""
        own, shared = self.objective.split(theta)[1], self.objective.expert_shared(theta)
        data = self._design, self.y
        return self.objective.experts.fill_block(
            np.ascontiguousarray(own), shared, data, self.n, self._density, self._room
        )

    def climb(self, theta, width, max_iter, tol=1e-7):
        """Ascent at a fixed width by L-BFGS; returns (theta, value)."""

        def negative(theta):
            value, gradient = self.evaluate(theta, width)
            return -value, -gradient

        options = {"maxiter": max_iter, "maxfun": 2 * max_iter, "ftol": tol, "gtol": 1e-5, "maxcor": 12}
        limit = np.full(len(theta), np.inf)
        self.objective.split(limit)[0][:] = BOX
        bounds = np.column_stack([-limit, limit])
        # Between the absolute bounds of the space; its other walls are for the climb that follows.
        least, most, _ = variance_bounds(self.objective)
        logs = self.objective.experts.log_variance_rows(self.objective.expert_size)
        for row in () if logs is None else logs:
            if np.count_nonzero(row) == 1:
                bounds[self.objective.at_expert[:, row.argmax()]] = max(least, LEAST_LOG_VARIANCE), most
        result = scipy.optimize.minimize(negative, theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        return result.x, -result.fun

    def anneal(self, theta, widths, max_iter):
        """Ascents at falling widths, in units of the keys' spread."""
        for width in widths:
            theta, _ = self.climb(theta, width * self.spread(theta), max_iter)
        return theta
