"""A noise component: a last expert of a given, wide density, which takes up what no other expert explains."""

from dataclasses import dataclass, replace
from inspect import signature

import numpy as np

from gmoe.distributions import LocationScale
from gmoe.experts._densities import Density, NormalDensity, Standardised, UniformDensity
from gmoe.experts.base import BaseExperts, VarianceBounds
from gmoe.experts.gaussian import GaussianExperts
from gmoe.experts.student import StudentExperts
from gmoe.frames import ResponseFrame
from gmoe.part import Axis, Size


@dataclass(frozen=True)
class NoiseExperts(BaseExperts):
    """Experts of another family, and a last one whose density is given (Banfield and Raftery, 1993, Biometrics 49).

    The noise has a row of the gate as every expert has, and no parameters of its own: it takes up outliers that would
    pull the others. So ``n_experts=3`` are two experts and the noise.

    Parameters
    ----------
    density : Density
        :class:`UniformDensity` over a range, :class:`NormalDensity`, or any object with the methods of
        :class:`Density`; in the units of the data.
    experts : BaseExperts, default Gaussian
        Family of the others, of one response.
    frame : ResponseFrame, optional
        Coordinates of the response, set by :meth:`scaled`; by default the units of the data.

    Notes
    -----
    The parameter arrays have a row for the noise, which says nothing: 0, or 1 where entries are positive.
    """

    density: Density
    experts: BaseExperts = GaussianExperts()
    frame: ResponseFrame | None = None

    def __repr__(self):
        return f"NoiseExperts({self.density!r}, experts={self.experts!r})"

    def settings(self):
        """Those of the density, and the others, whose own settings end the text."""
        others = {} if self.experts == GaussianExperts() else {"experts": self.experts}
        return vars(self.density) | others

    @property
    def n_given(self):
        return 1

    @property
    def closed(self):
        """That of the others."""
        return self.experts.closed

    @property
    def follows(self):
        """As the others do: the given density moves with the frame."""
        return self.experts.follows

    @property
    def has_exact_curvature(self):
        return self.experts.has_exact_curvature

    def scaled(self, frame):
        return replace(self, experts=self.experts.scaled(frame), frame=frame)

    def check(self, n_experts, n_features, n_outputs):
        if n_outputs != 1:
            raise ValueError(f"{self!r} describe one response, y has {n_outputs} columns; fit each column by itself.")
        if n_experts < 2:
            raise ValueError(f"{self!r} are noise and at least one other expert, got n_experts={n_experts}; give 2.")
        if self.experts.n_given or self.experts.multi_output:
            raise ValueError(f"{self!r}: the others must be one-response experts without noise of their own.")
        self.experts.check(n_experts - 1, n_features, n_outputs)

    @classmethod
    def named(cls, experts: BaseExperts = GaussianExperts(), **density: float):  # noqa: B008 (an immutable value)
        """Noise over a range, ``low`` and ``high``, or Gaussian of a ``mean`` and ``sd``, and other experts."""
        for kind in (UniformDensity, NormalDensity):
            if density.keys() == signature(kind).parameters.keys():
                return cls(kind(**density), experts)
        given = ", ".join(sorted(density)) or "neither"
        raise ValueError(f"Experts 'noise' need low and high, the range of y, or mean and sd; got {given}.")

    @classmethod
    def representatives(cls):
        # A density with jumps is no case for a quadrature.
        return cls(NormalDensity(0.0, 8.0)), cls(NormalDensity(1.0, 8.0), StudentExperts(5.0))

    def own_parameters(self, size):
        return self.experts.own_parameters(_others(size))

    def shared_parameters(self, size):
        return self.experts.shared_parameters(_others(size))

    def value(self, own, shared, x, y):
        slope, offset, factor = self._line(x)
        noise = self.density.log_density(slope + offset + factor * y[0]) + np.log(factor)
        return np.vstack([self.experts.value(own[:-1], shared, x, y), noise])

    def jacobian(self, own, shared, x, y):
        return _padded(self.experts.jacobian(own[:-1], shared, x, y))

    def curvature(self, own, shared, weight, x, y):
        return _padded(self.experts.curvature(own[:-1], shared, weight[:-1], x, y))

    def mean(self, own, shared, x):
        slope, offset, factor = self._line(x)
        noise = np.broadcast_to((self.density.mean - slope - offset) / factor, (1, 1, x.shape[1]))
        return np.concatenate([self.experts.mean(own[:-1], shared, x), noise])

    def covariance(self, own, shared, x):
        noise = np.full((1, 1, 1, x.shape[1]), self.density.variance / self._line(x)[2] ** 2)
        return np.concatenate([self.experts.covariance(own[:-1], shared, x), noise])

    def components(self, own, shared, x):
        slope, offset, factor = self._line(x)
        shape = 1, x.shape[1]
        mean = np.broadcast_to((self.density.mean - slope - offset) / factor, shape)
        sd = np.full(shape, np.sqrt(self.density.variance) / factor)
        standard = getattr(self.density, "standard", None) or Standardised(self.density)
        return *self.experts.components(own[:-1], shared, x), LocationScale(standard, mean, sd)

    def draw(self, own, shared, x, which, rng):
        y, noise = np.empty((1, len(which))), which == len(own) - 1
        y[:, ~noise] = self.experts.draw(own[:-1], shared, x[:, ~noise], which[~noise], rng)
        slope, offset, factor = self._line(x[:, noise])
        y[0, noise] = (self.density.draw(int(noise.sum()), rng) - slope - offset) / factor
        return y

    def _line(self, x):
        """Response in the units of the data of a scaled one z: slope . x, a constant, and what z is multiplied by."""
        if self.frame is None:
            return 0.0, 0.0, 1.0
        return self.frame.slope[0] @ x, self.frame.centre_y[0], self.frame.colour[0, 0]

    def start(self, responsibilities, x, y):
        own, shared = self.experts.start(responsibilities[:, :-1], x, y)
        return _padded(own), shared

    def mean_columns(self, size):
        return self.experts.mean_columns(_others(size))

    def log_variance_rows(self, size):
        return self.experts.log_variance_rows(_others(size))

    def log_variances(self, own, shared, size):
        """Those of the others."""
        return self.experts.log_variances(own[:-1], shared, _others(size))

    def measures(self, own, shared):
        return _padded(self.experts.measures(own[:-1], shared), 1.0)

    def level(self, own):
        level = self.experts.level(own[:-1])
        return np.concatenate([level, level[-1:]])

    def maximise(self, own, shared, gradient, shared_gradient, bend, mass, bounds: VarianceBounds):
        others = own[:-1], shared, gradient[:-1], shared_gradient, bend[:-1], mass[:-1], bounds
        best, shared = self.experts.maximise(*others)
        return _padded(best), shared

    def information(self, own, bend, mass):
        return _padded(self.experts.information(own[:-1], bend[:-1], mass[:-1]))

    def arrays(self, size):
        return self.experts.arrays(_others(size))

    def to_raw(self, own, shared, frame):
        raw = self.experts.to_raw(own[:-1], shared, frame)
        for array in self._by_expert(frame):
            raw[array.name] = _padded(raw[array.name], float(array.positive))
        return raw

    def from_raw(self, arrays, frame):
        cut = {array.name: arrays[array.name][:-1] for array in self._by_expert(frame)}
        own, shared = self.experts.from_raw({**arrays, **cut}, frame)
        return _padded(own), shared

    def raw_log_density(self, arrays, x, y):
        cut = {array.name: arrays[array.name][:-1] for array in self._by_expert(ResponseFrame.identity(len(x)))}
        return np.vstack([self.experts.raw_log_density({**arrays, **cut}, x, y), self.density.log_density(y)])

    def _by_expert(self, frame):
        size = Size(1, frame.features.transform.shape[1])
        return [array for array in self.experts.arrays(size) if array.axes[:1] == (Axis.EXPERT,)]


def _others(size):
    return size._replace(n_experts=size.n_experts - 1)


def _padded(rows, value=0.0):
    """Rows by expert, with one of a constant for the noise."""
    return np.concatenate([rows, np.full((1, *rows.shape[1:]), value)])
