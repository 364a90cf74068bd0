"""How small the distance of densities can be at a given error of the parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_integer, check_positive
from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.theory.orders.cells import Cells
from gmoe.theory.orders.minimise import ROUNDING, Minimum, descend
from gmoe.theory.orders.quadrature import nodes
from gmoe.theory.orders.residuals import Residuals
from gmoe.theory.orders.starts import known, shrunk, spread

#: The first error and the ratio of each to the one before, in units of the true expert; and their largest number.
FIRST, RATIO, LEVELS = 0.5, 0.6, 18
#: Slopes have settled where so many in a row differ by less.
SETTLED, IN_A_ROW = 0.01, 3
#: A steeper fall to rounding is that to a measure of the truth's density.
STEEPEST = 20.0
#: Starts at the first error and new ones at each later one; descents that are followed to their end; steps before.
FIRST_STARTS, LATER_STARTS, FOLLOWED, TRIAL_STEPS = 8, 1, 2, 20
#: Errors at which all coordinates of a block and both signs are tried, before the one of the smallest distance goes on.
SHARED_LEVELS = 3
#: Ends of descents agree where their distances differ by less than this share.
AGREEMENT = 0.01


@dataclass(frozen=True, eq=False)
class Order:
    """The order of the Hellinger distance in the error of one block of parameters.

    Attributes
    ----------
    block : str
    cell : int
    order : float
        r, of distance ~ error^r: the last local slope.  inf: other measures of the set have the truth's density.
    settled : bool
        Whether the last three local slopes differ by less than 0.01.
    errors : ndarray, shape (m,)
        In standard deviations of the true expert (intercept, coef), its variances (variance), or as they are (gate).
    hellinger : ndarray, shape (m,)
        Smallest distance over the set at each error, root of the average square over x.
    total_variation : ndarray, shape (m,)
        Of the measures that have these.
    agreeing : ndarray of int, shape (m,)
        Descents, of those followed to their end, that ended within 1 % of the smallest distance.
    stationarity : float
        Largest over the errors, 0 at exact stationary points: see :class:`gmoe.theory.orders.minimise.Minimum`.
    quadrature_error : float
        Largest relative change of a distance with twice as many nodes in y.
    worst : GMoE
        The measure at the last error.
    """

    block: str
    cell: int
    order: float
    settled: bool
    errors: np.ndarray
    hellinger: np.ndarray
    total_variation: np.ndarray
    agreeing: np.ndarray
    stationarity: float
    quadrature_error: float
    worst: GMoE

    def __float__(self):
        return self.order

    @property
    def slopes(self) -> np.ndarray:
        """Local slopes of log distance on log error, (m - 1,)."""
        return _slopes(self.hellinger)

    @property
    def total_variation_order(self) -> float:
        """Last local slope of the total variation distance."""
        return float(_slopes(self.total_variation)[-1]) if np.isfinite(self.order) else self.order

    @property
    def exponent(self) -> float:
        """Of the rate at which densities known to n^-1/2 determine the block: n^(-1 / (2 order))."""
        return -0.5 / self.order


def order(
    truth: GMoE,
    pattern: Sequence[int],
    X,
    block: str,
    *,
    cell: int = 0,
    gate=None,
    x_weights=None,
    radius: float = 1.5,
    share_ratio: float = 40.0,
) -> Order:
    """Measure how small the Hellinger distance can be at a given error of a block of parameters.

    The distance is minimised over all measures of a compact set that have this error, along a falling sequence of
    errors.  If it is of the order error^r, then no estimator is faster than n^(-1/(2r)) uniformly about the truth, and
    one whose density converges at n^-1/2, as the maximum over the set does up to logarithms, is that fast.

    Parameters
    ----------
    truth : GMoE
        Of Gaussian experts of one response.
    pattern : sequence of int
        Atoms in the cell of each true expert.  Where the gate leaves a translation open, the first atom of the last
        cell is held at the truth: put a smallest cell last.
    X : array-like, shape (n, n_features)
        Points to average over.
    block : str
        An array of the model's parameters, as "intercept", "coef", "variance", "gate_coef" or "temperature"; of
        "gate_intercept" the log-mass of the cell.
    cell : int
    gate : Gate or str, optional
        Of the fit, where it is another one; with as many experts as the pattern has atoms.
    x_weights : array-like, shape (n,), optional
    radius : float
        Of the set: a box about the truth, in the units of :attr:`Order.errors`; variances fall to no less than a tenth.
    share_ratio : float
        Largest ratio of the shares of two atoms in the mass of their cell.

    Returns
    -------
    Order

    Raises
    ------
    ValueError
        For a block that the model has not, or that the gate leaves open in this cell.

    Notes
    -----
    Gradients are exact; differences of densities are taken without cancellation, so that distances down to 1e-12 have
    digits; starts are points of a Halton sequence, three families known by algebra, and the minima
    at the error before.  Nothing is random.
    """
    cells = _cells(truth, pattern, gate)
    X = np.asarray(X, dtype=float)
    weight = np.full(len(X), 1.0) if x_weights is None else np.asarray(x_weights, dtype=float)
    weight = weight / weight.sum()
    blocks = cells.blocks(cell)
    if block not in blocks:
        raise ValueError(f"Block {block!r} has no free parameter in cell {cell}; it is one of {', '.join(blocks)}.")
    box = cells.bounds(check_positive(radius, "radius"), 0.5 * np.log(check_positive(share_ratio, "share_ratio")))
    residuals = Residuals(cells, nodes(truth, X, weight))
    paths = [_Path(residuals, fixed, sign, box) for fixed in blocks[block] for sign in (1.0, -1.0)]
    for path in paths:
        path.follow(SHARED_LEVELS)
        if path.lost:
            break
    path = min((path for path in paths if path.minima), key=lambda path: path.minima[-1].distance)
    path.follow(LEVELS)
    minima, agreeing = path.minima, np.array(path.agreeing)
    errors = FIRST * RATIO ** np.arange(path.first, path.first + len(minima))
    finer = Residuals(cells, nodes(truth, X, weight, finer=2))
    distance = np.array([m.distance for m in minima])
    again = np.array([finer.hellinger(m.z) for m in minima])
    lost = path.lost
    variation = np.array([residuals.total_variation(m.z) for m in minima])
    return Order(
        block, cell, np.inf if lost else float(_slopes(distance)[-1]), lost or path.settled,
        errors, distance, variation, agreeing,
        max(m.stationarity for m in minima), 0.0 if lost else float(np.max(np.abs(again / distance - 1.0))),
        cells.model(minima[-1].z),
    )  # fmt: skip


def list_blocks(truth: GMoE, pattern: Sequence[int], *, cell: int = 0, gate=None) -> tuple[str, ...]:
    """Names of the blocks of a cell that have an order; parameters as in :func:`order`."""
    return tuple(_cells(truth, pattern, gate).blocks(cell))


def _cells(truth, pattern, gate):
    sizes = tuple(check_integer(size, "every cell of the pattern", 1) for size in pattern)
    return Cells(truth, sizes, truth.gate.resized(sum(sizes)) if gate is None else as_gate(gate))


def _slopes(distance):
    return np.diff(np.log(distance)) / np.log(RATIO)


class _Path:
    """Minima at falling errors of one coordinate, with the number of descents that agree."""

    def __init__(self, residuals, fixed: int, sign: float, box):
        self.residuals, self.fixed, self.sign, self.box = residuals, fixed, sign, box
        self.free = np.setdiff1d(np.arange(residuals.cells.size), [*residuals.cells.fixed, fixed])
        self.minima: list[Minimum] = []
        self.agreeing: list[int] = []
        self.first, self.lost, self.ended = 0, False, False

    def follow(self, levels):
        """Go on to so many errors, or until slopes settle or rounding is reached."""
        while len(self.minima) < levels and not self.ended:
            ends = self._ends(len(self.minima))
            best = ends[0].distance
            if best < ROUNDING and (not self.minima or best < self.minima[-1].distance * RATIO**STEEPEST):
                self.first, self.minima, self.agreeing, self.lost = len(self.minima), [], [], True
            if self.lost or best >= ROUNDING:
                self.minima.append(ends[0])
                self.agreeing.append(sum(m.distance <= best * (1.0 + AGREEMENT) for m in ends))
            self.ended = best < ROUNDING or self.settled

    def _ends(self, level):
        cells, error = self.residuals.cells, FIRST * RATIO**level
        if level == 0:
            starts = spread(cells, self.fixed, error, FIRST_STARTS)
        else:
            starts = shrunk(cells, self.fixed, self.minima[-1].z, RATIO)
            starts += spread(cells, self.fixed, error, LATER_STARTS, FIRST_STARTS + LATER_STARTS * level)
        starts += known(cells, self.fixed, self.sign * error)
        for start in starts:
            start[cells.fixed], start[self.fixed] = 0.0, self.sign * error
        # Without a cell of several atoms all starts are one.
        starts = list(np.unique(starts, axis=0))
        if equal := [start for start in starts if np.linalg.norm(self.residuals(start)) < ROUNDING]:
            return [descend(self.residuals, start, self.free, self.box) for start in equal]
        ends = [descend(self.residuals, start, self.free, self.box, max_steps=TRIAL_STEPS) for start in starts]
        ends = sorted(ends, key=lambda m: m.distance)[:FOLLOWED]
        return sorted((descend(self.residuals, m.z, self.free, self.box) for m in ends), key=lambda m: m.distance)

    @property
    def settled(self) -> bool:
        """Whether the last slopes hardly differ."""
        last = _slopes([m.distance for m in self.minima[-1 - IN_A_ROW :]])
        return len(last) == IN_A_ROW and bool(np.ptp(last) < SETTLED)
