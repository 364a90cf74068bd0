"""The peers: the same average log-likelihood and its gradient in vectorised NumPy, climbed by SciPy's BFGS.

Both get scaled coordinates, the log of the standard deviations, one expert's gate parameters pinned (no flat
directions), an analytic gradient, observations along the fast axis, and matrix products by BLAS.  ``Plain`` is what one
writes: whole arrays and ``scipy.special.logsumexp``.  ``Tuned`` is the most that NumPy gives: each exponential
computed once, in place, in slices of the data that stay in the cache.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

SLICE = 8192


class Plain:
    """Negative average log-likelihood of scaled data, one design for gate and experts, and its gradient.

    Parameters
    ----------
    x : array (d, n), y : array (n,)
    k : int
    """

    def __init__(self, x, y, k):
        self.design = np.vstack([np.ones(len(y)), x])
        self.y, self.k, self.q = y, k, len(x) + 1

    def climb(self, gate, expert, variance, tol, method="BFGS"):
        """Result of SciPy's method from a start."""
        start = np.concatenate([(gate - gate[-1])[:-1].ravel(), expert.ravel(), 0.5 * np.log(variance)])
        options = {"gtol": tol, "maxiter": 10_000}
        # Without it L-BFGS-B stops where the value changes by little.
        options |= {"norm": np.inf} if method == "BFGS" else {"ftol": 0.0, "maxfun": 20_000}
        return minimize(self, start, jac=True, method=method, options=options)

    def __call__(self, theta):
        k, q, n = self.k, self.q, len(self.y)
        gate = np.vstack([theta[: (k - 1) * q].reshape(k - 1, q), np.zeros(q)])
        value, g_gate, g_expert, g_sd = self._sums(gate, theta[(k - 1) * q : -k].reshape(k, q), theta[-k:, None])
        gradient = np.concatenate([g_gate[:-1].ravel(), g_expert.ravel(), g_sd])
        return -(value / n - 0.5 * np.log(2.0 * np.pi)), -gradient / n

    def _sums(self, gate, expert, log_sd):
        x, inverse_sd = self.design, np.exp(-log_sd)
        logit = gate @ x
        z = (self.y - expert @ x) * inverse_sd
        joint = logit - 0.5 * z**2 - log_sd
        total_p, total_r = logsumexp(logit, axis=0), logsumexp(joint, axis=0)
        p, r = np.exp(logit - total_p), np.exp(joint - total_r)
        return np.sum(total_r - total_p), (r - p) @ x.T, (r * z) @ x.T * inverse_sd, np.sum(r * (z**2 - 1.0), axis=1)


class Tuned(Plain):
    """The same, as fast as NumPy can."""

    def __init__(self, x, y, k):
        super().__init__(x, y, k)
        self.room = np.empty((4, k, SLICE))

    def _sums(self, gate, expert, log_sd):
        inverse_sd = np.exp(-log_sd)
        value, g_gate, g_expert, g_sd = 0.0, np.zeros_like(gate), np.zeros_like(expert), np.zeros(self.k)
        for lo in range(0, len(self.y), SLICE):
            x, y = self.design[:, lo : lo + SLICE], self.y[lo : lo + SLICE]
            p, r, z, square = self.room[:, :, : len(y)]
            np.matmul(gate, x, out=p)
            np.matmul(expert, x, out=z)
            np.subtract(y, z, out=z)
            z *= inverse_sd
            np.multiply(z, z, out=square)
            np.multiply(square, -0.5, out=r)
            r += p
            r -= log_sd
            top_p, top_r = p.max(axis=0), r.max(axis=0)
            p -= top_p
            r -= top_r
            np.exp(p, out=p)
            np.exp(r, out=r)
            sum_p, sum_r = p.sum(axis=0), r.sum(axis=0)
            value += top_r.sum() - top_p.sum() + np.log(sum_r / sum_p).sum()
            p /= sum_p
            r /= sum_r
            g_sd += np.einsum("ij,ij->i", r, square) - r.sum(axis=1)
            np.subtract(r, p, out=p)
            g_gate += p @ x.T
            r *= z
            g_expert += r @ x.T
        return value, g_gate, g_expert * inverse_sd, g_sd
