"""What a compiled climb needs of an objective, where gate and experts have one: see :mod:`gmoe.kernels.climb`."""

from collections import deque

import numpy as np

from gmoe._arrays import aligned, block_length
from gmoe.kernels.climb.arrays import Problem, Scratch
from gmoe.kernels.mixture import OBSERVED, work_rows
from gmoe.kernels.rows import STRIP_LENGTH
from gmoe.solvers.problem.passes import Evaluation, Sums, places

# Observations up to which Python costs more than threads over blocks would save. By the data and not the threads, on
# which results must not depend.
ROWS = 20_000


class Compiled:
    """The compiled climb on one objective.

    Parameters
    ----------
    objective : Objective
        For which :func:`compiled` says that there is one.

    Attributes
    ----------
    climb : callable
        See :func:`gmoe.kernels.climb.gaussian.climb`.
    problem : Problem
    """

    def __init__(self, objective):
        blocks, wall = objective.blocks, objective.flat_wall
        gate, expert, y, weight, counts = blocks.stacked
        self.climb, self._layout = objective.experts.climb, objective.layout
        self._length = block_length(blocks.n, blocks.length)
        self._places = places(objective.layout, OBSERVED)
        self._pool: deque = deque()
        self.problem = Problem(
            gate, expert, y, weight, counts, blocks.total_weight, objective.gate_segments, objective.expert_segments,
            objective.n_own, objective.at_gate, objective.at_expert, objective.at_both, objective.gate_index,
            objective.flat, np.ascontiguousarray(wall.rows), wall.offsets,
            objective.least_shares,
        )  # fmt: skip

    def take(self) -> Scratch:
        """Scratch for one climb, to be given back."""
        try:
            return self._pool.pop()
        except IndexError:
            return self._scratch()

    def give(self, scratch):
        """Take it back."""
        self._pool.append(scratch)

    def evaluation(self, theta, value, gradient, hessian, scratch) -> Evaluation:
        """Return what the last pass, at OBSERVED, found; its sums are still in the scratch."""
        sums = Sums(self._places)
        sums.flat[:], sums.value = scratch.flat, value * self.problem.total
        sums.bend_expert[:] = scratch.bend
        return Evaluation(theta, value, gradient, sums, hessian)

    def _scratch(self):
        layout, sums = self._layout, Sums(self._places)
        k, q_gate, q_expert = layout.k, layout.q_gate, layout.q_expert
        return Scratch(
            np.empty((k, q_gate)), np.empty((k, q_expert)), aligned(k, self._length), aligned(k, STRIP_LENGTH),
            aligned(2, k, STRIP_LENGTH), aligned(work_rows(k, layout.n_gate, layout.n_expert), STRIP_LENGTH, fill=0.0),
            np.empty((0, 0, 0)), np.zeros((k, q_gate, q_gate)), sums.flat, tuple(sums.outputs),
            np.zeros((k, q_expert, q_expert)),
        )  # fmt: skip


def compiled(objective) -> Compiled | None:
    """Return the compiled climb on an objective, or None where there is none."""
    blocks = objective.blocks
    fits = objective.gate.has_affine_log_weights(objective.n_experts) and objective.experts.climb is not None
    fits = fits and not objective.terms.are_there
    return Compiled(objective) if fits and blocks.in_memory and blocks.n <= ROWS else None
