"""The average log-likelihood of a scaled problem, with gradient, complete-data and observed information.

Parameters are a flat vector, see :class:`gmoe.solvers.problem.layout.Layout`, in scaled coordinates and those of the
parts.  The parameter space comes as walls: see :mod:`gmoe.solvers.problem.walls`.
"""

from functools import cache, cached_property
from typing import Any

import numpy as np

from gmoe._arrays import Blocks
from gmoe.experts import GAUSSIAN
from gmoe.gates import LOG_TEMPERATURE_RANGE, BaseGate
from gmoe.kernels import assemble
from gmoe.kernels.mixture import COMPLETE, OBSERVED, PRODUCTS, SCORE
from gmoe.kernels.rows import gather
from gmoe.parameter_space import ParameterSpace
from gmoe.part import Size
from gmoe.solvers.problem.compiled import Compiled, compiled
from gmoe.solvers.problem.exchanges import keeping
from gmoe.solvers.problem.layout import Structure, structure_of
from gmoe.solvers.problem.passes import Evaluation, Passes
from gmoe.solvers.problem.rows_wall import rows_wall
from gmoe.solvers.problem.shares_wall import on_shares, shares_wall
from gmoe.solvers.problem.spread_wall import spread_wall
from gmoe.solvers.problem.terms import NO_TERMS, Terms
from gmoe.solvers.problem.walls import flat_wall

__all__ = ["COMPLETE", "OBSERVED", "PRODUCTS", "SCORE", "Evaluation", "Objective"]

# A share of so many times the least one is too far from it for one step to get there, in all but a wild one.
FAR_ROWS = 3.0
# Relative distance below a least share that is rounding.
SLACK = 1e-9
WHOLE = ParameterSpace()


class Objective(Structure):
    """Average log-likelihood of scaled data under a gate with ``n_experts`` experts.

    Parameters
    ----------
    blocks : Blocks
    gate : BaseGate
    n_experts : int
    space : ParameterSpace, optional
        The set over which to maximise.
    scaling : Scaling, optional
        Needed where the space has absolute bounds.
    executor : concurrent.futures.Executor, optional
        Runs groups of blocks in threads; the result is the same to the last bit.
    passes : list, optional
        Grows by one entry with every pass; several objectives may share it.
    experts : BaseExperts, optional
    terms : Terms, optional
        What holds everywhere, and what the average log-likelihood is less.
    """

    def __init__(
        self,
        blocks: Blocks,
        gate: Any,
        n_experts: int,
        space=WHOLE,
        scaling=None,
        executor=None,
        passes=None,
        experts=GAUSSIAN,
        terms: Terms = NO_TERMS,
    ):
        sizes = [Size(n_experts, len(design.transform), blocks.n_outputs) for design in (blocks.gate, blocks.expert)]
        experts = experts.sized(sizes[1])
        self.blocks, self.gate, self.experts, self.n_experts = blocks, gate, experts, n_experts
        #: Made once, and without the data; its attributes are those of the objective, too.
        self.layout = structure_of(gate, experts, *sizes)
        vars(self).update(vars(self.layout))
        self.space, self.scaling = space, scaling
        self.n_parameters = self.size
        # Appending is atomic: several threads may climb on one objective.
        self._passes: list[int] = [] if passes is None else passes
        self._executor = executor
        self._data = Passes(blocks, gate, experts, self.layout, executor)
        self.flat_wall, spread = flat_wall(self, space, scaling), spread_wall(self)
        self.terms, self.equations = terms, terms.equations
        if terms.signs is not None:
            self.flat_wall = self.flat_wall.and_also(terms.signs)
        if self.equations is not None:
            self.flat_wall = self.equations.beside(self.flat_wall)
        if terms.are_there:
            self.symmetry = keeping(self.layout, terms)
        #: Walls on which every point lies.
        self.equal_walls = tuple(wall for wall in (self.equations, shares_wall(self)) if wall is not None)
        #: Walls that are there whatever the data: they bound parameters, or functions of these.
        self.fixed_walls = (self.flat_wall,) if spread is None else (self.flat_wall, spread)
        self._rows_wall = rows_wall(self)

    def on(self, blocks: Blocks) -> "Objective":
        """Return the objective of other data; it counts its passes with this one."""
        return self._like(blocks, self.gate, None, self.terms)

    def under(self, gate: BaseGate) -> "Objective":
        """Return the objective of the same data under another gate; it counts its passes with this one."""
        return self._like(self.blocks, gate, self._executor, self.terms)

    def holding(self, terms: Terms) -> "Objective":
        """Return the objective of the same data under other terms; it counts its passes with this one."""
        return self if terms is self.terms else self._like(self.blocks, self.gate, self._executor, terms)

    def face_at(self, theta) -> "Objective":
        """Return the smooth objective on the face of a point."""
        return self.holding(self.terms.face_at(theta))

    @cached_property
    def free(self) -> "Objective":
        """The objective without terms."""
        return self.holding(NO_TERMS)

    def _like(self, blocks, gate, executor, terms):
        shared = self.space, self.scaling, executor, self._passes, self.experts
        return Objective(blocks, gate, self.n_experts, *shared, terms)

    @property
    def n_passes(self):
        """Passes over the data so far."""
        return len(self._passes)

    def count(self, order, n):
        """Count passes that were made elsewhere."""
        self._passes.extend([order] * n)

    @cached_property
    def compiled(self) -> Compiled | None:
        """The compiled climb inside of the parameter space, where there is one."""
        return compiled(self)

    @cached_property
    def least_share(self) -> float:
        """Average gate probability that gives an expert the rows that the space asks for."""
        n = self.blocks.n_rows
        return self.space.min_rows(self.n_expert, self.gate_size.n_features, n, self.n_experts) / n

    @cached_property
    def least_shares(self) -> np.ndarray:
        """The same of each expert, (k,): none of those that need no rows."""
        return np.where(self.needs_rows, self.least_share, 0.0)

    @cached_property
    def needs_rows(self) -> np.ndarray:
        """Which experts need rows, (k,): not those of given or held density; none where gate or shares are held."""
        needy = np.arange(self.n_experts) < self.n_fitted
        if self.terms.shares is not None:
            return np.zeros(self.n_experts, bool)
        if self.equations is None:
            return needy
        units, gate = np.eye(self.n_parameters), self.embed(self.informed)
        moves = [self.equations.within(units[:, own[: self.q_expert]]).size for own in self.at_expert]
        return needy & (np.array(moves) > 0) & (self.equations.within(gate).size > 0)

    def shares(self, evaluation) -> np.ndarray:
        """Average gate probability of each expert, (k,)."""
        return evaluation.sums.totals[1] / self.blocks.total_weight

    def explained(self, evaluation) -> np.ndarray:
        """Average responsibility of each expert, (k,)."""
        return evaluation.sums.totals[0] / self.blocks.total_weight

    def walls(self, evaluation) -> tuple:
        """Walls of the parameter space that one step from a point may meet."""
        near = self._rows_wall is not None and np.any(self.shares(evaluation) < FAR_ROWS * self.least_shares)
        walls = (*self.fixed_walls, self._rows_wall) if near and self.least_share > 0.0 else self.fixed_walls
        return (*self.equal_walls, *walls)

    def on_equations(self, theta):
        """Nearest parameters that satisfy the equations, and have the given shares."""
        theta = theta if self.equations is None else self.equations.nearest(theta)
        return theta if self.terms.shares is None else on_shares(self, theta)

    def along_equations(self, directions):
        """Directions (P, m) less what leads out of the equations."""
        return directions if self.equations is None else self.equations.along(directions)

    def within_equations(self, directions):
        """Combine orthonormal directions (P, m) to those that keep the equations."""
        return directions if self.equations is None else self.equations.within(directions)

    def outside(self, evaluation) -> bool:
        """Whether some expert has too few rows."""
        return bool(np.any(self.shares(evaluation) < self.least_shares * (1.0 - SLACK)))

    def temperature_at_bound(self, theta) -> bool:
        """Whether the temperature is within a thousandth of an end of its range."""
        if not self.gate.has_temperature:
            return False
        low, high = np.log(self.space.min_temperature), np.log(self.space.max_temperature)
        return bool(np.any((self.shared(theta) <= low + 1e-3) | (self.shared(theta) >= high - 1e-3)))

    def inside(self, theta):
        """Return the parameters with a log temperature outside of its range at the end of it."""
        if not self.gate.has_temperature:
            return theta
        result = theta.copy()
        self.shared(result)[:] = np.clip(self.shared(theta), *LOG_TEMPERATURE_RANGE)
        return result

    def evaluate(self, theta, order=OBSERVED) -> Evaluation:
        """Value and gradient, from COMPLETE on the sums of EM, at OBSERVED the Hessian; one pass over the data."""
        self._passes.append(order)
        theta, total = self.inside(theta), self.blocks.total_weight
        sums = self._data.sums(theta, order)
        gradient, hessian = self._gathered(sums) / total, None
        if order == OBSERVED:
            hessian = np.zeros((self.n_parameters, self.n_parameters))
            assemble.hessian(
                sums.gate_block, sums.gate_shared, sums.gate_gram, sums.block, sums.shared_block, sums.full,
                sums.bend_gate, sums.bend_expert, self.n_own, self.at_gate, self.at_expert, self.gate_index,
                self.at_both, hessian,
            )  # fmt: skip
            hessian /= total
        value = sums.value / total
        if self.terms.are_there:
            value, gradient = value - self.terms.value(theta), gradient - self.terms.gradient(theta)
            hessian = None if hessian is None else hessian - self.terms.matrix
        return Evaluation(theta, value, gradient, sums, hessian)

    def product(self, evaluation: Evaluation, direction):
        """Hessian at an evaluation of at least PRODUCTS times a direction (P,), without it; one pass over the data."""
        self._passes.append(SCORE)
        result = self._gathered(self._data.change(evaluation.theta, direction))
        for bend, at in ((evaluation.sums.bend_gate, self.at_gate), (evaluation.sums.bend_expert, self.at_expert)):
            np.add.at(result, at, np.einsum("jab,jb->ja", symmetric(bend), direction[at]))
        result /= self.blocks.total_weight
        return result if self.terms.penalty is None else result - self.terms.matrix @ direction

    def _gathered(self, sums):
        """Put sums by expert where their parameters are, (P,)."""
        result = np.zeros(self.n_parameters)
        gather(sums.pull_gate, self.gate_segments, self.at_gate, result)
        gather(sums.pull_expert, self.expert_segments, self.at_expert, result)
        return result


def symmetric(lower):
    """Symmetric matrices (..., b, b) of their lower triangles."""
    return np.where(_in_lower(lower.shape[-1]), lower, np.swapaxes(lower, -1, -2))


@cache
def _in_lower(n):
    return np.tri(n, dtype=bool)
