"""The log-likelihood of a sparse gate with a soft selection: smooth where the exact one jumps.

The exact likelihood of a sparse gate says nothing about where its selection should move: masked experts have no
responsibility.  With a selection of some width it does, and climbing it while the width falls leads to selections that
plain ascent never finds.
"""

import numpy as np
import scipy

from gmoe.gates import GateRows
from gmoe.kernels.affine import affine_rows
from gmoe.kernels.soft import follow, mixture, soften, work_rows
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
    """Average log-likelihood, up to a constant, of an objective's data under a soft selection; all data in memory.

    Parameters
    ----------
    objective : Objective
        Of a sparse gate.
    """

    def __init__(self, objective: Objective):
        self.objective, self.gate = objective, objective.gate
        blocks = objective.blocks
        parts = [blocks.get(b, blocks.buffer()) for b in range(blocks.n_blocks)]
        self.n = blocks.n
        self.x_gate, self.x_expert = (
            np.concatenate([part[i][:, : part[-1]] for part in parts], axis=1) for i in (0, 1)
        )
        self.y = np.concatenate([part[2][0, : part[-1]] for part in parts])
        self.w = np.concatenate([part[3][: part[-1]] for part in parts])
        k = objective.n_experts
        own = (0, 0) if self.gate.affine else (k, self.n)
        bend = (k, self.n) if self.gate.n_shared else (0, 0)
        self.rows = GateRows(np.empty((k, self.n)), np.empty(own), np.empty((0, 0)), np.empty(bend))
        self._dense = self.gate.dense()
        self._work = np.empty((work_rows(k), self.n))
        self._score, self._mean, self._push, self._pull, self._residual = np.empty((5, k, self.n))

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
        """Value and gradient (P,) at a width >= 0; with 0 the exact ones, up to the constant."""
        objective, gate = self.objective, self.gate
        _, own = objective.split(theta)
        expert, eta = own[:, :-1], own[:, -1]
        key, in_score, in_logit = self.keys(theta)
        self._fill_means(expert)
        log_sd, g_log_sd = 0.5 * eta, np.zeros(len(eta))
        scratch, in_key = self._work[0], None
        if width > 0:
            threshold, in_key = gate.selection.thresholds(key)
            soften(self.rows.logit, key, self.n, threshold, width, scratch, self._push, self._pull)
        else:
            self._push[:] = self.rows.logit
            gate.selection.mask(key, self.n, self._push)
        value = mixture(self.y, self.w, self.n, self._mean, log_sd, self._work, self._push, self._residual, g_log_sd)
        if in_key is not None:
            follow(self._push, self.n, in_key, scratch, self._pull)
        gradient = np.empty(objective.n_parameters)
        g_gate, g_own = objective.split(gradient)
        g_expert, g_eta = g_own[:, :-1], g_own[:, -1]
        change = self._push + self._pull * in_logit if width > 0 else self._push
        bent = change * self.rows.slope if self.rows.slope.size else change
        g_gate[:, 0] = (bent if gate.first_bent == 0 else change).sum(axis=1)
        g_gate[:, 1:] = (bent + self._pull * in_score if width > 0 else bent) @ self.x_gate.T
        objective.shared(gradient)[:] = -np.sum(change * self.rows.bend) if gate.n_shared else 0.0
        residual = self._residual * np.exp(-log_sd)[:, None]
        g_expert[:, 0] = residual.sum(axis=1)
        g_expert[:, 1:] = residual @ self.x_expert.T
        g_eta[:] = 0.5 * g_log_sd
        total = objective.blocks.total_weight
        return value / total, gradient / total

    def log_density(self, theta):
        """Log-density, up to a constant, of each expert, (k, n)."""
        _, own = self.objective.split(theta)
        self._fill_means(own[:, :-1])
        variance = np.exp(own[:, -1:])
        return -0.5 * (self.y - self._mean) ** 2 / variance - 0.5 * np.log(variance)

    def _fill_means(self, expert):
        affine_rows(self.x_expert, self.n, np.ascontiguousarray(expert), self._mean)

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
        place = np.arange(self.objective.width - 1, self.objective.n_rows, self.objective.width)
        bounds[place] = max(least, LEAST_LOG_VARIANCE), most
        result = scipy.optimize.minimize(negative, theta, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        return result.x, -result.fun

    def anneal(self, theta, widths, max_iter):
        """Ascents at falling widths, in units of the keys' spread."""
        for width in widths:
            theta, _ = self.climb(theta, width * self.spread(theta), max_iter)
        return theta
