"""Given densities of one response, for experts without parameters."""

import math
import numbers
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gmoe._validation import check_positive
from gmoe.distributions import NORMAL, Standard, Uniform
from gmoe.kernels.gaussian import LOG_2_PI

# Part of its width by which a range is wider at both ends, so that rounding leaves no end outside.
MARGIN = 1e-9


class Density(Protocol):
    """A given density of one response, in the units of the data.

    It may have a ``standard`` too, a :class:`gmoe.distributions.Standard` of mean 0 and variance 1, where its
    distribution function has a formula or it jumps; by default that is by quadrature.
    """

    @property
    def mean(self) -> float:
        """Mean."""

    @property
    def variance(self) -> float:
        """Variance."""

    def log_density(self, y) -> np.ndarray:
        """Log-density at y, of the same shape."""

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw (n,) responses."""


@dataclass(frozen=True)
class UniformDensity:
    """The same density everywhere between ``low`` and ``high``, for instance the range of y.

    The range is taken wider by a billionth at both ends, so that rounding leaves neither of them outside.
    """

    low: float
    high: float

    def __post_init__(self):
        for name in ("low", "high"):
            object.__setattr__(self, name, _finite(getattr(self, name), name))
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}; give the range of y.")

    @property
    def mean(self):
        """Middle of the range."""
        return 0.5 * (self.low + self.high)

    @property
    def _half(self):
        return (0.5 + MARGIN) * (self.high - self.low)

    @property
    def variance(self):
        """Third of the square of half the width."""
        return self._half**2 / 3.0

    @property
    def standard(self):
        """The same of mean 0 and variance 1."""
        return Uniform()

    def log_density(self, y):
        """Log-density at y, -inf outside."""
        return np.where(np.abs(np.asarray(y) - self.mean) <= self._half, -np.log(2.0 * self._half), -np.inf)

    def draw(self, n, rng):
        """Draw (n,) responses."""
        return self.mean + self._half * rng.uniform(-1.0, 1.0, n)


@dataclass(frozen=True)
class NormalDensity:
    """A wide Gaussian, for responses without a range."""

    mean: float
    sd: float

    def __post_init__(self):
        object.__setattr__(self, "mean", _finite(self.mean, "mean"))
        object.__setattr__(self, "sd", check_positive(self.sd, "sd"))

    @property
    def variance(self):
        """Square of ``sd``."""
        return self.sd**2

    @property
    def standard(self):
        """The same of mean 0 and variance 1."""
        return NORMAL

    def log_density(self, y):
        """Log-density at y."""
        return -0.5 * ((np.asarray(y) - self.mean) / self.sd) ** 2 - np.log(self.sd) - 0.5 * LOG_2_PI

    def draw(self, n, rng):
        """Draw (n,) responses."""
        return self.mean + self.sd * rng.standard_normal(n)


@dataclass(frozen=True)
class Standardised(Standard):
    """What a given density says of its standardised response, for one that has no ``standard``."""

    density: Density

    def log_density(self, z):
        sd = math.sqrt(self.density.variance)
        return self.density.log_density(self.density.mean + sd * z) + math.log(sd)


def _finite(value, name):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}.")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")
    return float(value)
