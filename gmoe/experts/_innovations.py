"""Covariances by innovations: each response is regressed on those before it, and what is left are independent ones.

The modified Cholesky decomposition (Pourahmadi, 1999): with L = I - T unit lower triangular, L S L' is diagonal.  The
log variances of the innovations and the coefficients T are free of any constraint; for one response they are its log
variance.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gmoe.kernels.gaussian import MAX_LOG_VARIANCE

# Eigenvalues of a correlation matrix below this are rounding of a singular one, which has no logarithm.
SINGULAR = 1e-300


class Innovations(NamedTuple):
    """Covariances of k experts.

    Attributes
    ----------
    log_variance : ndarray, shape (k, p)
        Of the innovations.
    mix : ndarray, shape (k, p, p)
        Coefficients of a response on those before it; strictly lower triangular.
    """

    log_variance: np.ndarray
    mix: np.ndarray

    @classmethod
    def of(cls, covariance) -> "Innovations":
        """Innovations of covariances (k, p, p)."""
        size = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), SINGULAR))
        values, vectors = np.linalg.eigh(covariance / (size[:, :, None] * size[:, None, :]))
        # By the orthogonal decomposition of a root, which exists for singular matrices too.
        root = np.sqrt(np.maximum(values, SINGULAR))[:, :, None] * np.swapaxes(vectors, 1, 2) * size[:, None, :]
        lower = np.swapaxes(np.linalg.qr(root, mode="r"), 1, 2)
        sd = np.maximum(np.abs(np.diagonal(lower, axis1=1, axis2=2)), np.sqrt(SINGULAR))
        unit = np.tril(lower / np.diagonal(lower, axis1=1, axis2=2)[:, None, :], -1) + np.eye(len(sd[0]))
        return cls(2.0 * np.log(sd), -np.tril(np.linalg.inv(unit), -1))

    @classmethod
    def of_entries(cls, entries) -> "Innovations":
        """Innovations of rows (k, p + p (p - 1) / 2): log variances, then coefficients row by row."""
        p = n_outputs(entries.shape[1])
        mix = np.zeros((len(entries), p, p))
        if p > 1:
            mix[(slice(None), *below(p))] = entries[:, p:]
        return cls(entries[:, :p], mix)

    @property
    def entries(self) -> np.ndarray:
        """Rows of log variances and coefficients: the inverse of :meth:`of_entries`."""
        mix = self.mix[(slice(None), *below(self.mix.shape[1]))]
        return np.concatenate([self.log_variance, mix], axis=1)

    @property
    def log_sd(self) -> np.ndarray:
        """Log standard deviations of the innovations, kept where squares of their exponentials are finite, (k, p)."""
        return 0.5 * np.clip(self.log_variance, -MAX_LOG_VARIANCE, MAX_LOG_VARIANCE)

    @property
    def whiten(self) -> np.ndarray:
        """Lower triangles that make residuals independent of variance 1, (k, p, p)."""
        return np.exp(-self.log_sd)[:, :, None] * (np.eye(self.mix.shape[1]) - self.mix)

    @property
    def colour(self) -> np.ndarray:
        """Lower triangular roots of the covariances, (k, p, p)."""
        return np.linalg.inv(np.eye(self.mix.shape[1]) - self.mix) * np.exp(self.log_sd)[:, None, :]

    @property
    def covariance(self) -> np.ndarray:
        """Covariances, (k, p, p)."""
        root = self.colour
        return root @ np.swapaxes(root, 1, 2)

    @property
    def precision(self) -> np.ndarray:
        """Inverse covariances, (k, p, p)."""
        whiten = self.whiten
        return np.swapaxes(whiten, 1, 2) @ whiten


@lru_cache
def below(p: int):
    """Places (rows, columns) of a strictly lower triangle, row by row."""
    return np.tril_indices(p, -1)


def n_entries(p: int) -> int:
    """Count the entries of p innovations."""
    return p * (p + 1) // 2


def n_outputs(entries: int) -> int:
    """Count the responses of so many entries: the inverse of :func:`n_entries`."""
    return int(np.sqrt(2 * entries + 0.25) - 0.5 + 1e-9)
