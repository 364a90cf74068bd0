"""The one boundary where users' arrays become kernel arrays.

Kernels want float64, feature-major blocks of a few thousand observations in scaled coordinates.  Any (n, d) input
(float32, Fortran order, read-only, memory-mapped) is converted block by block: all blocks once and for all where they
are small, else each block anew in every pass, so that the extra memory does not grow with n.
"""

import math
from dataclasses import dataclass

import numpy as np

from gmoe._jit import kernel

BLOCK = 8192
# Rows a power of two apart share cache sets; see gmoe.kernels.accumulate.
BLOCK_LENGTH = BLOCK + 24
# Largest converted data kept in memory, bytes.
KEEP_LIMIT = 100_000_000


def aligned(*shape, fill=None):
    """C-ordered float64 array that starts at a cache line: vector loads that straddle lines cost a third of a pass."""
    size = math.prod(shape)
    room = np.empty(size + 8) if fill is None else np.full(size + 8, fill)
    start = (-room.ctypes.data % 64) // 8
    return room[start : start + size].reshape(shape)


@dataclass(frozen=True, eq=False)
class Design:
    """Which columns of X enter one predictor, and the linear map to scaled coordinates.

    Attributes
    ----------
    columns : ndarray of int, shape (d,)
    centre : ndarray, shape (d,)
    transform : ndarray, shape (rank, d)
        Scaled features are ``transform @ (x[columns] - centre)``: uncorrelated with unit variance. Fewer rows than
        columns where columns are constant or collinear.
    size : ndarray, shape (d,)
        Standard deviations of the columns (1 for constant ones): the unit in which collinearity is judged.
    """

    columns: np.ndarray
    centre: np.ndarray
    transform: np.ndarray
    size: np.ndarray

    @property
    def n_coefficients(self):
        """Length of the scaled coefficient vector, intercept included."""
        return 1 + len(self.transform)


def block_length(n):
    """Length of the rows that hold a block of data of size n: a multiple of a cache line, never a power of two."""
    length = min(BLOCK_LENGTH, -(-n // 8) * 8 + 24)
    return length + 8 * (length & (length - 1) == 0)


@kernel
def _scale_block(rows, columns, centre, transform, scratch, out):
    """Scaled features of raw ``rows`` (m, d_all) into ``out`` (rank, >= m)."""
    m = rows.shape[0]
    for t in range(columns.shape[0]):
        column, shift = columns[t], centre[t]
        for i in range(m):
            scratch[t, i] = rows[i, column] - shift
    for s in range(transform.shape[0]):
        for i in range(m):
            out[s, i] = 0.0
        for t in range(columns.shape[0]):
            c = transform[s, t]
            if c != 0.0:
                for i in range(m):
                    out[s, i] += c * scratch[t, i]


@kernel
def _scale_response(x, m, slope, factor, y):
    """Subtract slope . x from the first m entries of ``y`` and multiply them by ``factor``, in place."""
    for t in range(slope.shape[0]):
        for i in range(m):
            y[i] -= slope[t] * x[t, i]
    for i in range(m):
        y[i] *= factor


class Blocks:
    """Blocks of scaled data; iterate by index with :meth:`get`.

    Parameters
    ----------
    X : array of shape (n, d), y : array of shape (n,), weight : array of shape (n,) or None
        Any real dtype and memory layout.
    gate, expert : Design
    centre_y, slope_y, scale_y : float, ndarray (rank of expert,) or None, float
        The scaled response is ``(y - centre_y - slope_y . scaled expert features) / scale_y``.
    run : callable
        ``map``, or that of an executor, which then converts blocks in threads.
    weight_unit : float
        What the weights were divided by.

    Attributes
    ----------
    n_rows : float
        Rows that the data are worth: the sum of the weights where these are counts, and never less than so many rows of
        equal weight as would say as much (Kish), so that weights in another unit do not make the data small.
    """

    def __init__(self, X, y, weight, gate, expert, centre_y=0.0, slope_y=None, scale_y=1.0, run=map, weight_unit=1.0):
        self._X, self._y, self._weight = X, y, weight
        self.gate, self.expert = gate, expert
        self._centre_y, self._scale_y = centre_y, scale_y
        self._slope_y = np.zeros(len(expert.transform)) if slope_y is None else slope_y
        self.n = len(y)
        self.n_blocks = -(-self.n // BLOCK)
        self.total_weight = float(self.n if weight is None else np.sum(weight, dtype=np.float64))
        self._weight_unit, self.n_rows = weight_unit, self.total_weight
        if weight is not None:
            square = float(np.sum(np.square(weight, dtype=np.float64)))
            self.n_rows = max(self.total_weight * weight_unit, self.total_weight**2 / square)
        self._same = _same_design(gate, expert)
        self._kept = None
        width = len(gate.transform) * (not self._same) + len(expert.transform) + 2
        if self.n * width * 8 <= KEEP_LIMIT:
            self._kept = list(run(lambda b: self._convert(b, self.buffer()), range(self.n_blocks)))

    @property
    def raw(self):
        """The data as they were given: X, y and weights or None."""
        return self._X, self._y, self._weight

    @property
    def weight_scale(self):
        """Weight of a row, where the rows are worth ``n_rows``."""
        return self.total_weight / self.n_rows

    @property
    def in_memory(self):
        """Whether all blocks are converted once and kept."""
        return self._kept is not None

    def buffer(self):
        """Room for one block; each thread brings its own."""
        length = block_length(self.n)
        d_all = 1 if self._X.ndim < 2 else self._X.shape[1]
        kept = self._kept is not None
        return (
            None
            if kept
            else (
                np.empty((min(BLOCK, self.n), d_all)),
                np.empty((max(len(self.gate.columns), len(self.expert.columns)), length)),
                aligned(len(self.gate.transform), length),
                aligned(len(self.expert.transform), length),
                aligned(length),
                aligned(length, fill=1.0),
            )
        )

    def some(self, most, rng) -> "Blocks":
        """Return at most so many of the observations, drawn at random."""
        if self.n <= most:
            return self
        rows = np.sort(rng.choice(self.n, most, replace=False))
        weight = None if self._weight is None else np.asarray(self._weight)[rows]
        data = self._X[rows], np.asarray(self._y)[rows], weight
        scales = self._centre_y, self._slope_y, self._scale_y
        return Blocks(*data, self.gate, self.expert, *scales, weight_unit=self._weight_unit)

    def all(self):
        """Yield all blocks in turn; each is valid until the next."""
        buffer = self.buffer()
        for b in range(self.n_blocks):
            yield self.get(b, buffer)

    def get(self, b, buffer):
        """Return (x_gate, x_expert, y, weight, m) of block ``b``; valid until the buffer's next use."""
        return self._convert(b, buffer) if self._kept is None else self._kept[b]

    def _convert(self, b, buffer):
        raw, scratch, x_gate, x_expert, y, weight = buffer
        lo, hi = b * BLOCK, min(self.n, (b + 1) * BLOCK)
        m = hi - lo
        np.copyto(raw[:m], self._X[lo:hi])
        _scale_block(
            raw[:m],
            self.expert.columns,
            self.expert.centre,
            self.expert.transform,
            scratch,
            x_expert,
        )
        if self._same:
            x_gate = x_expert
        else:
            _scale_block(raw[:m], self.gate.columns, self.gate.centre, self.gate.transform, scratch, x_gate)
        np.subtract(self._y[lo:hi], self._centre_y, out=y[:m], dtype=np.float64)
        _scale_response(x_expert, m, self._slope_y, 1.0 / self._scale_y, y)
        if self._weight is not None:
            weight[:m] = self._weight[lo:hi]
        return x_gate, x_expert, y, weight, m


def _same_design(a, b):
    return (
        np.array_equal(a.columns, b.columns)
        and np.array_equal(a.centre, b.centre)
        and np.array_equal(a.transform, b.transform)
    )
