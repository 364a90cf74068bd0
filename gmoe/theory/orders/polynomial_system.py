r"""The polynomial system behind rbar, and its value for every size of cell.

Near a true expert, m fitted ones of shares :math:`s_i`, with intercepts off by :math:`b_i` and variances by
:math:`v_i`, leave in the density a term of order l in derivatives in the mean, for each l, with the coefficient

.. math:: c_l = \sum_i s_i \sum_{\alpha + 2 \beta = l} \frac{b_i^\alpha (v_i / 2)^\beta}{\alpha! \, \beta!}.

``rbar(m)`` is the smallest r for which :math:`c_1 = \dots = c_r = 0` has no solution but the expert itself (Ho and
Nguyen, 2016; Nguyen, Nguyen and Ho, 2023, Lemma 1, whose larger system has these equations where gate and expert slopes
are right).  It is 2 m:

* **At least.** The coefficients are those of :math:`\sum_i s_i e^{b_i t + v_i t^2 / 2}`, so that :math:`c_1 = \dots =
  c_r = 0` says that the mixture of normal laws (b_i, 1 + v_i) has the first r moments of the standard normal law.  With
  the m nodes and weights of Gauss and Hermite for a normal law of variance s < 1 as b and shares, and all v_i = -s, it
  has the first 2 m - 1: the rule is exact for polynomials up to that degree.
* **At most.** The mixture's density less the standard one is a linear combination of at most m + 1 normal densities
  (take the unit large enough that all variances 1 + v_i are positive), and such a one changes sign at most 2 m times:
  convolution with a normal law adds no change of sign, and undone until the narrowest is a spike, that spike adds two
  (Kalai, Moitra and Valiant, 2010; equal variances by a small change of them).  Were the first 2 m moments equal, its
  integral with the polynomial of degree at most 2 m that changes sign where it does would be zero, and positive.
"""

from math import factorial

import numpy as np

from gmoe._validation import check_integer


def coefficients(share, intercept, variance, n: int) -> np.ndarray:
    """Coefficients c_1, ..., c_n of a mixture of normal laws against the standard one, (n,).

    Parameters
    ----------
    share, intercept, variance : array-like, shape (m,)
        Shares, and how far intercepts and variances are off.
    n : int
    """
    share, b, v = (np.asarray(a, dtype=float) for a in (share, intercept, variance))
    terms = (
        sum(
            b ** (order - 2 * j) * (v / 2.0) ** j / (factorial(order - 2 * j) * factorial(j))
            for j in range(order // 2 + 1)
        )
        for order in range(1, n + 1)
    )
    return np.array([float(share @ term) for term in terms])


def solution(m: int, error: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares, intercepts (largest given) and variances of m atoms with c_1 = ... = c_(2m - 1) = 0."""
    node, weight = np.polynomial.hermite_e.hermegauss(check_integer(m, "m", 2))
    scale = error / node[-1]
    return weight / weight.sum(), scale * node, np.full(m, -scale * scale)


def rbar(m: int) -> int:
    """Smallest order at which the system has no solution: 2 m, and 1 for a single atom."""
    return 1 if check_integer(m, "m", 1) == 1 else 2 * m
