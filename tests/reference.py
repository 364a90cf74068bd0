"""Slow, obvious references for the kernels, straight from the formulas and without any code of gmoe.

The derivatives here take another road than the kernels: experts are differentiated in their variance (kernels: in the
log of the standard deviation), and the Hessian is that of log A - log B with A = sum_j exp(logit_j) N_j and
B = sum_j exp(logit_j) (kernels: Louis' identity in standardised residuals).

A parameter vector has one row per expert: (gate intercept, gate_coef, intercept, coef, eta), with
variance = min_variance + exp(eta).  Where responses and features are scaled, they are the scaled ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Value, first and second derivative of h, where logit = intercept + h(score).
IDENTITY = (lambda s: s, np.ones_like, np.zeros_like)
TANH = (np.tanh, lambda s: 1 - np.tanh(s) ** 2, lambda s: -2 * np.tanh(s) * (1 - np.tanh(s) ** 2))


@dataclass(frozen=True)
class Problem:
    """Data of shapes (n, d_gate), (n, d_expert), (n,), (n,), the bound of the variances, and the gate's function."""

    x_gate: np.ndarray
    x_expert: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    min_variance: float = 0.0
    link: tuple[Callable, Callable, Callable] = IDENTITY

    def unpack(self, theta):
        """Gate intercepts, gate_coef, intercepts, coef, variances, and exp(eta)."""
        d, e = self.x_gate.shape[1], self.x_expert.shape[1]
        rows = np.reshape(theta, (-1, d + e + 3))
        above = np.exp(rows[:, -1])
        return rows[:, 0], rows[:, 1 : d + 1], rows[:, d + 1], rows[:, d + 2 : -1], self.min_variance + above, above


def softmax(rows):
    """Softmax over the last axis."""
    e = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logits(problem, theta):
    """Shape (n, k)."""
    intercept, coef, *_ = problem.unpack(theta)
    return intercept + problem.link[0](problem.x_gate @ coef.T)


def residuals(problem, theta):
    """Shape (n, k)."""
    _, _, intercept, coef, *_ = problem.unpack(theta)
    return problem.y[:, None] - intercept - problem.x_expert @ coef.T


def joint(problem, theta):
    """logit_j + log N_j, shape (n, k)."""
    variance = problem.unpack(theta)[4]
    log_normal = -0.5 * np.log(2 * np.pi * variance) - residuals(problem, theta) ** 2 / (2 * variance)
    return logits(problem, theta) + log_normal


def gate_proba(problem, theta):
    """Shape (n, k)."""
    return softmax(logits(problem, theta))


def responsibilities(problem, theta):
    """Shape (n, k)."""
    return softmax(joint(problem, theta))


def log_likelihood(problem, theta):
    """Average over the weights."""
    a, b = joint(problem, theta), logits(problem, theta)
    each = np.logaddexp.reduce(a, axis=1) - np.logaddexp.reduce(b, axis=1)
    return np.sum(problem.weight * each) / np.sum(problem.weight)


def derivatives(problem, theta):
    """First (n, k, P) and second (n, k, P, P) derivatives of logit_j and of log N_j, as two pairs."""
    _, gate_coef, _, _, variance, above = problem.unpack(theta)
    n, k = len(problem.y), len(variance)
    g, e = problem.x_gate.shape[1] + 1, problem.x_expert.shape[1] + 1
    width = g + e + 1
    d_logit, d_normal = np.zeros((n, k, k * width)), np.zeros((n, k, k * width))
    dd_logit, dd_normal = np.zeros((n, k, k * width, k * width)), np.zeros((n, k, k * width, k * width))
    z_expert = np.column_stack([np.ones(n), problem.x_expert])
    outer_gate = np.einsum("ia,ib->iab", problem.x_gate, problem.x_gate)
    outer_expert = np.einsum("ia,ib->iab", z_expert, z_expert)
    residual, score = residuals(problem, theta), problem.x_gate @ gate_coef.T
    for j in range(k):
        gate = slice(j * width, j * width + g)
        slopes = slice(gate.start + 1, gate.stop)
        expert = slice(gate.stop, gate.stop + e)
        eta = expert.stop
        first, second = problem.link[1](score[:, j]), problem.link[2](score[:, j])
        d_logit[:, j, gate.start] = 1.0
        d_logit[:, j, slopes] = first[:, None] * problem.x_gate
        dd_logit[:, j, slopes, slopes] = second[:, None, None] * outer_gate
        r, v, dv = residual[:, j], variance[j], above[j]  # dv: derivative of the variance in eta, and its own
        d_normal[:, j, expert] = (r / v)[:, None] * z_expert
        d_normal[:, j, eta] = dv * (r**2 / (2 * v**2) - 1 / (2 * v))
        dd_normal[:, j, expert, expert] = -outer_expert / v
        dd_normal[:, j, expert, eta] = dd_normal[:, j, eta, expert] = -dv * (r / v**2)[:, None] * z_expert
        dd_normal[:, j, eta, eta] = d_normal[:, j, eta] + dv**2 * (1 / (2 * v**2) - r**2 / v**3)
    return (d_logit, dd_logit), (d_normal, dd_normal)


def score(problem, theta):
    """Gradient of the average log-likelihood, (P,)."""
    (d_logit, _), (d_normal, _) = derivatives(problem, theta)
    w = problem.weight / problem.weight.sum()
    p, r = gate_proba(problem, theta), responsibilities(problem, theta)
    return np.einsum("i,ij,ija->a", w, r, d_logit + d_normal) - np.einsum("i,ij,ija->a", w, p, d_logit)


def hessian(problem, theta):
    """Hessian of the average log-likelihood, (P, P)."""
    (d_logit, dd_logit), (d_normal, dd_normal) = derivatives(problem, theta)
    w = problem.weight / problem.weight.sum()
    p, r = gate_proba(problem, theta), responsibilities(problem, theta)
    return _log_sum_hessian(w, r, d_logit + d_normal, dd_logit + dd_normal) - _log_sum_hessian(w, p, d_logit, dd_logit)


def _log_sum_hessian(w, share, first, second):
    """Hessian of sum_i w_i log sum_j exp(a_ij), whose terms have these shares and derivatives."""
    mean = np.einsum("ij,ija->ia", share, first)
    square = np.einsum("i,ij,ija,ijb->ab", w, share, first, first, optimize=True)
    return square - (mean * w[:, None]).T @ mean + np.einsum("i,ij,ijab->ab", w, share, second, optimize=True)


def hessian_product(problem, theta, vectors):
    """Hessian times each row of ``vectors``, (m, P)."""
    return vectors @ hessian(problem, theta)


def complete_blocks(problem, theta):
    """Sums (not averages) that EM inverts: sum w r x x', sum w p Phi Phi', sum w q q' with q = (p_1 Phi_1, ...).

    Shapes (k, q_expert, q_expert), (k, q_gate, q_gate), (k q_gate, k q_gate); Phi_j is the derivative of logit_j in
    expert j's own gate parameters.
    """
    p, r, w = gate_proba(problem, theta), responsibilities(problem, theta), problem.weight
    slope = problem.link[1](problem.x_gate @ problem.unpack(theta)[1].T)
    ones = np.ones((len(w), 1))
    x = np.hstack([ones, problem.x_expert])
    phi = [np.hstack([ones, slope[:, [j]] * problem.x_gate]) for j in range(p.shape[1])]
    expert = [(x * (w * r[:, j])[:, None]).T @ x for j in range(p.shape[1])]
    gate = [(phi[j] * (w * p[:, j])[:, None]).T @ phi[j] for j in range(p.shape[1])]
    q = np.hstack([p[:, [j]] * phi[j] for j in range(p.shape[1])])
    return np.array(expert), np.array(gate), (q * w[:, None]).T @ q
