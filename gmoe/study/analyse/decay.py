"""Whether a loss falls like a power of n or like 1 / log n."""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from gmoe.study.analyse.bootstrap import Curve

POLYNOMIAL, LOGARITHMIC, NONE = "polynomial", "1/log n", "no decay"
# Probability at which a shape counts as refuted.
REFUTED = 0.05


@dataclass(frozen=True)
class Decay:
    """Comparison of c n^-r with c / log n.

    Attributes
    ----------
    protocol, loss, statistic : str
    preferred : str
        "polynomial" or "1/log n", by the Bayesian information criterion; "no decay" where the slope's interval reaches
        zero.
    decisive : bool
        The other shape is refuted at 5 %. Where it is not, both are tenable: add replications, or widen the sizes.
    p_polynomial, p_logarithmic : float
        Of a chi-squared test of each shape within c n^-r (log n)^-q. Small: the shape is refuted.
    bic_difference : float
        Of 1/log n minus polynomial; positive speaks for the polynomial, more than 10 strongly.
    """

    protocol: str
    loss: str
    statistic: str
    preferred: str
    decisive: bool
    p_polynomial: float
    p_logarithmic: float
    bic_difference: float


def compare_decay(curve: Curve, protocol: str, loss: str, decays: bool) -> Decay:
    """Compare both shapes by weighted least squares; needs three sizes.

    Parameters
    ----------
    curve : Curve
    protocol, loss : str
    decays : bool
        The slope is below zero with confidence.

    Notes
    -----
    The replications of a size give the noise, so that a residual sum of squares is chi-squared. Their relative variance
    is pooled over the sizes: a loss has a limit law, and few replications give a poor variance each.
    """
    x = np.log(curve.n)
    variance = np.mean(curve.variance * curve.n_replications) / curve.n_replications
    one = np.ones_like(x)
    polynomial = _misfit([one, x], curve.value, variance)
    logarithmic = _misfit([one], curve.value + np.log(x), variance)
    both = _misfit([one, x, np.log(x)], curve.value, variance)
    difference = logarithmic - polynomial - math.log(curve.n_replications.sum())
    p_polynomial = float(scipy.stats.chi2.sf(polynomial - both, 1))
    p_logarithmic = float(scipy.stats.chi2.sf(logarithmic - both, 2))
    preferred = POLYNOMIAL if difference > 0.0 else LOGARITHMIC
    other = p_logarithmic if difference > 0.0 else p_polynomial
    return Decay(
        protocol, loss, curve.statistic, preferred if decays else NONE, bool(decays and other < REFUTED),
        p_polynomial, p_logarithmic, float(difference),
    )  # fmt: skip


def _misfit(columns, value, variance):
    """Weighted sum of squared residuals."""
    root = np.sqrt(variance)
    design, value = np.column_stack(columns) / root[:, None], value / root
    residual = value - design @ np.linalg.lstsq(design, value)[0]
    return float(residual @ residual)
