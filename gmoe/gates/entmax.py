"""The entmax gate: from softmax to sparsemax, with weights of zero and a continuous likelihood."""

from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_positive
from gmoe.gates._link import Bend
from gmoe.gates._row_link import RowLinkGate

# In place of alpha - 1 = 0: all functions of it are then at their limits, to the last digit.
TINY = 1e-100
# Newton's steps towards the largest weight, and the last one of them: errors square.
STEPS, CLOSE = 60, 1e-10


@dataclass(frozen=True)
class EntmaxGate(RowLinkGate):
    """Weights that maximise ``p . score + entropy(p)``, the entropy that of Tsallis with the index ``alpha``.

    ``p_j = max(0, (alpha - 1) (score_j - tau))**(1 / (alpha - 1))`` of affine scores, where tau makes them sum to 1.
    With alpha = 1 it is the softmax gate, with alpha = 2 the projection onto the simplex (sparsemax). With any but 1 an
    expert whose score is far below the largest has the weight 0, and enters continuously as its score rises.

    Parameters
    ----------
    alpha : float, default 1.5
        From 1 to 2.

    Raises
    ------
    ValueError, TypeError
        For an alpha outside.

    Notes
    -----
    Peters, Niculae and Martins (ACL 2019); sparsemax: Martins and Astudillo (ICML 2016). Where an expert enters,
    weights are as smooth as ``z**(1 / (alpha - 1))`` is at 0: up to alpha = 1.5 second derivatives are bounded, below 2
    first ones are continuous. With sparsemax the likelihood has corners, and a maximum may be at one, without a
    vanishing gradient: such a fit says that it has not converged.
    """

    alpha: float = 1.5

    def __post_init__(self):
        object.__setattr__(self, "alpha", check_positive(self.alpha, "alpha"))
        if not 1.0 <= self.alpha <= 2.0:
            raise ValueError(
                f"alpha must be from 1, softmax, to 2, sparsemax, got {self.alpha}; for steps instead of edges use "
                "TopKGate(1)."
            )

    def link(self, score, n_experts):
        a, below = max(self.alpha - 1.0, TINY), score - score.max(axis=0)
        excess = _excess(below, a)
        yield (log_p := _log_weights(excess, a))
        # Of an inactive expert all derivatives are 0.
        h = np.where(excess > -1.0, 1.0 / np.where(excess > -1.0, 1.0 + excess, 1.0), 0.0)
        q = np.exp(log_p) * h
        q /= q.sum(axis=0)
        off = np.eye(n_experts)[:, :, None] - q[:, None]
        yield off * h
        yield [Bend(first, second, np.arange(n_experts), curve) for first, second, curve in _curves(a, h, q, off)]


def _excess(below, a):
    """``p_j**a - 1`` where that is more than -1, of scores less the largest one.

    The log L of the largest weight solves ``sum_j (exp(a L) + a below_j)**(1 / a) = 1``. The sum is convex in L and not
    below 1 at L = 0, so that Newton's method falls to its solution.
    """
    top = np.zeros(below.shape[1])
    for _ in range(STEPS):
        excess = np.expm1(a * top) + a * below
        p, base = np.exp(_log_weights(excess, a)), 1.0 + excess
        slope = np.exp(a * top) * np.divide(p, base, out=np.zeros(p.shape), where=base > 0.0).sum(axis=0)
        step = (p.sum(axis=0) - 1.0) / slope
        top -= step
        if np.abs(step).max(initial=0.0) < CLOSE:
            break
    return np.expm1(a * top) + a * below


def _log_weights(excess, a):
    with np.errstate(divide="ignore"):
        return np.log1p(np.maximum(excess, -1.0)) / a


def _curves(a, h, q, off):
    """Second derivatives of the log-weights in two scores each, (n_experts, m)."""
    mean = np.sum(q * h, axis=0)
    for i in range(len(h)):
        for n in range(i + 1):
            of_q = (1.0 - a) * q[i] * ((i == n) * h[i] - q[n] * (h[i] + h[n] - mean))
            yield i, n, -a * h * h * off[i] * off[n] - h * of_q
