"""Distributions of experts at the rows of data: what a mixture asks of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from gmoe.distributions.standard import NORMAL, Standard


class Component(ABC):
    """Distributions of k experts at m rows.

    Responses y have the shape (..., 1, m), results (..., k, m).

    Attributes
    ----------
    centre, spread : ndarray, shape (k, m)
        About where the distributions are and how wide: searches begin there, and look no closer than a quarter of it.
    """

    centre: np.ndarray
    spread: np.ndarray

    @property
    def gaussian(self) -> bool:
        """Whether they are normal distributions with mean ``centre`` and standard deviation ``spread``."""
        return False

    @property
    def breaks(self) -> np.ndarray:
        """Where densities jump, (any number, m)."""
        return np.empty((0, self.centre.shape[1]))

    @abstractmethod
    def take(self, rows) -> "Component":
        """Return the distributions at these rows, (len(rows),) of int; one may be there several times."""

    @abstractmethod
    def log_density(self, y) -> np.ndarray:
        """Log-densities."""

    @abstractmethod
    def slope(self, y) -> np.ndarray:
        """Differentiate the log-densities in y."""

    @abstractmethod
    def log_cdf(self, y) -> np.ndarray:
        """Log of the probabilities below y."""

    @abstractmethod
    def log_survival(self, y) -> np.ndarray:
        """Log of the probabilities above y."""


@dataclass(frozen=True, eq=False)
class LocationScale(Component):
    """Distributions of ``centre + spread * z`` with z of one standard distribution.

    Parameters
    ----------
    standard : Standard
    centre, spread : ndarray, shape (k, m)
        Location, and positive scale.
    """

    standard: Standard
    centre: np.ndarray
    spread: np.ndarray

    @property
    def gaussian(self):
        return self.standard.gaussian

    @property
    def breaks(self):
        at = [self.centre + self.spread * z for z in self.standard.breaks]
        return np.concatenate([super().breaks, *at])

    def take(self, rows):
        return LocationScale(self.standard, self.centre[:, rows], self.spread[:, rows])

    def _z(self, y):
        # Clipped where a square would overflow.
        return np.clip((y - self.centre) / self.spread, -1e150, 1e150)

    def log_density(self, y):
        return self.standard.log_density(self._z(y)) - np.log(self.spread)

    def slope(self, y):
        return self.standard.slope(self._z(y)) / self.spread

    def log_cdf(self, y):
        return self.standard.log_cdf(self._z(y))

    def log_survival(self, y):
        return self.standard.log_survival(self._z(y))


def normals(mean, covariance) -> LocationScale:
    """Make normal distributions of each response by itself; those of an observation stand together.

    Parameters
    ----------
    mean : ndarray, shape (k, p, m)
    covariance : ndarray, shape (k, p, p, m)
    """
    sd = np.sqrt(np.einsum("kaam->kam", covariance))
    centre, spread = (np.swapaxes(part, 1, 2).reshape(len(mean), -1) for part in (mean, sd))
    return LocationScale(NORMAL, centre, spread)
