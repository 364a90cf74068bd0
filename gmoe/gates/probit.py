"""The probit gate: the expert whose noisy score is the largest."""

from dataclasses import dataclass

import numpy as np

from gmoe.gates._link import Bend
from gmoe.gates._row_link import RowLinkGate
from gmoe.kernels import probit


@dataclass(frozen=True)
class ProbitGate(RowLinkGate):
    """Weight of an expert: the probability that its score plus noise is the largest, with standard normal noise.

    Scores are affine, and the noise is independent over experts: the multinomial probit model, which is noisy top-1
    routing (Shazeer et al., ICLR 2017) averaged over its noise. Of two experts the second has the weight
    ``Phi((score_2 - score_1) / sqrt(2))``.

    Notes
    -----
    Geweke and Keane (Journal of Econometrics, 2007) mix regressions so. The standard deviation of the noise is the unit
    of the scores: one that is estimated would be a scale without effect, and one for each expert hardly identified.
    Gumbel noise makes the softmax gate.
    """

    def link(self, score, n_experts):
        score, k, m = np.ascontiguousarray(score), n_experts, score.shape[1]
        log_p, mean = np.empty((k, m)), np.empty((k, k, m))
        probit.largest(score, log_p, mean, np.empty((0, k, k, m)))
        yield log_p
        # An expert's own score is in all of its differences, each other one in its own.
        own = np.eye(k)
        change = own[:, :, None] - np.swapaxes(own[:, None], 0, 1)
        yield np.einsum("jil,jlm->ijm", change, mean)
        second = np.empty((k, k, k, m))
        probit.largest(score, log_p, mean, second)
        lower = np.tril(np.moveaxis(second, 3, 0))
        second = lower + np.swapaxes(np.tril(lower, -1), 2, 3)
        curve = np.einsum("jil,mjlp,jnp->injm", change, second, change, optimize=True)
        yield [Bend(i, n, np.arange(k), curve[i, n]) for i in range(k) for n in range(i + 1)]
