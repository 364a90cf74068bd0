"""The protocols: maximum likelihood, EM with a stop of your choice, and EM as published."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gmoe.experts import GAUSSIAN
from gmoe.gates import Gate
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.solvers.ascent.em import em
from gmoe.solvers.ascent.local import slope_at
from gmoe.solvers.fit import fit
from gmoe.solvers.problem.objective import SCORE, Objective
from gmoe.solvers.problem.raw import raw_parameters, scaled_parameters
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.search.standing import on_flat_walls
from gmoe.study.checks import choice, integer, option, positive
from gmoe.study.protocols.base import Data, Fitted, Protocol
from gmoe.study.protocols.corners import corner
from gmoe.study.protocols.near_truth import NearTruth, Noise
from gmoe.study.protocols.published import softmax_em, softmax_start, topk_em, topk_start
from gmoe.study.protocols.sets import MIN_VARIANCE, parameter_space, refuse_outside, space

STARTS = ("near_truth", "near_truth+data", "data")
STOPS = ("gradient", "absolute", "relative")


@dataclass(frozen=True)
class MaximumLikelihood(Protocol):
    """The certified maximum over a set: the best end of starts near the truth, from data, and in the set's corners."""

    starts: str = option("near_truth+data", choice(STARTS))
    n_near: int = option(0, integer(0))
    n_init: int = option(5, integer(1))
    tol: float = option(1e-8, positive)
    max_iter: int = option(500, integer(1))
    min_variance: float = option(MIN_VARIANCE, positive)
    space: ParameterSpace | None = option(None, space)
    n_corners: int = option(0, integer(0))

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Climb from every start, keep the best end, certify it."""
        near = [] if self.starts == "data" else self._near(data, rng)
        near += self._corners(data, rng)
        only = self.starts == "near_truth"
        gate_columns, expert_columns = columns_of(data.truth)
        result = fit(
            data.X, data.y, gate=self.gate_for(data.truth), gate_columns=gate_columns, expert_columns=expert_columns,
            n_experts=self.n_experts, n_init=self.n_init, init=near if only else "auto", also=() if only else near,
            tol=self.tol, max_iter=self.max_iter, space=_space(self),
            seed=int(rng.integers(2**31)), experts=self.experts_for(data.truth),
        )  # fmt: skip
        return Fitted(
            result.model, result.log_likelihood, result.gradient, result.status, result.certified,
            result.n_starts, result.n_agreeing, result.n_iter,
        )  # fmt: skip

    def check(self, truth: GMoE) -> None:
        """Refuse starts that the truth does not have, and a set that it lies outside of."""
        if self.starts != "data":
            near(self, truth)
        if self.n_corners and not (_space(self).is_compact and near(self, truth).is_standard):
            raise ValueError(
                "n_corners needs a compact space, a gate by scores and Gaussian experts; give space all of "
                "max_variance, max_coef, max_intercept, max_gate_coef, max_gate_intercept and min_variance"
            )
        if self.space is not None:
            refuse_outside(self.space, truth)

    def _corners(self, data, rng):
        if not self.n_corners:
            return []
        beside, space = near(self, data.truth), _space(self)
        Z, X = (data.X[:, columns] for columns in columns_of(data.truth))
        ways = [beside.ways[i % len(beside.ways)] for i in range(self.n_corners)]
        return [corner(beside.placed(way), way, space, Z, X, data.y, rng) for way in ways]

    def _near(self, data, rng):
        beside = near(self, data.truth)
        ways = beside.ways
        count = self.n_near or min(len(ways), 6)
        return [beside.start(ways[i % len(ways)], len(data.y), rng, Noise()) for i in range(count)]


@dataclass(frozen=True)
class ExpectationMaximisation(Protocol):
    """EM from one start near the truth, with a stop of your choice; what most papers do."""

    stop: str = option("gradient", choice(STOPS))
    tol: float = option(1e-8, positive)
    max_iter: int = option(2000, integer(1))
    min_variance: float = option(MIN_VARIANCE, positive)
    space: ParameterSpace | None = option(None, space)

    def check(self, truth: GMoE) -> None:
        """Refuse a start that the truth does not have."""
        near(self, truth)

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Iterate to the stop; the gradient says how far from a maximum that is."""
        beside = near(self, data.truth)
        ways = beside.ways
        start = beside.start(ways[rng.integers(len(ways))], len(data.y), rng, Noise())
        objective, scaling = _objective(self, data)
        by_gradient = self.stop == "gradient"
        rules = {
            "gradient": None,
            "absolute": lambda before, after: abs(after - before) <= self.tol,
            # In the units of the data, as published code sees it.
            "relative": lambda before, after: abs(after - before) <= self.tol * abs(before - scaling.log_unit),
        }
        theta = _theta(objective, scaling, start)
        ascent = em(objective, theta, self.tol if by_gradient else 0.0, self.max_iter, stop=rules[self.stop])
        n_iter = len(ascent.history) - 1
        stopped = ascent.converged if by_gradient else n_iter < self.max_iter
        return _uncertified(
            data, objective, scaling, ascent.evaluation, "stopped" if stopped else "max_iter", 1, 1, n_iter
        )


@dataclass(frozen=True)
class PublishedSoftmax(Protocol):
    """EM as in the code of the softmax paper (NeurIPS 2023): see :mod:`gmoe.study.protocols.published`."""

    tries: int = option(0, integer(0))
    tol: float = option(1e-6, positive)
    max_iter: int = option(2000, integer(1))

    def check(self, truth: GMoE) -> None:
        """Refuse what the code does not have."""
        _check_plain(self, truth)
        if self.gate_for(truth).selection.selects:
            raise ValueError("published_softmax needs a dense gate; use published_topk.")

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Best of the tries by log-likelihood: 1 for as many experts as the truth has, else 5, unless given."""
        tries = self.tries or (1 if self.n_experts == data.truth.n_experts else 5)
        starts = [softmax_start(data.truth.parameters, self.n_experts, len(data.y), rng) for _ in range(tries)]
        ends = [softmax_em(data.X, data.y, start, self.tol, self.max_iter) for start in starts]
        return _published(self, data, ends, self.max_iter)


@dataclass(frozen=True)
class PublishedTopK(Protocol):
    """EM as in the code of the top-K paper (ICLR 2024): see :mod:`gmoe.study.protocols.published`."""

    tol: float = option(1e-6, positive)
    max_iter: int = option(2000, integer(1))

    def check(self, truth: GMoE) -> None:
        """Refuse what the code does not have."""
        _check_plain(self, truth)
        gate = self.gate_for(truth)
        if gate.selection.selects and gate.n_active is None:
            raise ValueError(f"published_topk needs a fixed number of active experts, not {gate!r}.")

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Run EM once from beside the truth."""
        gate = self.gate_for(data.truth)
        start = topk_start(data.truth.parameters, self.n_experts, len(data.y), rng)
        n_active = gate.n_active or self.n_experts
        return _published(
            self, data, [topk_em(data.X, data.y, start, n_active, self.tol, self.max_iter)], self.max_iter
        )


KINDS: dict[str, type[Protocol]] = {
    "mle": MaximumLikelihood,
    "em": ExpectationMaximisation,
    "published_softmax": PublishedSoftmax,
    "published_topk": PublishedTopK,
}


def kind_of(protocol: Protocol) -> str:
    """Name by which a study asks for the protocol's class."""
    return next(kind for kind, cls in KINDS.items() if cls is type(protocol))


@lru_cache(maxsize=16)
def near(protocol: Protocol, truth: GMoE) -> NearTruth:
    """Return the starts of a protocol beside a truth."""
    return NearTruth(truth, (protocol.gate_for(truth), protocol.experts_for(truth)), protocol.n_experts)


def _check_plain(protocol: Protocol, truth: GMoE) -> None:
    gate, every = protocol.gate_for(truth), tuple(range(truth.n_features))
    if truth.experts != GAUSSIAN or protocol.experts_for(truth) != GAUSSIAN:
        raise ValueError(f"{kind_of(protocol)} needs Gaussian experts, not {protocol.experts_for(truth)!r}.")
    if not isinstance(gate, Gate) or not gate.affine or gate.temperature != 1.0:
        raise ValueError(f"{kind_of(protocol)} needs a gate without activation and temperature, not {gate!r}.")
    if truth.gate_columns != every or truth.expert_columns != every:
        raise ValueError(f"{kind_of(protocol)} needs a gate and means that see all features; leave the features out.")


def columns_of(truth: GMoE) -> tuple[np.ndarray, np.ndarray]:
    """Columns of x that gate and means see."""
    return np.array(truth.gate_columns, dtype=int), np.array(truth.expert_columns, dtype=int)


def _published(protocol, data, ends, max_iter):
    best = max(ends, key=lambda end: end.log_likelihood)
    objective, scaling = _objective(protocol, data, parameter_space(1e-12))
    evaluation = objective.evaluate(_theta(objective, scaling, best.parameters), SCORE)
    agreeing = sum(end.log_likelihood >= best.log_likelihood - 1e-6 for end in ends)
    status = "stopped" if best.n_iter < max_iter else "max_iter"
    return _uncertified(data, objective, scaling, evaluation, status, len(ends), agreeing, best.n_iter, best.parameters)


def _space(protocol):
    return parameter_space(protocol.min_variance) if protocol.space is None else protocol.space


def _objective(protocol, data, space=None):
    gate, experts, k = protocol.gate_for(data.truth), protocol.experts_for(data.truth), protocol.n_experts
    scaling = scale(data.X, data.y, None, *columns_of(data.truth), gate.follows(k), experts.follows)
    space = _space(protocol) if space is None else space
    blocks, experts = scaling.blocks(data.X, data.y), experts.scaled(scaling.frames[1])
    return Objective(blocks, gate, k, space, scaling, experts=experts), scaling


def _theta(objective, scaling, parameters: Parameters):
    return on_flat_walls(objective, scaled_parameters(objective, scaling, parameters))


def _uncertified(data, objective, scaling, evaluation, status, n_starts, n_agreeing, n_iter, parameters=None):
    """Report an iteration that stops before it can say anything about a maximum."""
    if parameters is None:
        parameters = raw_parameters(objective, scaling, evaluation.theta)
    total = objective.blocks.total_weight * (evaluation.value - scaling.log_unit)
    gradient = slope_at(objective, evaluation)
    columns = data.truth.gate_columns, data.truth.expert_columns
    model = GMoE(parameters, objective.gate, *columns, objective.experts.scaled(None))
    return Fitted(model, float(total), gradient, status, False, n_starts, n_agreeing, n_iter)
