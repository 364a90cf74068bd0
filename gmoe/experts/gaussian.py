"""Gaussian experts of one response: an affine mean and a variance for each."""

from dataclasses import dataclass

import numpy as np

from gmoe._arrays import aligned
from gmoe.distributions import normals
from gmoe.experts._one_scale import NONE, OneScaleExperts
from gmoe.experts._variances import best_variances
from gmoe.kernels import gaussian
from gmoe.kernels.climb.gaussian import climb
from gmoe.kernels.exact import affine_exact
from gmoe.kernels.rows import STRIP_LENGTH
from gmoe.part import Size, dense

# A start with a tight expert attracts spikes; a hundredth of the pooled variance is tight enough.
LEAST_START = 0.01


@dataclass(frozen=True)
class GaussianExperts(OneScaleExperts):
    """N(y | intercept_j + coef_j . x, variance_j), the expert of the papers.

    The row of expert j is (intercept, coef, log variance).
    """

    def own_parameters(self, size):
        return size.n_features + 2

    def value(self, own, shared, x, y):
        return self._alone(own, x, y)[1]

    def jacobian(self, own, shared, x, y):
        return dense(self._alone(own, x, y)[0], len(own))

    def curvature(self, own, shared, weight, x, y):
        out, rows = np.zeros((len(own), own.shape[1], own.shape[1])), self.jacobian(own, shared, x, y)
        design = np.vstack([np.ones(y.shape[1]), x])
        moments = np.einsum("jm,am,bm->jab", weight, design, design, optimize=True)
        pull = np.einsum("jm,jtm->jt", weight, rows)
        self.bend_of(own, shared, moments, np.stack([pull, pull[:, ::-1]]), weight.sum(axis=1), out)
        return out + np.swapaxes(np.tril(out, -1), 1, 2)

    def _alone(self, own, x, y):
        out, m = np.empty((len(own), y.shape[1])), y.shape[1]
        room = self.room(_size(own), m)
        return self.fill_block(np.ascontiguousarray(own), NONE, _data(x, y), m, out, room), out

    def segments(self, size):
        q = size.n_features + 1
        return np.array([[0, 0, q, q], [1, 0, 1, q + 1]])

    def n_held(self, size):
        return 0

    def room(self, size, length):
        k = size.n_experts
        strip = aligned(k, STRIP_LENGTH), aligned(2, k, STRIP_LENGTH)
        return aligned(2, k, length), self.segments(size), strip

    def fill_block(self, own, shared, data, m, out, room, curved=False):
        design, y = data
        factors, segments, _ = room
        gaussian.fill(m, 0, 0, design, y, own, factors, out)
        return factors, design[None], segments

    def mix_block(self, own, shared, data, weight, m, logit, gate_rows, out, room, work, q_gate, order, sums):
        design, y = data
        _, segments, strip = room
        return gaussian.gaussian_mixture(
            logit, *gate_rows, design[None], y, own, *strip, segments, q_gate, weight, m, work, order, *sums
        )

    def n_moments(self, size):
        return size.n_features + 1

    def bend_of(self, own, shared, moments, pull, mass, out):
        gaussian.bend(np.ascontiguousarray(own), moments, pull, mass, out)

    scale_name, scale_power = "variance", 2
    closed = has_slopes = True
    climb = staticmethod(climb)

    def mean(self, own, shared, x):
        return (own[:, :1] + own[:, 1:-1] @ x)[:, None]

    def components(self, own, shared, x):
        return (normals(self.mean(own, shared, x), self.covariance(own, shared, x)),)

    def start(self, responsibilities, x, y):
        design = np.column_stack([np.ones(x.shape[1]), x.T])
        r = responsibilities
        mass = np.maximum(r.sum(axis=0), 1e-12 * r.sum())
        weighted = r.T[:, None] * design.T
        moments, target = weighted @ design, weighted @ y[0]
        coef = np.einsum("jab,jb->ja", np.linalg.pinv(moments, rcond=1e-10, hermitian=True), target)
        variance = np.sum(r * (y[0][:, None] - design @ coef.T) ** 2, axis=0) / mass
        return np.column_stack([coef, np.log(np.maximum(variance, LEAST_START))]), NONE

    def mean_columns(self, size):
        return np.arange(size.n_features + 1)

    def covariance(self, own, shared, x):
        return np.broadcast_to(np.exp(own[:, -1])[:, None, None, None], (len(own), 1, 1, x.shape[1]))

    def draw(self, own, shared, x, which, rng):
        mean = own[which, 0] + np.einsum("md,dm->m", own[which, 1:-1], x)
        return (mean + np.exp(0.5 * own[which, -1]) * rng.standard_normal(len(which)))[None]

    def table_derivatives(self, own, shared, frame):
        size, features = frame.colour[0, 0], frame.features
        d = features.transform.shape[1]
        block = np.zeros((d + 2, own.shape[1]))
        block[0, 0] = size
        block[1:-1, 1:-1] = size * features.transform.T
        block[0, 1:-1] = -size * (features.transform @ features.centre)
        block[-1, -1] = 1.0
        rows = np.zeros((len(own), d + 2, *own.shape))
        for j, variance in enumerate(size**2 * np.exp(own[:, -1])):
            rows[j, :, j] = block
            rows[j, -1, j, -1] = variance
        return rows.reshape(-1, own.size)

    def raw_log_density(self, arrays, x, y):
        """To twice the working precision in the residuals: an affine function of (y, x), so that nothing cancels."""
        variance, intercept = arrays["variance"], arrays["intercept"]
        coef = np.column_stack([-intercept, np.ones(len(intercept)), -arrays["coef"]])
        residual = np.empty((len(variance), y.shape[1]))
        affine_exact(np.vstack([y, x]), y.shape[1], coef, residual)
        # Clipped where the square would overflow: such a density is 0 either way.
        z = np.clip(residual / np.sqrt(variance)[:, None], -1e150, 1e150)
        return -0.5 * z * z - 0.5 * np.log(variance)[:, None] - 0.5 * gaussian.LOG_2_PI

    def maximise(self, own, shared, gradient, shared_gradient, bend, mass, bounds):
        """Weighted least squares in residual form, so that nothing cancels; the best variances within bounds."""
        variance = np.exp(np.clip(own[:, -1], -gaussian.MAX_LOG_VARIANCE, gaussian.MAX_LOG_VARIANCE))
        moments, target = -bend[:, :-1, :-1] * variance[:, None, None], gradient[:, :-1] * np.sqrt(variance)[:, None]
        solution = np.einsum("jab,jb->ja", np.linalg.pinv(moments, rcond=1e-10, hermitian=True), target)
        alive = mass > 1e-12 * mass.sum()
        square = -2.0 * bend[:, -1, -1] - np.einsum("ja,ja->j", solution, target)
        ratio = np.where(alive, np.maximum(square, 0.0) / np.where(alive, mass, 1.0), 1.0)
        coef = own[:, :-1] + np.where(alive[:, None], np.sqrt(variance)[:, None] * solution, 0.0)
        return np.column_stack([coef, best_variances(bounds, np.where(alive, mass, 0.0), variance * ratio)]), shared

    def information(self, own, bend, mass):
        """Of the complete data in expectation: means and variances apart."""
        result = -bend
        result[:, -1, :] = result[:, :, -1] = 0.0
        result[:, -1, -1] = 0.5 * mass
        return result


def _data(x, y):
    return np.vstack([np.ones(y.shape[1]), x]), np.ascontiguousarray(y)


def _size(own):
    return Size(len(own), own.shape[1] - 2)
