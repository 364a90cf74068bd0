"""Differences of root densities at the nodes of a quadrature, without cancellation, and their derivatives."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmoe.theory.orders.cells import Cells
from gmoe.theory.orders.quadrature import Nodes

#: Logarithms of ratios of densities are cut here, and ratios there.
FAR, TINY = 300.0, 1e-300


@dataclass(frozen=True, eq=False)
class Residuals:
    r"""Residuals :math:`\sqrt{w / 2} (\sqrt f - \sqrt g)` of the measures of ``cells`` against their truth.

    Their sum of squares is the squared Hellinger distance, averaged over x. With the truth's posterior probabilities
    :math:`\rho^*_j` and gate :math:`\pi^*_j`, and the changes :math:`\gamma_i` of an atom's log-weight and
    :math:`\lambda_i` of its log-density from those of the expert j in whose cell it lies, a share :math:`s_i` of it,

    .. math:: f / g - 1 = \frac{\sum_i \rho^*_j s_i\,\mathrm{expm1}(\gamma_i + \lambda_i)
        - \sum_i \pi^*_j s_i\,\mathrm{expm1}(\gamma_i)}{1 + \sum_i \pi^*_j s_i\,\mathrm{expm1}(\gamma_i)},

    in which nothing of the size of 1 cancels.
    """

    cells: Cells
    nodes: Nodes

    @cached_property
    def _truth(self):
        """Gate values and probabilities at x (l, n_x), posteriors (l, n), and root weights (n,)."""
        own, shared, experts = self.cells.true
        value = self.cells.truth.gate.value(own, shared, self.nodes.x)
        top = value.max(axis=0)
        total = top + np.log(np.exp(value - top).sum(axis=0))
        log_proba = value - total
        log_density = self._log_density(experts)
        joint = log_proba[:, self.nodes.row] + log_density
        top = joint.max(axis=0)
        log_g = top + np.log(np.exp(joint - top).sum(axis=0))
        root = np.sqrt(0.5 * self.nodes.weight) * np.exp(0.5 * log_g)
        return value, np.exp(log_proba), np.exp(joint - log_g), root

    def _standardised(self, experts):
        mean = experts[:, :1] + experts[:, 1:-1] @ self.nodes.x[list(self.cells.truth.expert_columns or ())]
        return self.nodes.y - mean[:, self.nodes.row]

    def _log_density(self, experts):
        error, variance = self._standardised(experts), experts[:, -1:]
        return -0.5 * (error * error / variance + np.log(2.0 * np.pi * variance))

    def _changes(self, z):
        """Return changes of log-weights (k, n_x) and log-densities (k, n), and what derivatives need besides."""
        cells, at = self.cells, self.cells.slices
        rows, shared, experts = cells.parameters(z)
        x = self.nodes.x
        after, before = cells.gate.value(rows, shared, x), self._truth[0][cells.cell]
        # Not selected, by a sparse gate: neither of the two is no change, one of them is outside of these measures.
        with np.errstate(invalid="ignore"):
            gamma = np.minimum(after - before, FAR)
        gamma[np.isneginf(after) & np.isneginf(before)] = 0.0
        gamma[np.isneginf(after) != np.isneginf(before)] = np.nan
        true = cells.true[2][cells.cell]
        delta = (cells.units * z[at["expert"]])[:, :-1]
        moved = delta[:, :1] + delta[:, 1:] @ x[list(cells.truth.expert_columns or ())]
        before, after = self._standardised(true), self._standardised(experts)
        variance, ratio = true[:, -1:], z[at["expert"]][:, -1:]
        # (e^2 / v) - (e'^2 / v') over the common denominator v' = v (1 + ratio)
        shift = moved[:, self.nodes.row]
        change = shift * (before + after) + ratio * before * before
        # What is cut here is far outside of where a minimum lies.
        lam = np.minimum(0.5 * (change / (variance * (1.0 + ratio)) - np.log1p(ratio)), FAR)
        return gamma, lam, after, experts[:, -1:], (rows, shared)

    def __call__(self, z) -> np.ndarray:
        """Residuals, (n,)."""
        return self._all(z)[0]

    def excess(self, z) -> np.ndarray:
        """Relative difference f / g - 1 at the nodes, (n,)."""
        return self._all(z)[1]

    def _all(self, z):
        _, proba, posterior, root = self._truth
        cell, share, row = self.cells.cell, self.cells.shares(z), self.nodes.row
        changes = self._changes(z)
        gamma, lam = changes[:2]
        above = np.einsum("i,in->n", share, posterior[cell] * np.expm1(gamma[:, row] + lam))
        below = np.einsum("i,in->n", share, proba[cell] * np.expm1(gamma))
        excess = (above - below[row]) / (1.0 + below[row])
        # sqrt(1 + u) - 1
        return root * excess / (1.0 + np.sqrt(np.maximum(1.0 + excess, 0.0))), excess, above, below, changes

    def jacobian(self, z) -> np.ndarray:
        """Differentiate the residuals, (n, size)."""
        _, proba, posterior, root = self._truth
        cells, row, at = self.cells, self.nodes.row, self.cells.slices
        cell, share = cells.cell, cells.shares(z)
        _, excess, above, below, (gamma, lam, error, variance, (rows, shared)) = self._all(z)
        post = share[:, None] * posterior[cell] * np.exp(gamma[:, row] + lam) / np.maximum(1.0 + above, TINY)
        prior = (share[:, None] * proba[cell] * np.exp(gamma) / (1.0 + below))[:, row]
        outer = 0.5 * root * np.sqrt(np.maximum(1.0 + excess, 0.0))
        post, gap = post * outer, (post - prior) * outer
        out = np.zeros((cells.size, len(row)))
        slopes = cells.gate.jacobian(rows, shared, self.nodes.x)[:, :, row]
        q = rows.shape[1]
        for i, j in enumerate(cell):
            out[at["mass"][j]] += gap[i] * slopes[i, 0]
            own = cell == j
            out[at["share"][i]] += gap[i] - share[i] * gap[own].sum(axis=0)
            out[at["gate"][i]] = gap[i] * slopes[i, 1:q]
            score = post[i] * error[i] / variance[i]
            units = cells.units[i]
            x = self.nodes.x[list(cells.truth.expert_columns or ())][:, row]
            out[at["expert"][i, 0]] = units[0] * score
            out[at["expert"][i, 1:-1]] = units[1:-1, None] * score * x
            curve = 0.5 * (error[i] ** 2 / variance[i] - 1.0) / variance[i]
            out[at["expert"][i, -1]] = units[-1] * post[i] * curve
            out[at["shared"]] += gap[i] * slopes[i, q:]
        return out.T

    def hellinger(self, z) -> float:
        """Root of the mean over x of the squared Hellinger distance."""
        return float(np.linalg.norm(self(z)))

    def total_variation(self, z) -> float:
        """Mean over x of the total variation distance."""
        # root^2 is g w / 2
        return float(np.sum(self._truth[3] ** 2 * np.abs(self.excess(z))))
