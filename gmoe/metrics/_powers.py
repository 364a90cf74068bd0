"""The exponents of the papers' losses, by size of the Voronoi cell and block of parameters."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from gmoe.kernels.voronoi import BLOCKS, N_BLOCKS

#: rbar by size of the cell (Nguyen, Nguyen and Ho, NeurIPS 2023, Lemma 1); from 4 on only rbar >= 7 is known.
RBAR: Mapping[int, float] = {1: 1.0, 2: 4.0, 3: 6.0}
KINDS = ("exact", "over", "power")


def rbar_table(rbar: Mapping[int, float] | None) -> dict[int, float]:
    """Return the known values with the user's own.

    Raises
    ------
    ValueError
        For sizes that are not positive integers or values that are not positive.
    """
    table = dict(RBAR)
    if not isinstance(rbar, Mapping | None):
        raise TypeError(f"rbar maps sizes of cells to positive numbers, as in {{4: 8}}; got {rbar!r}.")
    for size, value in (rbar or {}).items():
        numbers = all(isinstance(number, Real) for number in (size, value))
        if not numbers or not 1 <= size < np.inf or size != int(size) or not 0 < value < np.inf:
            raise ValueError(f"rbar maps sizes of cells to positive numbers, as in {{4: 8}}; got {size!r}: {value!r}.")
        table[int(size)] = float(value)
    return table


def power_table(kind: str, k: int, rbar: Mapping[int, float], affine: bool, power: float) -> np.ndarray:
    """Exponents of the errors, shape (k + 1, 5): by size of the cell and block; 0 where rbar is unknown.

    Affine gates (theorem 2 of the softmax paper): rbar for gate_coef and intercept, rbar / 2 for coef and variance.
    Other activations break the relation between gate and expert slopes, and leave the one between mean and variance:
    2 for gate_coef and coef, rbar for intercept, rbar / 2 for variance.  The shared temperature has 1 in a cell of one
    atom; in larger ones that of gate_coef, with which it shares its scale.
    """
    table = np.full((k + 1, N_BLOCKS), power if kind == "power" else 1.0)
    if kind == "over":
        for size in range(2, k + 1):
            r = rbar.get(size, 0.0)
            gate, slope = (r, r / 2) if affine else (2.0, 2.0)
            table[size] = np.array([gate, slope, r, r / 2, gate]) if r else 0.0
    return table


def group_table(power: np.ndarray, joint_norm: bool) -> np.ndarray:
    """Blocks that share a norm, as the first block of the norm, shape (k + 1, 5): those of one exponent if joint."""
    own = np.tile(np.arange(len(BLOCKS)), (len(power), 1))
    if not joint_norm:
        return own
    first = np.argmax(power[:, :, None] == power[:, None, :], axis=2)
    # The temperature is no part of an atom: its error stays apart.
    first[:, -1] = own[:, -1]
    return first
