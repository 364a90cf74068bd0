"""Starts beside the truth: each true expert once, the further ones doubled, all with a little noise."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, combinations_with_replacement, islice

import numpy as np

from gmoe.experts import GAUSSIAN
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.study.data.arrays import Parts, coordinates, parameters_at, shapes, sizes_of


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the noise of a start, each times a power of n.

    ``gate`` and ``mean`` belong to the coefficients of gate and means, ``variance`` to the absolute value that is added
    to the variances.
    """

    gate: float = 0.005
    mean: float = 0.005
    variance: float = 0.0005
    power: float = -0.083
    variance_power: float = -0.25


def doublings(n_true: int, n_experts: int) -> list[tuple[int, ...]]:
    """Every way to place ``n_experts`` fitted experts on the true ones, none of them empty if there are enough."""
    if n_experts < n_true:
        return list(combinations(range(n_true), n_experts))
    extra = combinations_with_replacement(range(n_true), n_experts - n_true)
    return [(*range(n_true), *more) for more in islice(extra, 1000)]


@dataclass(frozen=True, eq=False)
class NearTruth:
    """Starts beside a truth for a model of other size, and perhaps of other parts with the same arrays.

    Those of gates by scores with Gaussian experts are the papers': noise in the units of the data. All others move in
    the coordinates in which their parts are unbounded, so that what is positive moves on the log scale.

    Raises
    ------
    ValueError
        Where the truth says nothing of some array, or its gate is one of another number of experts.
    """

    truth: GMoE
    parts: Parts
    n_experts: int

    def __post_init__(self):
        n, advice = self.n_experts, "use kind = 'mle' with starts = 'data'"
        given = self.truth.parameters.arrays
        if missing := [name for name in shapes(self.parts, sizes_of(self.truth, n)) if name not in given]:
            raise ValueError(
                f"the truth has no {missing[0]} to start {' and '.join(map(repr, self.parts))} at; {advice}"
            )
        if not self.is_standard and n != self.truth.n_experts:
            gate, size = self.parts[0], self.truth.sizes[0]
            if gate.shared_parameters(size) != gate.shared_parameters(size._replace(n_experts=n)):
                raise ValueError(f"{self.parts[0]!r} of {size.n_experts} experts is no start for {n}; {advice}")

    @property
    def is_standard(self) -> bool:
        """Whether truth and model have affine scores and Gaussian experts."""
        gate, experts = self.parts
        return self.truth.gate.has_slopes and gate.has_slopes and self.truth.experts == experts == GAUSSIAN

    @property
    def ways(self) -> list[tuple[int, ...]]:
        """Every way to place the fitted experts on the true ones; those with a given density stay the last."""
        n_true, given = self.truth.n_experts, self.parts[1].n_given
        last = tuple(range(n_true - given, n_true))
        return [(*way, *last) for way in doublings(n_true - given, self.n_experts - given)]

    @lru_cache(maxsize=64)  # noqa: B019 (few, and small)
    def placed(self, way: tuple[int, ...]) -> Parameters:
        """Parameters with the truth's density, where the gate can have it."""
        truth = self.truth.parameters
        if self.is_standard:
            return place(truth, way)
        (gate, gate_shared), (expert, shared) = coordinates(self.parts, self.truth.sizes, truth)
        gate, which = gate[list(way)], np.array(way)
        if self.parts[0].adds_intercept:
            gate[:, 0] -= np.log(np.bincount(which)[which])
        return parameters_at(self.parts, self._sizes, [(gate, gate_shared), (expert[which], shared)])

    def start(self, way: tuple[int, ...], n: int, rng: np.random.Generator, noise: "Noise") -> Parameters:
        """Parameters with noise that shrinks with n, independent in every coordinate."""
        start = self.placed(way)
        if self.is_standard:
            return perturb(start, n, rng, noise)
        points = coordinates(self.parts, self._sizes, start)
        sizes = [size * n**noise.power for size in (noise.gate, noise.mean)]
        moved = [
            (own + rng.normal(0.0, size, own.shape), shared + rng.normal(0.0, size, shared.shape))
            for (own, shared), size in zip(points, sizes, strict=True)
        ]
        return parameters_at(self.parts, self._sizes, moved)

    @property
    def _sizes(self):
        return sizes_of(self.truth, self.n_experts)


def place(truth: Parameters, which) -> Parameters:
    """Put one expert on each true one in ``which``; experts on the same one share its weight, so the density stays."""
    which = np.asarray(which)
    share = np.bincount(which, minlength=truth.n_experts)[which]
    placed = truth.reorder(which)
    return replace(placed, gate_intercept=placed.gate_intercept - truth.temperature * np.log(share))


def perturb(start: Parameters, n: int, rng: np.random.Generator, noise: Noise) -> Parameters:
    """Add noise that shrinks with n, independent in every coefficient."""
    scale, spread = n**noise.power, n**noise.variance_power

    def moved(value, size):
        return value + rng.normal(0.0, size * scale, value.shape)

    return Parameters(
        gate_intercept=moved(start.gate_intercept, noise.gate),
        gate_coef=moved(start.gate_coef, noise.gate),
        intercept=moved(start.intercept, noise.mean),
        coef=moved(start.coef, noise.mean),
        variance=start.variance + np.abs(rng.normal(0.0, noise.variance * spread, start.variance.shape)),
        temperature=start.temperature,
    )


def random_surjection(n_true: int, n_experts: int, rng: np.random.Generator, last: int | None = None) -> np.ndarray:
    """Draw the true expert of each fitted one, each true one at least once, that of the last one perhaps given.

    Drawn again until all are there, as the papers' code does: every surjection has the same probability.
    """
    while True:
        few = n_experts <= n_true
        which = rng.permutation(n_true)[:n_experts] if few else rng.integers(n_true, size=n_experts)
        if last is not None:
            which[-1] = last
        if len(np.unique(which)) == min(n_true, n_experts):
            return which
