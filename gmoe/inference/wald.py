"""Wald tests of linear hypotheses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from gmoe.constraints.parsing import linear
from gmoe.inference.estimates import Estimates

# Singular values of a hypothesis' covariance, relative to the largest, below which one repeats the others.
REDUNDANT = 1e-9


@dataclass(frozen=True)
class HypothesisTest:
    """A test against the chi-square distribution.

    Attributes
    ----------
    hypothesis : str
    statistic : float
    df : int
        Degrees of freedom.
    """

    hypothesis: str
    statistic: float
    df: int

    @property
    def p_value(self) -> float:
        """Probability of a statistic as large or larger under the hypothesis."""
        return float(scipy.special.chdtrc(self.df, self.statistic))

    def __str__(self):
        # Smaller than a double can be.
        p = f"p = {self.p_value:.4g}" if self.p_value else "p < 1e-300"
        return f"{self.hypothesis}: chi-square({self.df}) = {self.statistic:.4f}, {p}"


def wald_test(estimates: Estimates, hypotheses: str | Sequence[str], notes: Sequence[str] = ()) -> HypothesisTest:
    """Test linear hypotheses together.

    Parameters
    ----------
    estimates : Estimates
    hypotheses : str or sequence of str
        As ``"coef[x] (0) = coef[x] (1)"`` or ``"2 * coef[x] (0) - intercept (1) = 3"``; several are tested together.
    notes : sequence of str
        Why some estimates have no standard error.

    Raises
    ------
    ValueError
        For unknown names, parameters without a standard error, and hypotheses that repeat each other.
    """
    texts = (hypotheses,) if isinstance(hypotheses, str) else tuple(hypotheses)
    if not texts:
        raise ValueError("No hypothesis is given; give one as 'coef[x] (0) = coef[x] (1)'.")
    rows, values = zip(*(linear(text, estimates.names) for text in texts), strict=True)
    matrix = np.array(rows)
    used = np.any(matrix, axis=0)
    for i in np.flatnonzero(used & np.isnan(estimates.standard_errors)):
        reason = f" ({notes[int(i)]})" if notes else ""
        raise ValueError(f"{estimates.names[i]} has no standard error{reason}, so that nothing about it can be tested.")
    away = matrix[:, used] @ estimates.values[used] - values
    spread = matrix[:, used] @ estimates.spread[used]
    # In units of their own standard errors: whether they repeat each other has nothing to do with units.
    sizes = np.linalg.norm(spread, axis=1)
    whole = np.abs(matrix[:, used]) @ estimates.standard_errors[used]
    for text, size, parts in zip(texts, sizes, whole, strict=True):
        if size <= REDUNDANT * parts:
            raise ValueError(f"{text!r} is decided by the constraints of the fit, so that nothing is left to test.")
    left, roots, _ = np.linalg.svd(spread / np.where(sizes > 0.0, sizes, 1.0)[:, None], full_matrices=False)
    if len(roots) < len(texts) or roots[-1] < REDUNDANT * roots[0] or sizes.min() == 0.0:
        raise ValueError(f"The hypotheses {', '.join(texts)} repeat or contradict each other; leave some out.")
    statistic = float(np.sum((left.T @ (away / sizes) / roots) ** 2))
    return HypothesisTest("; ".join(texts), statistic, len(texts))
