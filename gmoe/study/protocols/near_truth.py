"""Starts beside the truth: each true expert once, the further ones doubled, all with a little noise."""

from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, islice

import numpy as np

from gmoe.parameters import Parameters


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


def place(truth: Parameters, which) -> Parameters:
    """Put one expert on each true one in ``which``; experts on the same one share its weight, so the density stays."""
    which = np.asarray(which)
    share = np.bincount(which, minlength=truth.n_experts)[which]
    placed = truth.reorder(which)
    gate = placed.gate
    gate[:, 0] -= truth.temperature * np.log(share)
    return placed.with_gate(gate, truth.temperature)


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
