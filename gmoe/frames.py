"""Frames: the linear maps between the units of the data and the scaled coordinates in which parts are fitted.

Parts say which maps they follow: a softmax gate any invertible one, a distance only a shift and one common scale.
"""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np


class Change(Enum):
    """Which linear changes of features, or of the response, leave a model class as it is.

    Each member is (whether a shift, whether any invertible matrix, whether one factor for each column, whether one
    factor for all).
    """

    AFFINE = (True, True, True, True)
    LINEAR = (False, True, True, True)
    DIAGONAL = (True, False, True, True)
    SIMILARITY = (True, False, False, True)
    SCALE = (False, False, False, True)
    SHIFT = (True, False, False, False)
    NONE = (False, False, False, False)

    @property
    def shifts(self) -> bool:
        """Whether a constant may be subtracted."""
        return self.value[0]

    @property
    def mixes(self) -> bool:
        """Whether columns may be mixed by any invertible matrix."""
        return self.value[1]

    @property
    def by_column(self) -> bool:
        """Whether columns may be scaled each by its own factor; else all by one, or not at all."""
        return self.value[2]

    @property
    def scales(self) -> bool:
        """Whether all columns may be multiplied by one positive factor; else the units of the data stay."""
        return self.value[3]


@dataclass(frozen=True, eq=False)
class Frame:
    """Scaled features ``transform @ (x - centre)``.

    Attributes
    ----------
    centre : ndarray, shape (d,)
    transform : ndarray, shape (rank, d)
    """

    centre: np.ndarray
    transform: np.ndarray

    @classmethod
    def identity(cls, d: int) -> "Frame":
        """Units of the data."""
        return cls(np.zeros(d), np.eye(d))

    @cached_property
    def inverse(self) -> np.ndarray:
        """Right inverse of the transform, (d, rank)."""
        rank, d = self.transform.shape
        return np.linalg.inv(self.transform) if rank == d else np.linalg.pinv(self.transform)

    @property
    def factor(self) -> float:
        """By what lengths grow, where the transform is a similarity; 1 where no feature is left."""
        return float(np.linalg.norm(self.transform, 2)) if len(self.transform) else 1.0

    def raw_rows(self, rows):
        """Raw intercepts (m,) and slopes (m, d) of affine functions of the scaled features, (m, 1 + rank)."""
        slopes = rows[:, 1:] @ self.transform
        return rows[:, 0] - slopes @ self.centre, slopes

    def scaled_rows(self, intercept, slopes):
        """Affine functions of the scaled features, (m, 1 + rank): the inverse of :meth:`raw_rows`."""
        return np.column_stack([intercept + slopes @ self.centre, slopes @ self.inverse])


@dataclass(frozen=True, eq=False)
class ResponseFrame:
    """Scaled response ``whiten @ (y - centre_y - slope @ x)``, x the scaled features of ``features``.

    Attributes
    ----------
    features : Frame
    centre_y : ndarray, shape (p,)
    slope : ndarray, shape (p, rank)
    whiten : ndarray, shape (p, p)
        Lower triangular.
    """

    features: Frame
    centre_y: np.ndarray
    slope: np.ndarray
    whiten: np.ndarray

    @classmethod
    def identity(cls, d: int, p: int = 1) -> "ResponseFrame":
        """Units of the data."""
        return cls(Frame.identity(d), np.zeros(p), np.zeros((p, d)), np.eye(p))

    @cached_property
    def colour(self) -> np.ndarray:
        """Inverse of ``whiten``, (p, p)."""
        return np.linalg.inv(self.whiten)

    def raw_means(self, intercept, coef):
        """Raw intercepts (k, p) and slopes (k, p, d) of scaled ones, (k, p) and (k, p, rank)."""
        slopes = (self.slope + self.colour @ coef) @ self.features.transform
        return self.centre_y + intercept @ self.colour.T - slopes @ self.features.centre, slopes

    def scaled_means(self, intercept, coef):
        """Scaled intercepts (k, p) and slopes (k, p, rank) of raw ones: the inverse of :meth:`raw_means`."""
        at_centre = intercept + coef @ self.features.centre - self.centre_y
        return at_centre @ self.whiten.T, self.whiten @ (coef @ self.features.inverse - self.slope)
