"""Starts in the corners of a compact set, where the highest point of a set may be."""

from dataclasses import replace

import numpy as np

from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters


def corner(placed: Parameters, which, space: ParameterSpace, Z, X, y, rng: np.random.Generator) -> Parameters:
    """Move one expert of a model into a corner of the set.

    It is one that shares its true expert with others, where there is such a one. Its variance goes to a bound; its mean
    through as few rows as determine it, with some slopes at a bound; its gate slopes go to bounds, and there it has as
    much as another expert at one of these rows.

    Parameters
    ----------
    placed : Parameters
        Inside of the set: affine scores and Gaussian experts.
    which : sequence of int
        True expert of each expert.
    space : ParameterSpace
        A compact one.
    Z : ndarray, shape (n, d_gate); X : ndarray, shape (n, d_expert); y : ndarray, shape (n,)
        What the gate and the experts see.
    rng : numpy.random.Generator
    """
    shared = np.flatnonzero(np.bincount(which)[np.asarray(which)] > 1)
    j = rng.choice(shared if len(shared) else len(which))
    d = X.shape[1]
    rows = rng.choice(len(y), d + 1, replace=False)
    line = np.linalg.lstsq(np.column_stack([np.ones(d + 1), X[rows]]), y[rows])[0]
    coef = np.where(rng.random(d) < 0.5, line[1:], _signs(rng, d) * space.max_coef).clip(
        -space.max_coef, space.max_coef
    )
    steep = _signs(rng, Z.shape[1]) * space.max_gate_coef
    beside = (j + 1) % len(which)
    moved = {
        "coef": coef,
        "intercept": np.clip(y[rows[0]] - X[rows[0]] @ coef, -space.max_intercept, space.max_intercept),
        "variance": rng.choice([space.min_variance, space.max_variance]),
        "gate_coef": placed.gate_coef[beside] + steep,
        "gate_intercept": placed.gate_intercept[beside] - Z[rows[0]] @ steep,
    }
    return replace(placed, **{name: _with(placed.arrays[name], j, value) for name, value in moved.items()})


def _signs(rng, d):
    return rng.choice([-1.0, 1.0], d)


def _with(array, j, value):
    result = array.copy()
    result[j] = value
    return result
