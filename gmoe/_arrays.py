"""The one boundary where users' arrays become kernel arrays.

Kernels want float64, feature-major blocks of a few thousand observations in scaled coordinates.  Any (n, d) input
(float32, Fortran order, read-only, memory-mapped) is converted block by block: all blocks once and for all where they
are small, else each block anew in every pass, so that the extra memory does not grow with n.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmoe._jit import kernel
from gmoe.frames import Frame

# Most observations of a block. Its rows are a little longer: rows a power of two apart share cache sets.
BLOCK = 8192
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
    def has_full_rank(self) -> bool:
        """Whether no column is constant or collinear."""
        return len(self.transform) == len(self.columns)

    @cached_property
    def frame(self) -> Frame:
        """The map alone."""
        return Frame(self.centre, self.transform)


def block_length(n, block=BLOCK):
    """Length of the rows that hold a block of data of size n: a multiple of a cache line, never a power of two."""
    length = min(block + 24, -(-n // 8) * 8 + 24)
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
def _scale_response(x, m, slope, whiten, y):
    """Subtract slope . x from the rows of ``y`` and multiply them by the lower triangle ``whiten``, in place."""
    p = y.shape[0]
    for a in range(p):
        for t in range(slope.shape[1]):
            for i in range(m):
                y[a, i] -= slope[a, t] * x[t, i]
    for a in range(p - 1, -1, -1):
        for i in range(m):
            y[a, i] *= whiten[a, a]
        for b in range(a):
            for i in range(m):
                y[a, i] += whiten[a, b] * y[b, i]


class Blocks:
    """Blocks of scaled data; iterate by index with :meth:`get`.

    Parameters
    ----------
    X : array of shape (n, d), y : array of shape (n,) or (n, p), weight : array of shape (n,) or None
        Any real dtype and memory layout.
    gate, expert : Design
    centre_y, slope_y, whiten_y : ndarray, shapes (p,), (p, rank of expert) and (p, p)
        The scaled response is ``whiten_y @ (y - centre_y - slope_y @ scaled expert features)``; by default y itself.
    run : callable
        ``map``, or that of an executor, which then converts blocks in threads.
    weight_unit : float
        What the weights were divided by.
    length : int
        Most observations of a block.

    Attributes
    ----------
    n_rows : float
        Rows that the data are worth: the sum of the weights where these are counts, and never less than so many rows of
        equal weight as would say as much (Kish), so that weights in another unit do not make the data small.
    """

    def __init__(
        self, X, y, weight, gate, expert, centre_y=None, slope_y=None, whiten_y=None, run=map, weight_unit=1.0,
        length=BLOCK,
    ):  # fmt: skip
        self._X, self._y, self._weight = X, y, weight
        self.gate, self.expert = gate, expert
        self.n_outputs = p = 1 if np.ndim(y) == 1 else y.shape[1]
        self._centre_y = np.zeros(p) if centre_y is None else np.asarray(centre_y, dtype=float)
        self._slope_y = np.zeros((p, len(expert.transform))) if slope_y is None else slope_y
        self._whiten_y = np.eye(p) if whiten_y is None else whiten_y
        self.n, self.length = len(y), length
        self.n_blocks = -(-self.n // length)
        self.total_weight = float(self.n if weight is None else np.sum(weight, dtype=np.float64))
        self._weight_unit, self.n_rows = weight_unit, self.total_weight
        if weight is not None:
            square = float(np.sum(np.square(weight, dtype=np.float64)))
            self.n_rows = max(self.total_weight * weight_unit, self.total_weight**2 / square)
        self._same = _same_design(gate, expert)
        self._kept = None
        width = len(gate.transform) * (not self._same) + len(expert.transform) + 1 + p
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

    @cached_property
    def stacked(self):
        """Blocks in memory as arrays with a row for each: gate, expert, y, weight, and observations in use."""
        gate, expert, y, weight, m = zip(*(self.designs(b, None) for b in range(self.n_blocks)), strict=True)
        own = [self._stack(part) for part in (expert, y, weight)]
        return own[0] if self._same else self._stack(gate), *own, np.array(m)

    @staticmethod
    def _stack(parts):
        if len(parts) == 1:
            return parts[0][None]
        return np.stack(parts, out=aligned(len(parts), *parts[0].shape))

    def buffer(self):
        """Room for one block; each thread brings its own."""
        length = block_length(self.n, self.length)
        d_all = 1 if self._X.ndim < 2 else self._X.shape[1]
        kept = self._kept is not None
        return (
            None
            if kept
            else (
                np.empty((min(self.length, self.n), d_all)),
                np.empty((max(len(self.gate.columns), len(self.expert.columns)), length)),
                aligned(1 + len(self.gate.transform), length, fill=1.0),
                aligned(1 + len(self.expert.transform), length, fill=1.0),
                aligned(self.n_outputs, length),
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
        scales = self._centre_y, self._slope_y, self._whiten_y
        settings = {"weight_unit": self._weight_unit, "length": self.length}
        return Blocks(*data, self.gate, self.expert, *scales, **settings)

    def all(self):
        """Yield all blocks in turn; each is valid until the next."""
        buffer = self.buffer()
        for b in range(self.n_blocks):
            yield self.get(b, buffer)

    def get(self, b, buffer):
        """Return (x_gate, x_expert, y, weight, m) of block ``b``; valid until the buffer's next use."""
        gate, expert, *rest = self.designs(b, buffer)
        return gate[1:], expert[1:], *rest

    def designs(self, b, buffer):
        """Return the same with a constant 1 before the features."""
        return self._convert(b, buffer) if self._kept is None else self._kept[b]

    def _convert(self, b, buffer):
        raw, scratch, x_gate, x_expert, y, weight = buffer
        lo, hi = b * self.length, min(self.n, (b + 1) * self.length)
        m = hi - lo
        np.copyto(raw[:m], self._X[lo:hi])
        _scale_block(
            raw[:m],
            self.expert.columns,
            self.expert.centre,
            self.expert.transform,
            scratch,
            x_expert[1:],
        )
        if self._same:
            x_gate = x_expert
        else:
            _scale_block(raw[:m], self.gate.columns, self.gate.centre, self.gate.transform, scratch, x_gate[1:])
        np.subtract(np.reshape(self._y[lo:hi], (m, -1)).T, self._centre_y[:, None], out=y[:, :m], dtype=np.float64)
        _scale_response(x_expert[1:], m, self._slope_y, self._whiten_y, y)
        if self._weight is not None:
            weight[:m] = self._weight[lo:hi]
        return x_gate, x_expert, y, weight, m


def _same_design(a, b):
    return (
        np.array_equal(a.columns, b.columns)
        and np.array_equal(a.centre, b.centre)
        and np.array_equal(a.transform, b.transform)
    )
