"""Kinds of covariances of several responses, as values."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gmoe.experts._innovations import n_entries
from gmoe.experts._variances import best_variances
from gmoe.frames import Change
from gmoe.part import Array, Axis


class Covariance(ABC):
    """What the covariances of the experts may be.

    Attributes
    ----------
    name : str
    follows : Change
        Linear maps of the response that keep the kind.
    is_shared : bool
        Whether all experts have one covariance.
    mixes : bool
        Whether responses may be correlated.
    array : Array
        As which users see it.
    """

    name: ClassVar[str]
    follows: ClassVar[Change]
    is_shared: ClassVar[bool] = False
    mixes: ClassVar[bool] = False
    array: ClassVar[Array]

    @abstractmethod
    def places(self, p: int) -> np.ndarray:
        """Which parameter each entry of the innovations is, (p + p (p - 1) / 2,); -1 for those that are zero."""

    @abstractmethod
    def fitted(self, scatter, mass, bounds) -> np.ndarray:
        """Covariances (k, p, p) of highest likelihood within bounds for given ones of the residuals.

        Parameters
        ----------
        scatter : ndarray, shape (k, p, p)
            Covariances of the residuals under the responsibilities.
        mass : ndarray, shape (k,)
            Sums of the responsibilities.
        bounds : VarianceBounds
            Of their eigenvalues.
        """

    @abstractmethod
    def shown(self, covariance) -> np.ndarray:
        """Return :attr:`array` of covariances (k, p, p)."""

    @abstractmethod
    def read(self, values, k: int, p: int) -> np.ndarray:
        """Covariances (k, p, p) of :attr:`array`: the inverse of :meth:`shown`."""

    def log_variances(self, covariance) -> np.ndarray:
        """Take the logs of the eigenvalues, (k, p)."""
        return np.log(np.maximum(np.linalg.eigvalsh(covariance), 1e-300))


@dataclass(frozen=True)
class Full(Covariance):
    """A covariance of each expert's own."""

    name = "full"
    follows = Change.AFFINE
    mixes = True
    array = Array("covariance", (Axis.EXPERT, Axis.OUTPUT, Axis.OUTPUT))

    def places(self, p):
        return np.arange(n_entries(p))

    def fitted(self, scatter, mass, bounds):
        return _within(scatter, mass, bounds)

    def shown(self, covariance):
        return covariance

    def read(self, values, k, p):
        return values


@dataclass(frozen=True)
class Tied(Covariance):
    """One covariance for all experts."""

    name = "tied"
    follows = Change.AFFINE
    is_shared = True
    mixes = True
    array = Array("covariance", (Axis.OUTPUT, Axis.OUTPUT))

    def places(self, p):
        return np.arange(n_entries(p))

    def fitted(self, scatter, mass, bounds):
        pooled = np.einsum("j,jab->ab", mass, scatter) / mass.sum()
        return np.broadcast_to(_within(pooled[None], mass.sum(keepdims=True), bounds), scatter.shape)

    def shown(self, covariance):
        return covariance[0]

    def read(self, values, k, p):
        return np.broadcast_to(values, (k, p, p))

    def log_variances(self, covariance):
        """Of the one covariance, (1, p)."""
        return super().log_variances(covariance[:1])


@dataclass(frozen=True)
class Diagonal(Covariance):
    """Independent responses, each with a variance of each expert's own."""

    name = "diagonal"
    follows = Change.DIAGONAL
    array = Array("variance", (Axis.EXPERT, Axis.OUTPUT), positive=True)

    def places(self, p):
        return np.where(np.arange(n_entries(p)) < p, np.arange(n_entries(p)), -1)

    def fitted(self, scatter, mass, bounds):
        free = np.diagonal(scatter, axis1=1, axis2=2)
        best = best_variances(bounds, np.repeat(mass, free.shape[1]), free.ravel())
        return _diagonal(np.exp(best).reshape(free.shape))

    def shown(self, covariance):
        return np.diagonal(covariance, axis1=1, axis2=2).copy()

    def read(self, values, k, p):
        return _diagonal(values)


@dataclass(frozen=True)
class Spherical(Covariance):
    """Independent responses of one variance for each expert."""

    name = "spherical"
    follows = Change.SIMILARITY
    array = Array("variance", (Axis.EXPERT,), positive=True)

    def places(self, p):
        return np.where(np.arange(n_entries(p)) < p, 0, -1)

    def fitted(self, scatter, mass, bounds):
        free = np.trace(scatter, axis1=1, axis2=2) / scatter.shape[1]
        return self.read(np.exp(best_variances(bounds, mass, free)), *scatter.shape[:2])

    def shown(self, covariance):
        return covariance[:, 0, 0].copy()

    def read(self, values, k, p):
        return _diagonal(np.repeat(values[:, None], p, axis=1))

    def log_variances(self, covariance):
        """Of the one variance, (k, 1)."""
        return np.log(covariance[:, :1, 0])


KINDS: dict[str, Covariance] = {kind.name: kind for kind in (Full(), Diagonal(), Spherical(), Tied())}


def as_covariance(covariance) -> Covariance:
    """Return the kind of that name, or the kind itself.

    Raises
    ------
    ValueError
        For an unknown name.
    TypeError
        For anything that is neither a name nor a kind.
    """
    if isinstance(covariance, Covariance):
        return covariance
    if not isinstance(covariance, str):
        raise TypeError(f"covariance must be one of {', '.join(KINDS)}, got {covariance!r}.")
    if covariance not in KINDS:
        raise ValueError(f"Unknown covariance {covariance!r}; known: {', '.join(KINDS)}.")
    return KINDS[covariance]


def _within(scatter, mass, bounds):
    """Eigenvalues cut to their best within bounds, the axes as they are (Fritz, Garcia-Escudero, Mayo-Iscar, 2013)."""
    values, vectors = np.linalg.eigh(scatter)
    best = best_variances(bounds, np.repeat(mass, values.shape[1]), values.ravel())
    return np.einsum("jae,je,jbe->jab", vectors, np.exp(best).reshape(values.shape), vectors)


def _diagonal(values):
    return values[:, :, None] * np.eye(values.shape[1])
