"""The average log-likelihood of a scaled problem, with gradient, complete-data and observed information.

Parameters are a flat vector with one row per expert: (gate intercept, gate_coef, intercept, coef, eta), all in scaled
coordinates, the gate's natural ones, and variance = min_variance + exp(eta).  So the bound on the variances is part of
the parameters: solvers see an unconstrained smooth function whose gradient vanishes at the bound.  What all experts
share, the log of a temperature that the gate identifies, comes last.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from gmoe._arrays import Blocks, aligned, block_length
from gmoe.gates import LOG_TEMPERATURE_RANGE, Gate, GateRows
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
NOTHING = np.empty((0, 0))


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

    def __init__(self, k, q_gate, q_expert, n_shared, order):
        b, g, e = padded(q_gate + q_expert + 1), padded(q_gate), padded(q_expert)
        complete, observed = order >= COMPLETE, order >= OBSERVED
        shapes = {
            "g_gate": (padded(k), g),
            "g_expert": (padded(k), e),
            "g_scalar": (4, k),
            "g_shared": (3,),
            "expert_block": (k * complete, e, e),
            "gate_block": (k * complete, g, g),
            "gate_gram": (padded(k * q_gate) * complete,) * 2,
            "shared_gate": (k * complete * n_shared, q_gate),
            "block": (k * observed, b, b),
            "full": (padded(k * (q_gate + q_expert + 1)) * observed,) * 2,
            "shared_block": (k * complete * n_shared, q_gate + q_expert + 1),
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
    g_shared: np.ndarray
    expert_block: np.ndarray
    gate_block: np.ndarray
    gate_gram: np.ndarray
    shared_gate: np.ndarray
    block: np.ndarray
    full: np.ndarray
    shared_block: np.ndarray


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
        self.n_rows = n_experts * self.width
        self.n_parameters = self.n_rows + gate.n_shared
        self.identified = self._identified_basis()
        # Appending is atomic: several threads may climb on one objective.
        self._passes: list[int] = [] if passes is None else passes
        self._executor = executor
        n_groups = min(blocks.n_blocks, max(GROUPS, -(-blocks.n_blocks // GROUP_BLOCKS)))
        bounds = np.linspace(0, blocks.n_blocks, n_groups + 1).astype(int)
        self._groups = list(zip(bounds[:-1], bounds[1:], strict=True))
        self._workspaces: deque = deque()
        self._scratch: dict[int, deque] = {}

    def on(self, blocks: Blocks) -> "Objective":
        """Return the objective of other data; it counts its passes with this one."""
        return Objective(blocks, self.gate, self.n_experts, self.min_variance, None, self._passes)

    def under(self, gate: Gate) -> "Objective":
        """Return the objective of the same data under another gate; it counts its passes with this one."""
        return Objective(self.blocks, gate, self.n_experts, self.min_variance, self._executor, self._passes)

    @property
    def n_passes(self):
        """Passes over the data so far."""
        return len(self._passes)

    def _identified_basis(self):
        """Orthonormal basis of the parameter directions along which the likelihood has a slope, (P, free)."""
        flat = self.embed(self.gate.uninformed(self.n_experts, self.q_gate))
        if flat.shape[1] == 0:
            return np.eye(self.n_parameters)
        return np.linalg.qr(flat, mode="complete")[0][:, flat.shape[1] :]

    def held(self, theta):
        """Orthonormal basis of the identified directions along which no selection of the gate changes, (P, held)."""
        gate, _, _ = self.split(theta)
        allowed = self.embed(self.gate.held(gate, self.shared(theta)))
        others = np.delete(np.eye(self.n_parameters), self.gate_index, axis=1)
        inside = self.identified.T @ np.hstack([others, allowed])
        left, values, _ = np.linalg.svd(inside, full_matrices=False)
        return self.identified @ left[:, values > 1e-9 * values[0]]

    def embed(self, gate_directions):
        """Parameter directions (P, m) of directions (k q_gate + n_shared, m) of the gate's natural parameters."""
        result = np.zeros((self.n_parameters, gate_directions.shape[1]))
        result[self.gate_index] = gate_directions
        return result

    @property
    def gate_index(self):
        """Where the gate's natural parameters, rows and then shared, are in a parameter vector."""
        rows = np.arange(self.n_experts)[:, None] * self.width + np.arange(self.q_gate)
        return np.concatenate([rows.ravel(), np.arange(self.n_rows, self.n_parameters)])

    def split(self, theta):
        """Return views (gate (k, q_gate), expert (k, q_expert), eta (k,)) of a parameter vector."""
        rows = theta[: self.n_rows].reshape(self.n_experts, self.width)
        return rows[:, : self.q_gate], rows[:, self.q_gate : -1], rows[:, -1]

    def shared(self, theta):
        """View of what all experts share, (n_shared,)."""
        return theta[self.n_rows :]

    def join(self, gate, expert, eta, shared):
        """Parameter vector of its parts."""
        rows = np.concatenate([gate, expert, np.reshape(eta, (-1, 1))], axis=1)
        return np.concatenate([rows.ravel(), shared])

    def variance(self, eta):
        """Variance of each expert from the last column of the parameters."""
        return self.min_variance + np.exp(np.minimum(eta, MAX_ETA))

    def eta(self, variance):
        """Inverse of :meth:`variance`; values at or below the bound land just above it."""
        return np.log(np.maximum(variance - self.min_variance, 1e-9 * self.min_variance))

    def temperature_at_bound(self, theta) -> bool:
        """Whether the temperature is within a thousandth of an end of its range."""
        low, high = LOG_TEMPERATURE_RANGE
        return bool(np.any((self.shared(theta) <= low + 1e-3) | (self.shared(theta) >= high - 1e-3)))

    def inside(self, theta):
        """Return the parameters with a log temperature outside of its range at the end of it."""
        if not self.gate.n_shared:
            return theta
        result = theta.copy()
        self.shared(result)[:] = np.clip(self.shared(theta), *LOG_TEMPERATURE_RANGE)
        return result

    def _hold(self, theta, gradient, hessian):
        """Take the slope away that points out of the temperature's range, where the gate does not change any more."""
        if self.temperature_at_bound(theta) and gradient[-1] * theta[-1] > 0:
            gradient[-1] = 0.0
            if hessian is not None:
                hessian[-1] = hessian[:, -1] = 0.0

    def at_bound(self, theta):
        """Boolean array (k,): variance within a thousandth of its lower bound."""
        return self.split(theta)[2] < np.log(1e-3 * self.min_variance)

    def evaluate(self, theta, order=OBSERVED) -> Evaluation:
        """Value and gradient, from COMPLETE on the sums of EM, at OBSERVED the Hessian; one pass over the data."""
        theta = self.inside(theta)
        _, _, eta = self.split(theta)
        _, expert, log_sd = self._parts(theta)

        def add(sums, block, rows, work):
            sums.value += accumulate(*block, *rows, self.gate.first_bent, expert, log_sd, work, order, *sums.arrays)

        sums = self._sum(order, theta, add, curved=order == OBSERVED)
        return self._finish(theta, eta, log_sd, sums, order)

    def product(self, evaluation: Evaluation, direction):
        """Hessian at an evaluation times a direction (P,), without the Hessian; one pass over the data."""
        _, expert, log_sd = self._parts(evaluation.theta)
        v_gate, v_expert, v_eta = self.split(direction)
        share = self.share(self.split(evaluation.theta)[2])
        v_shared = float(self.shared(direction).sum())
        change = np.ascontiguousarray(v_gate), np.ascontiguousarray(v_expert), 0.5 * share * v_eta, v_shared

        def add(sums, block, rows, work):
            hessian_product(*block, *rows, self.gate.first_bent, expert, log_sd, work, *change, *sums.arrays[:4])

        sums = self._sum(SCORE, evaluation.theta, add, curved=True)
        result = self._gradient(sums, log_sd)
        eta = self.split(result)[2]
        eta *= 0.5 * share
        eta += (1.0 - share) * self.split(evaluation.gradient)[2] * v_eta
        return result

    def _parts(self, theta):
        """Return the kernel arrays (gate, expert, log_sd) of a parameter vector."""
        gate, expert, eta = self.split(theta)
        return np.ascontiguousarray(gate), np.ascontiguousarray(expert), 0.5 * np.log(self.variance(eta))

    def share(self, eta):
        """Part of each variance above the bound: d log_sd / d eta is half of it."""
        variance = self.variance(eta)
        return np.exp(np.minimum(eta, MAX_ETA)) / variance

    def _sum(self, order, theta, add, curved):
        """Sum over all blocks: ``add(sums, block, rows, work)`` in fixed groups, threads or not.

        Second derivatives of the logits only where ``curved``: they would cost a tenth of a score pass.
        """
        self._passes.append(order)
        # Output arrays of the groups, used again: making them anew costs as much as a hundred observations each.
        pool = self._scratch.setdefault(order, deque())
        sizes = self.n_experts, self.q_gate, self.q_expert, self.gate.n_shared, order
        gate, shared = np.ascontiguousarray(self.split(theta)[0]), self.shared(theta)
        try:
            groups = pool.pop()
        except IndexError:
            groups = [Sums(*sizes) for _ in self._groups]

        def group(number):
            sums = groups[number]
            sums.flat[:] = 0.0
            sums.value = 0.0
            workspace = self._take_workspace()
            buffer, rows, work = workspace
            if not curved:
                rows = rows._replace(curve=NOTHING)
            for b in range(*self._groups[number]):
                block = self.blocks.get(b, buffer)
                self.gate.fill(gate, shared, block[0], block[-1], rows)
                add(sums, block, rows, work)
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
            bend = shape if self.gate.n_shared else (0, 0)
            rows = GateRows(*(aligned(*size) for size in (shape, derivative, derivative, bend)))
            work = aligned(work_rows(self.n_experts, self.q_gate, self.q_expert), STRIP_LENGTH, fill=0.0)
            return self.blocks.buffer(), rows, work

    def _gradient(self, sums, log_sd):
        """Average gradient in (gate, expert, log_sd) rows and shared, (P,)."""
        gradient = np.empty(self.n_parameters)
        rows = gradient[: self.n_rows].reshape(self.n_experts, self.width)
        assemble.gradient(sums.g_gate, sums.g_expert, sums.g_scalar, log_sd, self.q_gate, self.q_expert, rows)
        gradient[self.n_rows :] = sums.g_shared[0]
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
            last = np.arange(self.width - 1, self.n_rows, self.width)
            hessian[last] *= chain[:, None]
            hessian[:, last] *= chain
            hessian[last, last] += chain * (1.0 - share) * self.split(gradient)[2]
        self.split(gradient)[2][:] *= chain
        self._hold(theta, gradient, hessian)
        return Evaluation(theta, sums.value / total, gradient, sums, hessian)
