"""Scaled coordinates: what the solvers see, and the way back.

Features are centred (where the gate allows it) and whitened, the response is replaced by its scaled residual from one
regression on the experts' features.  So every fit starts from a problem whose single-expert solution is "coef 0,
variance 1", whatever the units, offsets or correlations of the data; results are equivariant by construction, and
constant or collinear columns drop out as missing rows of the transform.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmoe._arrays import BLOCK, Blocks, Design
from gmoe.frames import Change, Frame, ResponseFrame

# Combinations of standardised columns with a standard deviation below this are collinearity (R's lm: 1e-7).
RANK_TOLERANCE = 1e-9
# Added to the unit variances of responses of which one may be a combination of others.
COLLINEAR = 1e-9
CHUNK = 65536


@dataclass(frozen=True, eq=False)
class Scaling:
    """Maps between scaled and raw parameters.

    Attributes
    ----------
    gate, expert : Design
    centre_y : ndarray, shape (p,)
    slope_y : ndarray, shape (p, rank of expert)
        Coefficients of the single regression on the scaled expert features.
    whiten_y : ndarray, shape (p, p)
        Lower triangular; makes its residuals uncorrelated with unit variance, as far as the experts follow that.
    """

    gate: Design
    expert: Design
    centre_y: np.ndarray
    slope_y: np.ndarray
    whiten_y: np.ndarray

    @cached_property
    def log_unit(self) -> float:
        """What a scaled log-density is larger by than one in the units of the data."""
        return -float(np.log(np.diag(self.whiten_y)).sum())

    @property
    def scale_y(self) -> float:
        """Standard deviation of the residuals, kept away from zero; of several responses the geometric mean."""
        return float(np.exp(self.log_unit / len(self.whiten_y)))

    @cached_property
    def frames(self) -> tuple[Frame, ResponseFrame]:
        """Frames of gate and experts."""
        return self.gate.frame, ResponseFrame(self.expert.frame, self.centre_y, self.slope_y, self.whiten_y)

    def blocks(self, X, y, weight=None, run=map, weight_unit=1.0, length=BLOCK) -> Blocks:
        """Scaled blocks of raw data; ``run`` as in :func:`scale`."""
        scales = self.centre_y, self.slope_y, self.whiten_y
        return Blocks(X, y, weight, self.gate, self.expert, *scales, run, weight_unit, length)


def scale(X, y, weight, gate_columns, expert_columns, gate=Change.AFFINE, response=Change.AFFINE, run=map) -> Scaling:
    """Scaling of a data set.

    Parameters
    ----------
    X : array (n, d), y : array (n,) or (n, p), weight : array (n,) or None
        Raw data of any dtype and layout; read in chunks.
    gate_columns, expert_columns : ndarray of int
    gate, response : Change
        Which changes of its features the gate follows, and of the response the experts.
    run : callable
        ``map``, or that of an executor, which then reads chunks in threads.
    """
    d = X.shape[1]
    mean, covariance = _moments(X, y, weight, run, np.union1d(gate_columns, expert_columns).astype(int))
    expert = _design(expert_columns, mean, covariance, X, weight, run)
    second = covariance if gate.shifts else covariance + np.outer(mean, mean)
    centre = mean if gate.shifts else np.zeros_like(mean)
    if gate.shifts and gate.mixes and np.array_equal(gate_columns, expert_columns):
        gate_design = expert
    elif gate.mixes:
        gate_design = _design(gate_columns, centre, second, X, weight, run)
    else:
        gate_design = _plain_design(gate_columns, centre, second, gate)
    slope = covariance[d:, expert_columns] @ expert.transform.T
    return Scaling(gate_design, expert, mean[d:], slope, _whitening(mean[d:], covariance[d:, d:], slope, response))


def _whitening(mean, covariance, slope, response):
    """Lower triangle that whitens the residuals of the single regression."""
    variance = np.diag(covariance)
    residual = covariance - slope @ slope.T
    # y constant or exactly linear: a millionth of the spread, or of the size, stands for the noise that is not there.
    sizes = [np.sqrt(v) if v > (1e-14 * m) ** 2 else abs(m) or 1.0 for v, m in zip(variance, mean, strict=True)]
    floor = 1e-6 * np.array(sizes)
    scales = np.maximum(np.sqrt(np.maximum(np.diag(residual), 0.0)), floor)
    if scales.min() < 1e-140:
        raise ValueError(f"y varies by no more than {scales.min():.1e}, whose square underflows; rescale y.")
    if not response.by_column:
        scales = np.full(len(scales), np.exp(np.mean(np.log(scales))))
    if len(scales) == 1 or not response.mixes:
        return np.diag(1.0 / scales)
    correlation = residual / np.outer(scales, scales)
    np.fill_diagonal(correlation, 1.0 + COLLINEAR)
    try:
        return np.linalg.inv(np.linalg.cholesky(correlation)) / scales
    except np.linalg.LinAlgError:
        return np.diag(1.0 / scales)


def _plain_design(columns, centre, second, change):
    """Shift and scale columns without mixing them: each by its own factor, all by one, or none."""
    columns = np.asarray(columns, dtype=np.intp)
    size = np.sqrt(np.maximum(np.diag(second)[columns], 0.0))
    size = np.where(size > 1e-14 * np.abs(centre[columns]), size, 0.0)
    common = np.sqrt(np.mean(size**2)) if change.scales and np.any(size) else 1.0
    factors = np.where(size > 0.0, size, 1.0) if change.by_column else np.full(len(columns), common)
    return Design(columns, centre[columns], np.diag(1.0 / factors), factors)


def _moments(X, y, weight, run, used):
    """Weighted mean and covariance of the columns of (X, y), in one pass of chunks that are summed in order.

    Columns of X that are not ``used`` may hold anything, and their moments are as they come.
    """
    # About a point amid the data, so that nothing cancels.
    with np.errstate(over="ignore", invalid="ignore"):
        shift = _rows(X, y, slice(None, None, max(len(y) // 1000, 1))).mean(axis=1)
        total, first, second = _sums(lambda part: _rows(X, y, part) - shift[:, None], len(y), weight, run)
        offset = first / total
        mean, covariance = shift + offset, second / total - np.outer(offset, offset)
    needed = [*used, *range(X.shape[1], len(second))]
    large = [column for column in needed if not np.all(np.isfinite(second[column, needed]))]
    if large:
        raise ValueError(f"The squares of columns {large} of (X, y) overflow; rescale them.")
    return mean, covariance


def _sums(rows_of, n, weight, run):
    """Sum w, w row and w row row' over chunks of observations, in order; ``rows_of`` gives (d, m) arrays."""

    def chunk(lo):
        with np.errstate(over="ignore", invalid="ignore"):  # once more: a thread has its own
            rows = rows_of(slice(lo, lo + CHUNK))
            if weight is None:
                return rows.shape[1], rows.sum(axis=1), rows @ rows.T
            w = np.asarray(weight[lo : lo + CHUNK], dtype=float)
            weighted = rows * w
            return w.sum(), weighted.sum(axis=1), weighted @ rows.T

    total, first, second = 0.0, 0.0, 0.0
    for w, one, two in run(chunk, range(0, n, CHUNK)):
        total, first, second = total + w, first + one, second + two
    return total, first, second


def _rows(X, y, rows):
    """Observations of (X, y) as float64, feature-major (d + p, m): sums along rows are four times faster."""
    part = X[rows]
    response = np.reshape(y[rows], (len(part), -1))
    result = np.empty((X.shape[1] + response.shape[1], len(part)))
    result[: X.shape[1]] = part.T
    result[X.shape[1] :] = response.T
    return result


def _design(columns, centre, second, X, weight, run):
    """Whitening design without the directions of constant or collinear columns."""
    columns = np.asarray(columns, dtype=np.intp)
    centre, second = centre[columns], second[np.ix_(columns, columns)]
    # Of a constant column rounding may leave less than nothing.
    size = np.sqrt(np.maximum(np.diag(second), 0.0))
    varies = size > 1e-14 * np.abs(centre)
    size = np.where(varies, size, 1.0)
    correlation = (second / np.outer(size, size))[np.ix_(varies, varies)]
    values, vectors = np.linalg.eigh(correlation)
    directions = np.zeros((len(values), len(columns)))
    directions[:, varies] = vectors.T
    weak = values < 1e-8
    if weak.any():

        def projections(part):
            return directions @ ((X[part][:, columns] - centre) / size).T

        total, _, gram = _sums(projections, len(X), weight, run)
        whiten = _whitener(gram / total, weak)
    else:
        whiten = np.diag(1.0 / np.sqrt(values))
    return Design(columns, centre, np.ascontiguousarray(whiten @ directions / size), size)


def _whitener(gram, weak):
    """Map from principal directions to whitened ones, (rank, d), without the directions of collinear columns.

    The eigenvalues of a correlation matrix see a column that differs from another by a relative e only as e squared.
    So the data were projected on the eigenvectors: among the weak ones the projections' own moments tell noise from
    columns.  What is noise must go before the others are whitened, or it leaks into them.
    """
    squares, turn = np.linalg.eigh(gram[np.ix_(weak, weak)])
    kept = turn[:, squares > RANK_TOLERANCE**2]
    strong = np.eye(len(gram))[~weak]
    basis = np.vstack([strong, kept.T @ np.eye(len(gram))[weak]])
    moments = basis @ gram @ basis.T
    unit = 1.0 / np.sqrt(np.diag(moments))
    values, vectors = np.linalg.eigh(moments * np.outer(unit, unit))
    return (vectors / np.sqrt(values)).T @ (unit[:, None] * basis)


def null_space(design: Design):
    """Orthonormal directions of standardised slopes that do not move the scaled ones, shape (d - rank, d)."""
    d = len(design.columns)
    if design.has_full_rank:
        return np.empty((0, d))
    return np.linalg.svd(design.transform * design.size, full_matrices=True)[2][len(design.transform) :]
