"""Where means and covariances of several responses are in the parameters of experts."""

from functools import cached_property, lru_cache

import numpy as np

from gmoe.experts._covariances import Covariance
from gmoe.experts._innovations import Innovations, n_entries
from gmoe.experts._moments import Moments, from_slopes

NONE = np.empty(0)


class Packing:
    """The row of an expert: its coefficients, response by response, then its covariance parameters, if these are own.

    Parameters
    ----------
    kind : Covariance
    p : int
        Responses.
    """

    def __init__(self, kind: Covariance, p: int):
        self.kind, self.p = kind, p
        #: Which covariance parameter each entry of the innovations is; -1 for those that are zero.
        self.places = kind.places(p)
        #: Covariance parameters.
        self.n = int(self.places.max()) + 1
        self.n_own, self.n_shared = (0, self.n) if kind.is_shared else (self.n, 0)

    @cached_property
    def embedding(self):
        """Entries of the innovations as a linear map of the covariance parameters, (entries, n)."""
        return (self.places[:, None] == np.arange(self.n)).astype(float)

    @cached_property
    def averages(self):
        """The same, of which the transpose averages the entries that one parameter stands for."""
        return self.embedding / self.embedding.sum(axis=0)

    def unpack(self, own, shared):
        """Coefficients of the means (k, p, q) and innovations."""
        end = own.shape[1] - self.n_own
        parameters = shared[None] if self.kind.is_shared else own[:, end:]
        entries = np.broadcast_to(parameters @ self.embedding.T, (len(own), n_entries(self.p)))
        return own[:, :end].reshape(len(own), self.p, -1), Innovations.of_entries(entries)

    def pack(self, coef, covariance):
        """Parameters ``(own, shared)`` of coefficients (k, p, q) and covariances (k, p, p): the inverse."""
        means, parameters = coef.reshape(len(coef), -1), Innovations.of(covariance).entries @ self.averages
        if self.kind.is_shared:
            return means, parameters[0]
        return np.concatenate([means, parameters], axis=1), NONE

    def moments(self, at: Innovations, design, slopes, mass) -> Moments:
        """Residual moments from the sums of first derivatives (k, means and covariance parameters)."""
        (k, q), means = design.shape[:2], self.p * design.shape[1]
        # A parameter that stands for several entries has the sum of their slopes.
        each = Innovations.of_entries(slopes[:, means:] @ self.averages.T)
        square = 2.0 * each.log_variance + mass[:, None]
        return from_slopes(at, design, slopes[:, :means].reshape(k, self.p, q), square, each.mix)

    def moments_of_step(self, at: Innovations, q, gradient, bend) -> Moments:
        """Do the same from what an M-step is given: sums of first derivatives in the means, and of second ones."""
        k, p = len(bend), self.p
        design = -bend[:, :q, :q] / at.precision[:, :1, :1]
        own, variances = bend[:, p * q :, p * q :], self.places[:p]
        square = -2.0 * own[:, variances, variances] * self.averages[np.arange(p), variances]
        mix = np.zeros((k, p, p))
        if self.kind.mixes:
            row, column = np.tril_indices(p, -1)
            mix[:, row, column] = -own[:, self.places[p:], variances[row]]
        return from_slopes(at, design, gradient[:, : p * q].reshape(k, p, q), square, mix)


@lru_cache
def packing(kind: Covariance, p: int) -> Packing:
    """Packing of so many responses."""
    return Packing(kind, p)
