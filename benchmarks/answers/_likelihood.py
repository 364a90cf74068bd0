"""Likelihood of a dense mixture of experts in plain NumPy, with its gradient: no line of gmoe takes part.

Parameters are one vector: gate intercepts (of the logit), gate slopes, intercepts and slopes of the experts, logs of
the variances, and with an activation the log of the temperature.
"""

from dataclasses import dataclass

import numpy as np


def _identity(z):
    return z, np.ones_like(z)


def _tanh(z):
    value = np.tanh(z)
    return value, 1.0 - value * value


def _sigmoid(z):
    value = 0.5 * (1.0 + np.tanh(0.5 * z))
    return value, value * (1.0 - value)


ACTIVATIONS = {"identity": _identity, "tanh": _tanh, "sigmoid": _sigmoid}


@dataclass(frozen=True)
class Likelihood:
    """Average log-likelihood of k experts on data: logits ``activation(slopes . x) / temperature + intercept``."""

    x_gate: np.ndarray
    x_expert: np.ndarray
    y: np.ndarray
    k: int
    activation: str = "identity"

    @property
    def bent(self):
        return self.activation != "identity"

    @property
    def free(self):
        """Which entries are not fixed at 0: the first expert's gate intercept, and its slopes where they are affine."""
        gate = np.ones((self.k, 1 + self.x_gate.shape[1]), dtype=bool)
        gate[0, 0] = False
        gate[0, 1:] = self.bent
        rest = np.ones(self.k * (2 + self.x_expert.shape[1]) + self.bent, dtype=bool)
        return np.concatenate([gate[:, 0], gate[:, 1:].ravel(), rest])

    def join(self, gate_intercept, gate_slopes, intercept, slopes, variance, temperature=1.0):
        """Vector of parameters, gate intercepts those of the logit."""
        gate_slopes = np.asarray(gate_slopes, dtype=float)
        if not self.bent:
            gate_slopes = gate_slopes - gate_slopes[0]
        shared = [np.log(temperature)] if self.bent else []
        gate_intercept = np.asarray(gate_intercept) - gate_intercept[0]
        return np.concatenate(
            [gate_intercept, gate_slopes.ravel(), intercept, np.ravel(slopes), np.log(variance), shared]
        )

    def split(self, theta):
        """Gate intercepts, gate slopes, intercepts, slopes, log variances and log temperature."""
        k, d, e = self.k, self.x_gate.shape[1], self.x_expert.shape[1]
        cuts = np.cumsum([k, k * d, k, k * e, k])
        b, g, a, c, log_variance, shared = np.split(theta, cuts)
        return b, g.reshape(k, d), a, c.reshape(k, e), log_variance, shared[0] if self.bent else 0.0

    def variance(self, theta):
        return np.exp(self.split(theta)[4])

    def _logits(self, theta):
        b, g, *_, log_temperature = self.split(theta)
        value, slope = ACTIVATIONS[self.activation](self.x_gate @ g.T)
        inverse = np.exp(-log_temperature)
        return value * inverse + b, slope * inverse, value * inverse

    def gate_proba(self, theta):
        logit, _, _ = self._logits(theta)
        return np.exp(logit - _log_sum(logit)[:, None])

    def value_and_gradient(self, theta):
        """Average over the rows, and its gradient."""
        _, _, a, c, log_variance, _ = self.split(theta)
        logit, slope, divided = self._logits(theta)
        inverse_sd = np.exp(-0.5 * log_variance)
        z = (self.y[:, None] - a - self.x_expert @ c.T) * inverse_sd
        joint = logit - 0.5 * z * z - 0.5 * log_variance
        top, bottom = _log_sum(joint), _log_sum(logit)
        r = np.exp(joint - top[:, None])
        d_logit = r - np.exp(logit - bottom[:, None])
        d_mean = r * z * inverse_sd
        parts = [
            d_logit.sum(axis=0), ((d_logit * slope).T @ self.x_gate).ravel(), d_mean.sum(axis=0),
            (d_mean.T @ self.x_expert).ravel(), 0.5 * (r * (z * z - 1.0)).sum(axis=0),
        ]  # fmt: skip
        if self.bent:
            parts.append([-np.sum(d_logit * divided)])
        return np.mean(top - bottom) - 0.5 * np.log(2.0 * np.pi), np.concatenate(parts) / len(self.y)


def _log_sum(rows):
    top = rows.max(axis=1)
    return top + np.log(np.exp(rows - top[:, None]).sum(axis=1))
