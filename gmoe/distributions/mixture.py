"""Mixtures of distributions of one number, one for each row of data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmoe.distributions.components import Component


@dataclass(frozen=True, eq=False)
class Mixture:
    """Mixtures at m rows; y has the shape (..., m), and so have the results.

    Parameters
    ----------
    log_weight : ndarray, shape (k, m)
        Log of the probability of each expert; -inf of one that is switched off.
    components : sequence of Component
        Of k experts together, in their order.
    """

    log_weight: np.ndarray
    components: Sequence[Component]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.log_weight.shape[1]

    @property
    def gaussian(self) -> bool:
        """Whether all experts are normal distributions."""
        return all(component.gaussian for component in self.components)

    @property
    def centre(self) -> np.ndarray:
        """About where each expert is, (k, m)."""
        return np.concatenate([component.centre for component in self.components])

    @property
    def spread(self) -> np.ndarray:
        """About how wide each expert is, (k, m)."""
        return np.concatenate([component.spread for component in self.components])

    @property
    def breaks(self) -> np.ndarray:
        """Where densities jump, (any number, m)."""
        return np.concatenate([component.breaks for component in self.components])

    def hull(self, widths: float) -> tuple[np.ndarray, np.ndarray]:
        """Find the ends of what lies within so many spreads of an expert that is not switched off, (m,) each."""
        reach, off = widths * self.spread, np.isneginf(self.log_weight)
        centre = self.centre
        return np.where(off, np.inf, centre - reach).min(axis=0), np.where(off, -np.inf, centre + reach).max(axis=0)

    def take(self, rows) -> "Mixture":
        """Return the mixtures at these rows, (len(rows),) of int; one may be there several times."""
        return Mixture(self.log_weight[:, rows], [component.take(rows) for component in self.components])

    def log_density(self, y) -> np.ndarray:
        """Log-density at y."""
        return self._mixed("log_density", y)

    def log_cdf(self, y) -> np.ndarray:
        """Log of the probability below y, accurate where that is small."""
        return self._mixed("log_cdf", y)

    def log_survival(self, y) -> np.ndarray:
        """Log of the probability above y, accurate where that is small."""
        return self._mixed("log_survival", y)

    def slope(self, y) -> np.ndarray:
        """Differentiate the log-density in y: derivatives of the experts, weighted by responsibility."""
        terms, top = self._terms("log_density", y)
        weight = np.exp(terms - top)
        slope = np.concatenate([component.slope(y[..., None, :]) for component in self.components], axis=-2)
        # Where the density is 0 by all experts, so is its derivative.
        return (weight * slope).sum(axis=-2) / np.maximum(weight.sum(axis=-2), 1e-300)

    def _terms(self, name, y):
        """Log-weight plus a logarithm of each expert, and the largest of them, 0 where all are -inf."""
        parts = [getattr(component, name)(y[..., None, :]) for component in self.components]
        terms = np.concatenate(parts, axis=-2) + self.log_weight
        top = terms.max(axis=-2, keepdims=True)
        return terms, np.where(np.isneginf(top), 0.0, top)

    def _mixed(self, name, y):
        terms, top = self._terms(name, y)
        with np.errstate(divide="ignore"):
            return np.log(np.exp(terms - top).sum(axis=-2)) + top[..., 0, :]
