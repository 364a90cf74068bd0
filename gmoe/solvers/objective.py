"""The average log-likelihood of a scaled problem, with gradient, complete-data and observed information.

Parameters are a flat vector with one row per expert: (gate intercept, gate_coef, intercept, coef, log variance), all in
scaled coordinates, the gate's natural ones.  What all experts share, the log of a temperature that the gate identifies,
comes last.  The parameter space comes as walls: see :mod:`gmoe.solvers.walls`.
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
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.rows_wall import RowsWall
from gmoe.solvers.walls import flat_wall

__all__ = ["COMPLETE", "OBSERVED", "SCORE", "Evaluation", "Objective"]

# Blocks are summed in fixed groups, so that results do not depend on the number of threads: at least so many groups,
# and of at most so many blocks.
GROUPS, GROUP_BLOCKS = 8, 16
# Far outside of any log variance of scaled data, where a wild trial step would overflow.
MAX_LOG_VARIANCE = 300.0
# A share of so many times the least one is too far from it for one step to get there, in all but a wild one.
FAR_ROWS = 3.0
# Relative distance below a least share that is rounding.
SLACK = 1e-9
NOTHING = np.empty((0, 0))
WHOLE = ParameterSpace()


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
    space : ParameterSpace, optional
        The set over which to maximise.
    scaling : Scaling, optional
        Needed where the space has absolute bounds.
    executor : concurrent.futures.Executor, optional
        Runs groups of blocks in threads; the result is the same to the last bit.
    passes : list, optional
        Grows by one entry with every pass; several objectives may share it.
    """

    def __init__(
        self, blocks: Blocks, gate: Gate, n_experts: int, space=WHOLE, scaling=None, executor=None, passes=None
    ):
        self.blocks, self.gate, self.n_experts = blocks, gate, n_experts
        self.space, self.scaling = space, scaling
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
        self.flat_wall = flat_wall(self, space, scaling)
        # The mean of a gate with one active expert, as a function of its parameters, has jumps and no slope.
        self._rows_wall = None if gate.is_sparse(n_experts) else RowsWall(self, self.least_share)

    def on(self, blocks: Blocks) -> "Objective":
        """Return the objective of other data; it counts its passes with this one."""
        return Objective(blocks, self.gate, self.n_experts, self.space, self.scaling, None, self._passes)

    def under(self, gate: Gate) -> "Objective":
        """Return the objective of the same data under another gate; it counts its passes with this one."""
        return Objective(self.blocks, gate, self.n_experts, self.space, self.scaling, self._executor, self._passes)

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

    @property
    def least_share(self) -> float:
        """Average gate probability that gives an expert the rows that the space asks for."""
        n = self.blocks.n_rows
        return self.space.min_rows(self.q_expert + 1, self.q_gate - 1, n, self.n_experts) / n

    def shares(self, evaluation) -> np.ndarray:
        """Average gate probability of each expert, (k,)."""
        return evaluation.sums.g_scalar[3] / self.blocks.total_weight

    def walls(self, evaluation) -> tuple:
        """Walls of the parameter space that one step from a point may meet."""
        near = self._rows_wall is not None and self.shares(evaluation).min() < FAR_ROWS * self.least_share
        return (self.flat_wall, self._rows_wall) if near and self.least_share > 0.0 else (self.flat_wall,)

    def outside(self, evaluation) -> bool:
        """Whether some expert has too few rows."""
        return bool(self.shares(evaluation).min() < self.least_share * (1.0 - SLACK))

    def variance(self, log_variance):
        """Variance of each expert from the last column of the parameters."""
        return np.exp(np.clip(log_variance, -MAX_LOG_VARIANCE, MAX_LOG_VARIANCE))

    @property
    def bent_index(self):
        """Where the parameters are that go through the activation."""
        rows = np.arange(self.n_experts)[:, None] * self.width
        return (rows + np.arange(self.gate.first_bent, self.q_gate)).ravel()

    def temperature_at_bound(self, theta) -> bool:
        """Whether the temperature is within a thousandth of an end of its range."""
        low, high = np.log(self.space.min_temperature), np.log(self.space.max_temperature)
        return bool(np.any((self.shared(theta) <= low + 1e-3) | (self.shared(theta) >= high - 1e-3)))

    def inside(self, theta):
        """Return the parameters with a log temperature outside of its range at the end of it."""
        if not self.gate.n_shared:
            return theta
        result = theta.copy()
        self.shared(result)[:] = np.clip(self.shared(theta), *LOG_TEMPERATURE_RANGE)
        return result

    def evaluate(self, theta, order=OBSERVED) -> Evaluation:
        """Value and gradient, from COMPLETE on the sums of EM, at OBSERVED the Hessian; one pass over the data."""
        theta = self.inside(theta)
        _, expert, log_sd = self._parts(theta)

        def add(sums, block, rows, work):
            sums.value += accumulate(*block, *rows, self.gate.first_bent, expert, log_sd, work, order, *sums.arrays)

        sums = self._sum(order, theta, add, curved=order == OBSERVED)
        return self._finish(theta, log_sd, sums, order)

    def product(self, evaluation: Evaluation, direction):
        """Hessian at an evaluation times a direction (P,), without the Hessian; one pass over the data."""
        _, expert, log_sd = self._parts(evaluation.theta)
        v_gate, v_expert, v_eta = self.split(direction)
        v_shared = float(self.shared(direction).sum())
        change = np.ascontiguousarray(v_gate), np.ascontiguousarray(v_expert), 0.5 * v_eta, v_shared

        def add(sums, block, rows, work):
            hessian_product(*block, *rows, self.gate.first_bent, expert, log_sd, work, *change, *sums.arrays[:4])

        sums = self._sum(SCORE, evaluation.theta, add, curved=True)
        result = self._gradient(sums, log_sd)
        self.split(result)[2][:] *= 0.5
        return result

    def _parts(self, theta):
        """Return the kernel arrays (gate, expert, log_sd) of a parameter vector."""
        gate, expert, eta = self.split(theta)
        return np.ascontiguousarray(gate), np.ascontiguousarray(expert), 0.5 * np.log(self.variance(eta))

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

    def _finish(self, theta, log_sd, sums, order):
        total = self.blocks.total_weight
        gradient = self._gradient(sums, log_sd)
        hessian = None
        if order == OBSERVED:
            hessian = np.empty((self.n_parameters, self.n_parameters))
            assemble.hessian(*sums.arrays[1:], log_sd, self.q_gate, self.q_expert, hessian)
            hessian /= total
            last = np.arange(self.width - 1, self.n_rows, self.width)
            hessian[last] *= 0.5
            hessian[:, last] *= 0.5
        self.split(gradient)[2][:] *= 0.5
        return Evaluation(theta, sums.value / total, gradient, sums, hessian)
