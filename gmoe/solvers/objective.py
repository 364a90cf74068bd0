"""The average log-likelihood of a scaled problem, with gradient, complete-data and observed information.

Parameters are a flat vector with one row per expert: (gate intercept, gate_coef, intercept, coef, eta), all in scaled
coordinates, and variance = min_variance + exp(eta).  So the bound on the variances is part of the parameters: solvers
see an unconstrained smooth function whose gradient vanishes at the bound.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from gmoe._arrays import Blocks, aligned, block_length
from gmoe.gates import Gate
from gmoe.kernels import assemble
from gmoe.kernels.accumulate import COMPLETE, OBSERVED, SCORE, STRIP_LENGTH, accumulate, work_rows
from gmoe.kernels.product import hessian_product
from gmoe.kernels.tiles import padded

__all__ = ["COMPLETE", "OBSERVED", "SCORE", "Evaluation", "Objective"]

# Blocks are summed in fixed groups, so that results do not depend on the number of threads: at least so many groups,
# and of at most so many blocks.
GROUPS, GROUP_BLOCKS = 8, 16
# Far above any variance of scaled data, where a wild trial step would overflow.
MAX_ETA = 300.0


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The objective at one parameter vector, averaged over the weights; fields beyond ``order`` are None."""

    theta: np.ndarray
    value: float
    gradient: np.ndarray
    sums: "Sums"
    hessian: np.ndarray | None = None


class Sums:
    """The output arrays of ``accumulate`` as views of one flat vector, so that groups add with one operation."""

    def __init__(self, k, q_gate, q_expert, order):
        b, g, e = padded(q_gate + q_expert + 1), padded(q_gate), padded(q_expert)
        complete, observed = order >= COMPLETE, order >= OBSERVED
        shapes = {
            "g_gate": (padded(k), g),
            "g_expert": (padded(k), e),
            "g_scalar": (3, k),
            "expert_block": (k * complete, e, e),
            "gate_block": (k * complete, g, g),
            "gate_gram": (padded(k * q_gate) * complete,) * 2,
            "block": (k * observed, b, b),
            "full": (padded(k * (q_gate + q_expert + 1)) * observed,) * 2,
        }
        sizes = [math.prod(shape) for shape in shapes.values()]
        # A few spare numbers keep the group vectors from sharing cache sets.
        self.flat = np.zeros(sum(sizes) + 8)
        self.arrays = []
        start = 0
        for (name, shape), size in zip(shapes.items(), sizes, strict=True):
            view = self.flat[start : start + size].reshape(shape)
            setattr(self, name, view)
            self.arrays.append(view)
            start += size
        self.value = 0.0

    g_gate: np.ndarray
    g_expert: np.ndarray
    g_scalar: np.ndarray
    expert_block: np.ndarray
    gate_block: np.ndarray
    gate_gram: np.ndarray
    block: np.ndarray
    full: np.ndarray


class Objective:
    """Average log-likelihood of scaled data under a gate with ``n_experts`` experts.

    Parameters
    ----------
    blocks : Blocks
    gate : Gate
    n_experts : int
    min_variance : float
        Lower bound of the variances, scaled coordinates.
    executor : concurrent.futures.Executor, optional
        Runs groups of blocks in threads; the result is the same to the last bit.
    passes : list, optional
        Grows by one entry with every pass; several objectives may share it.
    """

    def __init__(self, blocks: Blocks, gate: Gate, n_experts: int, min_variance: float, executor=None, passes=None):
        self.blocks, self.gate, self.n_experts = blocks, gate, n_experts
        self.min_variance = min_variance
        self.q_gate, self.q_expert = blocks.gate.n_coefficients, blocks.expert.n_coefficients
        self.width = self.q_gate + self.q_expert + 1
        self.n_parameters = n_experts * self.width
        self.identified = self._identified_basis()
        # Appending is atomic: several threads may climb on one objective.
        self._passes: list[int] = [] if passes is None else passes
        self._executor = executor
        n_groups = min(blocks.n_blocks, max(GROUPS, -(-blocks.n_blocks // GROUP_BLOCKS)))
        bounds = np.linspace(0, blocks.n_blocks, n_groups + 1).astype(int)
        self._groups = list(zip(bounds[:-1], bounds[1:], strict=True))
        self._workspaces: deque = deque()
        self._scratch: dict[int, deque] = {}

    @property
    def n_passes(self):
        """Passes over the data so far."""
        return len(self._passes)

    def _identified_basis(self):
        """Orthonormal basis of the parameter directions that change the density, (P, free)."""
        k, q = self.n_experts, self.q_gate
        invariances = self.gate.invariances(k, q).reshape(k, q, -1)
        n_flat = invariances.shape[2]
        if n_flat == 0:
            return np.eye(self.n_parameters)
        flat = np.zeros((k, self.width, n_flat))
        flat[:, :q] = invariances
        full, _ = np.linalg.qr(flat.reshape(self.n_parameters, n_flat), mode="complete")
        return full[:, n_flat:]

    def split(self, theta):
        """Return views (gate (k, q_gate), expert (k, q_expert), eta (k,)) of a parameter vector."""
        rows = theta.reshape(self.n_experts, self.width)
        return rows[:, : self.q_gate], rows[:, self.q_gate : -1], rows[:, -1]

    def join(self, gate, expert, eta):
        """Parameter vector of its parts."""
        return np.concatenate([gate, expert, np.reshape(eta, (-1, 1))], axis=1).ravel()

    def variance(self, eta):
        """Variance of each expert from the last column of the parameters."""
        return self.min_variance + np.exp(np.minimum(eta, MAX_ETA))

    def eta(self, variance):
        """Inverse of :meth:`variance`; values at or below the bound land just above it."""
        return np.log(np.maximum(variance - self.min_variance, 1e-9 * self.min_variance))

    def at_bound(self, theta):
        """Boolean array (k,): variance within a thousandth of its lower bound."""
        return self.split(theta)[2] < np.log(1e-3 * self.min_variance)

    def evaluate(self, theta, order=OBSERVED) -> Evaluation:
        """Value and gradient, from COMPLETE on the sums of EM, at OBSERVED the Hessian; one pass over the data."""
        _, _, eta = self.split(theta)
        parts = self._parts(theta)

        def add(sums, block, logit, slope, curve, work):
            sums.value += accumulate(*block, logit, slope, curve, *parts[1:], work, order, *sums.arrays)

        sums = self._sum(order, parts[0], add)
        return self._finish(theta, eta, parts[2], sums, order)

    def product(self, evaluation: Evaluation, direction):
        """Hessian at an evaluation times a direction (P,), without the Hessian; one pass over the data."""
        parts = self._parts(evaluation.theta)
        v_gate, v_expert, v_eta = self.split(direction)
        share = self.share(self.split(evaluation.theta)[2])
        change = np.ascontiguousarray(v_gate), np.ascontiguousarray(v_expert), 0.5 * share * v_eta

        def add(sums, block, logit, slope, curve, work):
            hessian_product(*block, logit, slope, curve, *parts[1:], work, *change, *sums.arrays[:3])

        sums = self._sum(SCORE, parts[0], add)
        result = self._gradient(sums, parts[2])
        result[:, -1] *= 0.5 * share
        result[:, -1] += (1.0 - share) * self.split(evaluation.gradient)[2] * v_eta
        return result.ravel()

    def _parts(self, theta):
        """Return the kernel arrays (gate, expert, log_sd) of a parameter vector."""
        gate, expert, eta = self.split(theta)
        return np.ascontiguousarray(gate), np.ascontiguousarray(expert), 0.5 * np.log(self.variance(eta))

    def share(self, eta):
        """Part of each variance above the bound: d log_sd / d eta is half of it."""
        variance = self.variance(eta)
        return np.exp(np.minimum(eta, MAX_ETA)) / variance

    def _sum(self, order, gate, add):
        """Sum over all blocks: ``add(sums, block, logit, slope, curve, work)`` in fixed groups, threads or not."""
        self._passes.append(order)
        # Output arrays of the groups, used again: making them anew costs as much as a hundred observations each.
        pool = self._scratch.setdefault(order, deque())
        sizes = self.n_experts, self.q_gate, self.q_expert, order
        try:
            groups = pool.pop()
        except IndexError:
            groups = [Sums(*sizes) for _ in self._groups]

        def group(number):
            sums = groups[number]
            sums.flat[:] = 0.0
            sums.value = 0.0
            workspace = self._take_workspace()
            buffer, logit, slope, curve, work = workspace
            for b in range(*self._groups[number]):
                block = self.blocks.get(b, buffer)
                self.gate.fill(gate, block[0], block[-1], logit, slope, curve)
                add(sums, block, logit, slope, curve, work)
            self._workspaces.append(workspace)
            return sums

        total = Sums(*sizes)
        run = map if self._executor is None or len(self._groups) == 1 else self._executor.map
        for part in run(group, range(len(self._groups))):
            total.flat += part.flat
            total.value += part.value
        pool.append(groups)
        return total

    def _take_workspace(self):
        try:
            return self._workspaces.pop()
        except IndexError:
            shape = (self.n_experts, block_length(self.blocks.n))
            derivative = (0, 0) if self.gate.affine else shape
            work = aligned(work_rows(self.n_experts, self.q_gate, self.q_expert), STRIP_LENGTH)
            return (
                self.blocks.buffer(),
                aligned(*shape),
                aligned(*derivative),
                aligned(*derivative),
                work,
            )

    def _gradient(self, sums, log_sd):
        """Average gradient in (gate, expert, log_sd), (k, width)."""
        gradient = np.empty((self.n_experts, self.width))
        assemble.gradient(sums.g_gate, sums.g_expert, sums.g_scalar, log_sd, self.q_gate, self.q_expert, gradient)
        return gradient / self.blocks.total_weight

    def _finish(self, theta, eta, log_sd, sums, order):
        total = self.blocks.total_weight
        gradient = self._gradient(sums, log_sd)
        share = self.share(eta)
        chain = 0.5 * share
        hessian = None
        if order == OBSERVED:
            hessian = np.empty((self.n_parameters, self.n_parameters))
            assemble.hessian(*sums.arrays[1:], log_sd, self.q_gate, self.q_expert, hessian)
            hessian /= total
            last = np.arange(self.width - 1, self.n_parameters, self.width)
            hessian[last] *= chain[:, None]
            hessian[:, last] *= chain
            hessian[last, last] += chain * (1.0 - share) * gradient[:, -1]
        gradient[:, -1] *= chain
        return Evaluation(theta, sums.value / total, gradient.ravel(), sums, hessian)
