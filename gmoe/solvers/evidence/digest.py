"""A checksum of data, to tell whether two fits are of the same."""

import zlib

import numpy as np

ROWS = 65536


def digest(y, weight=None, weight_unit: float = 1.0) -> int:
    """Checksum of a response and its weights, in the order of the rows; of rows without weight, none.

    Parameters
    ----------
    y : array, shape (n,) or (n, p)
    weight : array, shape (n,), or None
        None is as good as all ones.
    weight_unit : float
        What the weights were divided by.
    """
    found = 0
    for start in range(0, len(y), ROWS):
        part = np.asarray(y[start : start + ROWS], dtype=float)
        if weight is not None:
            mass = np.asarray(weight[start : start + ROWS], dtype=float) * weight_unit
            part, mass = part[mass > 0.0], mass[mass > 0.0]
            # Of unit weights nothing is folded in.
            found = zlib.crc32(np.ascontiguousarray(mass[mass != 1.0]).data, found)
        found = zlib.crc32(np.ascontiguousarray(part).data, found)
    return found
