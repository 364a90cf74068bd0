"""The rows of a gate for a block of data, in arrays of their own: where a handful of calls needs them, not a climb."""

import numpy as np

from gmoe.gates import Gate, GateRows


def gate_rows(gate: Gate, coef, shared, x, m, curved=False) -> GateRows:
    """Logits of a block and, if asked for, their derivatives, each (n_experts, m).

    Parameters
    ----------
    gate : Gate
    coef : ndarray, shape (n_experts, 1 + n_features)
        Natural coordinates, C order.
    shared : ndarray, shape (n_shared,)
    x : ndarray, shape (n_features, >= m)
    m : int
    curved : bool
    """
    shape, none = (len(coef), m), (0, 0)
    own = shape if curved and not gate.affine else none
    bend = shape if gate.n_shared else none
    rows = GateRows(*(np.empty(size) for size in (shape, own, own, bend)))
    gate.fill(coef, shared, x, m, rows)
    return rows
