"""Gaussian experts of several responses: an affine mean and a covariance for each."""

from dataclasses import dataclass, field

import numpy as np

from gmoe._arrays import aligned
from gmoe.distributions import normals
from gmoe.experts._covariances import KINDS, Covariance, as_covariance
from gmoe.experts._innovations import Innovations, below
from gmoe.experts._moments import second_derivatives
from gmoe.experts._packing import NONE, packing
from gmoe.experts.base import BaseExperts, VarianceBounds
from gmoe.experts.gaussian import LEAST_START
from gmoe.kernels import multivariate
from gmoe.kernels.exact import affine_exact
from gmoe.kernels.gaussian import LOG_2_PI
from gmoe.kernels.rows import STRIP_LENGTH
from gmoe.part import Array, Axis, Size, dense

# Eigenvalue of a correlation matrix that is below zero by more than rounding.
INDEFINITE = -1e-10


@dataclass(frozen=True, init=False, repr=False)
class MultivariateGaussianExperts(BaseExperts):
    """N(y | intercept_j + coef_j x, covariance_j) for a response y of p columns.

    The row of expert j is (intercept, coef) of the first response, then of the next, and its covariance parameters: log
    variances of the innovations, and the coefficients of these (:mod:`gmoe.experts._innovations`). A covariance that
    all experts have is in the shared parameters.

    Parameters
    ----------
    covariance : str or Covariance, default "full"
        "full", "diagonal" (each response its own variance), "spherical" (one variance for each expert) or "tied" (one
        full covariance for all experts).
    n_outputs : int, optional
        Columns of the response; by default those of the data.

    Raises
    ------
    ValueError, TypeError
        For an unknown covariance.
    """

    multi_output = True

    kind: Covariance
    n_outputs: int | None = field(default=None, compare=False)

    def __init__(self, covariance: str | Covariance = "full", n_outputs: int | None = None):
        object.__setattr__(self, "kind", as_covariance(covariance))
        object.__setattr__(self, "n_outputs", n_outputs)

    def __repr__(self):
        return f"{type(self).__name__}(covariance={self.kind.name!r})"

    def __reduce__(self):
        return type(self), (self.kind, self.n_outputs)

    @classmethod
    def representatives(cls):
        return tuple(cls(kind) for kind in KINDS)

    def sized(self, size):
        return type(self)(self.kind, size.n_outputs)

    @property
    def follows(self):
        return self.kind.follows

    def settings(self):
        """Return the kind of covariance."""
        return {"covariance": self.kind.name}

    def check(self, n_experts, n_features, n_outputs):
        if self.n_outputs not in (None, n_outputs):
            raise ValueError(f"{self!r} were made for {self.n_outputs} responses, y has {n_outputs} columns.")

    # Numbers of parameters and where they are.

    def own_parameters(self, size):
        return size.n_outputs * (size.n_features + 1) + packing(self.kind, size.n_outputs).n_own

    def shared_parameters(self, size):
        return packing(self.kind, size.n_outputs).n_shared

    @property
    def _bound(self):
        """Packing of the responses that these experts are made for."""
        if self.n_outputs is None:
            raise ValueError(f"{self!r} do not know the number of responses; use sized(size), or n_outputs.")
        return packing(self.kind, self.n_outputs)

    def _unpack(self, own, shared, n_features):
        """Coefficients and innovations; the number of parameters grows with that of the responses."""
        for p in range(1, own.shape[1] + 1):
            if own.shape[1] == self.own_parameters(Size(1, n_features, p)):
                return packing(self.kind, p).unpack(own, shared)
        raise ValueError(f"{self!r} with {n_features} features have no {own.shape[1]} parameters of an expert's own.")

    # Log-densities and their derivatives.

    def value(self, own, shared, x, y):
        return self._alone(own, shared, x, y)[1]

    def jacobian(self, own, shared, x, y):
        return dense(self._alone(own, shared, x, y)[0], len(own))

    def curvature(self, own, shared, weight, x, y):
        rows, m = self.jacobian(own, shared, x, y), y.shape[1]
        design, slopes = np.vstack([np.ones(m), x]), np.einsum("jm,jtm->jt", weight, rows)
        sums = np.einsum("jm,am,bm->jab", weight, design, design, optimize=True)
        out, places = np.empty((len(own), *[rows.shape[1]] * 2)), packing(self.kind, len(y))
        at = places.unpack(own, shared)[1]
        second_derivatives(at, places.moments(at, sums, slopes, weight.sum(axis=1)), places.embedding, out)
        return out

    def _alone(self, own, shared, x, y):
        m = y.shape[1]
        out, room = np.empty((len(own), m)), self.room(Size(len(own), len(x), len(y)), m)
        data = np.vstack([np.ones(m), x]), np.ascontiguousarray(y)
        return self.fill_block(np.ascontiguousarray(own), shared, data, m, out, room), out

    def segments(self, size):
        p, q, n = size.n_outputs, size.n_features + 1, packing(self.kind, size.n_outputs).n
        means = [[a, 0, q, (a + 1) * q] for a in range(p)]
        return np.array(means + [[p + i, 0, 1, p * q + i + 1] for i in range(n)])

    def n_held(self, size):
        return size.n_outputs + packing(self.kind, size.n_outputs).n

    def room(self, size, length):
        return (
            aligned(self.n_held(size), size.n_experts, length),
            self.segments(size),
            aligned(2 * size.n_outputs + 1, STRIP_LENGTH),
        )

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        (design, y), (factors, segments, work) = data, room
        places = packing(self.kind, len(y))
        coef, at = places.unpack(own, shared)
        coef = np.ascontiguousarray(coef)
        multivariate.fill(m, design, y, coef, at.log_sd, at.mix, places.places, factors, out, work)
        return factors, design[None], segments

    def n_moments(self, size):
        return size.n_features + 1

    def bend_of(self, own, shared, moments, pull, mass, out):
        places, k = self._bound, len(own)
        coef, at = places.unpack(own, shared)
        p, q = coef.shape[1:]
        lower = np.tril(moments[:, :q, :q])
        design = lower + np.swapaxes(np.tril(lower, -1), 1, 2)
        slopes = np.hstack([np.concatenate(list(pull[:p, :k, :q]), axis=1), pull[p:, :k, 0].T])
        second_derivatives(at, places.moments(at, design, slopes, mass), places.embedding, out)

    # What the densities are: means, covariances, draws.

    def mean(self, own, shared, x):
        coef, _ = self._unpack(own, shared, len(x))
        return coef[:, :, :1] + coef[:, :, 1:] @ x

    def covariance(self, own, shared, x):
        covariance = self._unpack(own, shared, len(x))[1].covariance
        return np.broadcast_to(covariance[..., None], (*covariance.shape, x.shape[1]))

    def components(self, own, shared, x):
        return (normals(self.mean(own, shared, x), self.covariance(own, shared, x)),)

    def draw(self, own, shared, x, which, rng):
        coef, at = self._unpack(own, shared, len(x))
        noise, result = rng.standard_normal((coef.shape[1], x.shape[1])), np.empty((coef.shape[1], x.shape[1]))
        for j, root in enumerate(at.colour):
            mine = which == j
            result[:, mine] = coef[j, :, :1] + coef[j, :, 1:] @ x[:, mine] + root @ noise[:, mine]
        return result

    # The parameters as users see them.

    def arrays(self, size):
        return (
            Array("intercept", (Axis.EXPERT, Axis.OUTPUT)),
            Array("coef", (Axis.EXPERT, Axis.OUTPUT, Axis.FEATURE)),
            self.kind.array,
        )

    def to_raw(self, own, shared, frame):
        coef, at = packing(self.kind, len(frame.whiten)).unpack(own, shared)
        intercept, slopes = frame.raw_means(coef[:, :, 0], coef[:, :, 1:])
        root = frame.colour @ at.colour
        covariance = root @ np.swapaxes(root, 1, 2)
        return {"intercept": intercept, "coef": slopes, self.kind.array.name: self.kind.shown(covariance)}

    def from_raw(self, arrays, frame):
        intercept, slopes = frame.scaled_means(arrays["intercept"], arrays["coef"])
        covariance = frame.whiten @ self._covariances(arrays) @ frame.whiten.T
        return packing(self.kind, len(frame.whiten)).pack(
            np.concatenate([intercept[:, :, None], slopes], axis=2), covariance
        )

    def _covariances(self, arrays):
        """Covariances (k, p, p) of arrays in the units of the data."""
        covariance = self.kind.read(arrays[self.kind.array.name], *arrays["intercept"].shape)
        size = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
        unit = size[:, :, None] * size[:, None, :]
        if (
            not np.all(size > 0.0)
            or np.linalg.eigvalsh(covariance / np.where(unit > 0.0, unit, 1.0)).min() < INDEFINITE
        ):
            raise ValueError(
                f"{self.kind.array.name} must be positive definite, got {arrays[self.kind.array.name]}; it holds "
                "variances, not their logs or roots."
            )
        return covariance

    def raw_log_density(self, arrays, x, y):
        """To twice the working precision in the residuals: affine functions of (y, x), so that nothing cancels."""
        intercept, slopes = arrays["intercept"], arrays["coef"]
        (k, p), m = intercept.shape, y.shape[1]
        unit = np.broadcast_to(np.eye(p), (k, p, p))
        coef = np.concatenate([-intercept[:, :, None], unit, -slopes], axis=2).reshape(k * p, -1)
        residual = np.empty((k * p, m))
        affine_exact(np.vstack([y, x]), m, np.ascontiguousarray(coef), residual)
        at = Innovations.of(self._covariances(arrays))
        # Clipped where the square would overflow: such a density is 0 either way.
        z = np.clip(at.whiten @ residual.reshape(k, p, m), -1e150, 1e150)
        return -0.5 * np.sum(z * z, axis=1) - at.log_sd.sum(axis=1)[:, None] - 0.5 * p * LOG_2_PI

    # What the solvers ask for.

    def start(self, responsibilities, x, y):
        design = np.vstack([np.ones(x.shape[1]), x])
        r = responsibilities
        mass = np.maximum(r.sum(axis=0), 1e-12 * r.sum())
        moments = np.einsum("ij,ai,bi->jab", r, design, design, optimize=True)
        target = np.einsum("ij,pi,ai->jpa", r, y, design, optimize=True)
        coef = target @ np.linalg.pinv(moments, rcond=1e-10, hermitian=True)
        residual = y - coef @ design
        scatter = np.einsum("ij,jai,jbi->jab", r, residual, residual, optimize=True) / mass[:, None, None]
        least = VarianceBounds(np.log(LEAST_START), np.inf, -np.inf)
        return packing(self.kind, len(y)).pack(coef, self.kind.fitted(scatter, mass, least))

    def mean_columns(self, size):
        return np.arange(size.n_outputs * (size.n_features + 1))

    def log_variance_rows(self, size):
        if self.kind.is_shared or (self.kind.mixes and size.n_outputs > 1):
            return None
        return np.eye(self.own_parameters(size))[size.n_outputs * (size.n_features + 1) :]

    def log_variances(self, own, shared, size):
        return self.kind.log_variances(packing(self.kind, size.n_outputs).unpack(own, shared)[1].covariance)

    def measures(self, own, shared):
        coef, at = self._bound.unpack(own, shared)
        k, p, q = coef.shape
        result = np.ones_like(own)
        result[:, : p * q] = np.repeat(np.diagonal(at.precision, axis1=1, axis2=2) ** -0.5, q, axis=1)
        if self.kind.mixes and not self.kind.is_shared:
            sd = np.sqrt(np.diagonal(at.covariance, axis1=1, axis2=2))
            result[:, p * q + p :] = (np.exp(at.log_sd)[:, :, None] / sd[:, None, :])[:, *below(p)]
        return result

    def level(self, own):
        if self.kind.is_shared:
            return own
        coef, at = self._bound.unpack(own, NONE)
        pooled = at.covariance.mean(axis=0)
        return self._bound.pack(coef, np.broadcast_to(pooled, at.mix.shape))[0]

    closed = True

    def maximise(self, own, shared, gradient, shared_gradient, bend, mass, bounds):
        """Weighted least squares in residual form, so that nothing cancels; the best eigenvalues within bounds."""
        coef, at = self._bound.unpack(own, shared)
        sums = self._bound.moments_of_step(at, coef.shape[2], gradient, bend)
        alive = mass > 1e-12 * mass.sum()
        solution = sums.cross @ np.linalg.pinv(sums.design, rcond=1e-10, hermitian=True)
        solution = np.where(alive[:, None, None], solution, 0.0)
        rest = sums.square - solution @ np.swapaxes(sums.cross, 1, 2)
        rest = np.where(alive[:, None, None], rest / np.where(alive, mass, 1.0)[:, None, None], np.eye(coef.shape[1]))
        colour = at.colour
        scatter = colour @ (0.5 * (rest + np.swapaxes(rest, 1, 2))) @ np.swapaxes(colour, 1, 2)
        covariance = self.kind.fitted(scatter, np.where(alive, mass, 0.0), bounds)
        return self._bound.pack(coef + colour @ solution, covariance)

    def information(self, own, bend, mass):
        """Of the complete data in expectation: means, coefficients and variances of innovations apart."""
        places = self._bound
        means, variances = bend.shape[1] - places.n, np.unique(places.places[: places.p])
        result = -bend
        result[:, means:, :means] = result[:, :means, means:] = 0.0
        result[:, means + variances, means:] = 0.0
        result[:, means:, means + variances] = 0.0
        result[:, means + variances, means + variances] = 0.5 * mass[:, None] * places.p / len(variances)
        return result
