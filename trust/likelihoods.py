"""Likelihoods of every gate and family of experts from their formulas alone, for autograd: nothing of gmoe is used.

A model is a dictionary of arrays as :class:`gmoe.Parameters` names them; formulas are those of docs/gates.md and
docs/experts.md.
"""

from collections.abc import Callable

import autograd.numpy as np
from autograd.scipy.special import gammaln, logsumexp

LOG_2PI = np.log(2.0 * np.pi)


def log_sigmoid(z):
    """Logarithm of 1 / (1 + exp(-z))."""
    return -np.logaddexp(0.0, -z)


def score(p, x):
    """Affine scores, (n, k)."""
    return p["gate_intercept"] + np.dot(x, p["gate_coef"].T)


def softmax(logits):
    """Log-weights of logits."""
    return logits - logsumexp(logits, axis=1, keepdims=True)


def softmax_gate(p, x):
    """Softmax of affine scores."""
    return softmax(score(p, x))


def dense_to_sparse(p, x):
    """The same over a temperature."""
    return softmax(score(p, x) / p["temperature"])


def sigmoid_gate(p, x):
    """Sigmoid of the slopes' scores, intercept outside, over a temperature."""
    bent = np.exp(log_sigmoid(np.dot(x, p["gate_coef"].T)))
    return softmax((bent + p["gate_intercept"]) / p["temperature"])


def normalised_sigmoid(p, x):
    """Sigmoids over their sum."""
    return softmax(log_sigmoid(score(p, x)))


def cosine(p, x):
    """Scores of directions."""
    unit = x / np.sqrt(np.sum(x**2, axis=1, keepdims=True))
    return softmax(score(p, unit))


def quadratic(p, x):
    """Scores with squares and products."""
    return softmax(score(p, x) + np.einsum("na,jab,nb->nj", x, p["gate_quadratic"], x))


def laplace(p, x):
    """Distances from locations, with the corner rounded."""
    squares = np.sum((x[:, None, :] - p["gate_location"]) ** 2, axis=2)
    return softmax(p["gate_intercept"] - np.sqrt(squares + (0.01 * p["gate_scale"]) ** 2) / p["gate_scale"])


def tree(p, x):
    """Tree (0+1)+2: node 0 sends to expert 2 or on to node 1."""
    s = p["gate_node_intercept"] + np.dot(x, p["gate_node_coef"].T)
    stays = log_sigmoid(-s[:, 0])
    return np.stack([stays + log_sigmoid(-s[:, 1]), stays + log_sigmoid(s[:, 1]), log_sigmoid(s[:, 0])], axis=1)


def groups(p, x):
    """Groups 2+1: a softmax over the two groups, and one over the experts of the first."""
    of_group = softmax(p["gate_group_intercept"] + np.dot(x, p["gate_group_coef"].T))
    within = softmax(score(p, x)[:, :2])
    return np.concatenate([of_group[:, :1] + within, of_group[:, 1:]], axis=1)


def gaussian(p, x, y):
    """Regressions with normal errors."""
    z2 = (y[:, None] - p["intercept"] - np.dot(x, p["coef"].T)) ** 2 / p["variance"]
    return -0.5 * (LOG_2PI + np.log(p["variance"]) + z2)


def student(p, x, y, df=4.0):
    """Regressions with errors of Student's t."""
    z2 = (y[:, None] - p["intercept"] - np.dot(x, p["coef"].T)) ** 2 / p["scale_squared"]
    constant = gammaln(0.5 * (df + 1.0)) - gammaln(0.5 * df) - 0.5 * np.log(df * np.pi)
    return constant - 0.5 * np.log(p["scale_squared"]) - 0.5 * (df + 1.0) * np.log1p(z2 / df)


def heteroscedastic(p, x, y):
    """Regressions with log-linear variances."""
    log_variance = p["log_variance_intercept"] + np.dot(x, p["log_variance_coef"].T)
    z2 = (y[:, None] - p["intercept"] - np.dot(x, p["coef"].T)) ** 2 * np.exp(-log_variance)
    return -0.5 * (LOG_2PI + log_variance + z2)


GATES: dict[str, Callable] = {
    "softmax": softmax_gate, "dense_to_sparse": dense_to_sparse, "activation": sigmoid_gate,
    "normalised_sigmoid": normalised_sigmoid, "cosine": cosine, "quadratic": quadratic, "laplace": laplace,
    "tree:tree=(0+1)+2": tree, "groups:sizes=2+1": groups,
}  # fmt: skip
EXPERTS: dict[str, Callable] = {"gaussian": gaussian, "student": student, "heteroscedastic": heteroscedastic}


def log_likelihood(gate: str, experts: str, p, x, y) -> float:
    """Sum of the log-densities."""
    return np.sum(logsumexp(GATES[gate](p, x) + EXPERTS[experts](p, x, y), axis=1))
