"""Standard distributions: those of an error, before a location is added and a scale multiplied."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

LOG_2_PI = np.log(2.0 * np.pi)
# Exponentials of sinh make a rule for half a line that sees all scales from 1e-18 to 1e18: its error falls faster than
# any power of the step (Takahasi and Mori, 1974), and 1/16 leaves 1e-10 and less.
RULE_STEP, RULE_END = 1.0 / 16.0, 3.75
# Mass that the rule may miss or invent.
UNSEEN = 1e-8
# Step of a difference of fourth order: off by its fourth power, and by 1e-16 over it.
STEP = 1e-3


class Standard(ABC):
    """Distribution of one number, elementwise: whoever writes its log-density alone gets the rest by quadrature.

    Attributes
    ----------
    breaks : tuple of float
        Where the density jumps.
    gaussian : bool
        Whether it is the standard normal distribution.
    """

    breaks: tuple[float, ...] = ()
    gaussian = False

    @abstractmethod
    def log_density(self, z) -> np.ndarray:
        """Log-density at z."""

    def slope(self, z) -> np.ndarray:
        """Differentiate the log-density; by default by differences."""
        near = self.log_density(z + STEP) - self.log_density(z - STEP)
        far = self.log_density(z + 2.0 * STEP) - self.log_density(z - 2.0 * STEP)
        return (8.0 * near - far) / (12.0 * STEP)

    def log_cdf(self, z) -> np.ndarray:
        """Log of the probability below z."""
        return self._log_below(z, 1.0)

    def log_survival(self, z) -> np.ndarray:
        """Log of the probability above z."""
        return self._log_below(-np.asarray(z), -1.0)

    def _log_below(self, z, sign):
        """Log of the probability that ``sign`` times the number is below z, from the side where it is small."""
        self._check_mass()
        outer = self._log_tail(-np.abs(z), np.where(np.asarray(z) < 0.0, sign, -sign))
        return np.where(np.asarray(z) < 0.0, outer, np.log1p(-np.minimum(np.exp(outer), 1.0)))

    def _log_tail(self, z, sign):
        """Log of the probability that ``sign`` times the number is below z, by the rule."""
        s = np.arange(-RULE_END, RULE_END + RULE_STEP, RULE_STEP)
        distance = np.exp(0.5 * np.pi * np.sinh(s))
        log_weight = np.log(0.5 * np.pi * RULE_STEP * distance * np.cosh(s))
        at = np.broadcast_to(sign, np.shape(z)).reshape(-1, 1) * (np.reshape(z, (-1, 1)) - distance)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            terms = np.nan_to_num(self.log_density(at), nan=-np.inf, posinf=np.inf) + log_weight
        return scipy.special.logsumexp(terms, axis=1).reshape(np.shape(z))

    def _check_mass(self):
        """Raise a ValueError where quadrature does not see a density."""
        if not abs(self._mass - 1.0) <= UNSEEN:
            raise ValueError(
                f"The density of {self!r} has the mass {self._mass:.9g} by quadrature: it is no density, or not "
                "smooth; give it a log_cdf and a log_survival."
            )

    @cached_property
    def _mass(self):
        return sum(float(np.exp(self._log_tail(np.zeros(1), sign))[0]) for sign in (1.0, -1.0))


class Symmetric(Standard):
    """Distribution that is symmetric about 0: a member writes :meth:`log_cdf`."""

    def log_survival(self, z):
        return self.log_cdf(-np.asarray(z))


@dataclass(frozen=True)
class Normal(Symmetric):
    """The standard normal distribution."""

    gaussian = True

    def log_density(self, z):
        return -0.5 * np.square(z) - 0.5 * LOG_2_PI

    def slope(self, z):
        return -np.asarray(z)

    def log_cdf(self, z):
        return scipy.special.log_ndtr(z)


NORMAL = Normal()


@dataclass(frozen=True)
class StudentT(Symmetric):
    """Student's t distribution.

    Parameters
    ----------
    df : float
        Degrees of freedom, positive.
    """

    df: float

    def log_density(self, z):
        df = self.df
        constant = -scipy.special.betaln(0.5 * df, 0.5) - 0.5 * np.log(df)
        # Roots and not squares, which overflow.
        return constant - (df + 1.0) * np.log(np.hypot(1.0, np.asarray(z) / np.sqrt(df)))

    def slope(self, z):
        # Over z, so that no square overflows.
        z = np.asarray(z)
        with np.errstate(divide="ignore"):
            return -(self.df + 1.0) / (self.df / z + z)

    def log_cdf(self, z):
        """By the incomplete beta function on that side of 1/2 on which nothing cancels."""
        z, half = np.asarray(z, dtype=float), 0.5 * self.df
        ratio = np.minimum(np.abs(z), 1e150) / np.sqrt(self.df)
        part = 1.0 / (1.0 + np.square(ratio))
        # Near 0 the probability within |z|, else that beyond it.
        near = np.abs(z) < 1.0
        first, second = np.where(near, 0.5, half), np.where(near, half, 0.5)
        found = 0.5 * scipy.special.betainc(first, second, np.where(near, np.square(ratio) * part, part))
        outer = np.where(near, 0.5 - found, found)
        with np.errstate(divide="ignore"):
            return np.where(z < 0.0, np.log(outer), np.log1p(-outer))


@dataclass(frozen=True)
class Uniform(Symmetric):
    """The uniform distribution of mean 0 and variance 1."""

    breaks = (-np.sqrt(3.0), np.sqrt(3.0))

    def log_density(self, z):
        return np.where(np.abs(z) <= self.breaks[1], -np.log(2.0 * self.breaks[1]), -np.inf)

    def slope(self, z):
        return np.zeros(np.shape(z))

    def log_cdf(self, z):
        with np.errstate(divide="ignore"):
            return np.log(np.clip(0.5 + 0.5 * np.asarray(z) / self.breaks[1], 0.0, 1.0))
