"""Slow, obvious references for the kernels, straight from the formulas and without any code of gmoe.

The derivatives here take another road than the kernels: experts are differentiated in their variance (kernels: in the
log of the standard deviation), and the Hessian is that of log A - log B with A = sum_j exp(logit_j) N_j and
B = sum_j exp(logit_j) (kernels: Louis' identity in standardised residuals).

A parameter vector has one row per expert: (gate intercept, gate_coef, intercept, coef, eta), with
log variance, and, where the gate estimates a temperature, its logarithm at the end.  Where
responses and features are scaled, they are the scaled ones.  An intercept outside the activation is that of the logit:
in the units of the model, gate_intercept / temperature.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Pipeline:
    """A gate: value and two derivatives of the activation, and what is around it (temperature None: estimated)."""

    link: tuple[Callable, Callable, Callable] = (lambda s: s, np.ones_like, np.zeros_like)
    inside: bool = False
    temperature: float | None = 1.0
    n_active: int | None = None
    select_on: str = "score"
    threshold: float | None = None
    # Of one row of logits, which experts are active.
    rule: Callable | None = None

    def logits(self, x, intercept, coef, temperature):
        """Logits (n, k) of parameters in the units of the model: -inf where not selected."""
        score = x @ coef.T
        logit = (self.link[0](score + intercept) if self.inside else self.link[0](score) + intercept) / temperature
        if self.rule is not None:
            return np.where([self.rule(row) for row in logit], logit, -np.inf)
        if self.threshold is not None:
            p = softmax(logit)
            likeliest = np.arange(p.shape[1]) == p.argmax(axis=1)[:, None]
            return np.where((p >= self.threshold) | likeliest, logit, -np.inf)
        if self.n_active is None:
            return logit
        # A stable sort: of equal keys the lower index comes first.
        order = np.argsort(-(score if self.select_on == "score" else logit), axis=1, kind="stable")
        masked = np.full(logit.shape, -np.inf)
        active = order[:, : self.n_active]
        np.put_along_axis(masked, active, np.take_along_axis(logit, active, axis=1), axis=1)
        return masked


def top_p(row, p):
    """The likeliest experts, one after the other, until they have p."""
    share, active, total = softmax(row[None])[0], np.zeros(len(row), bool), 0.0
    for j in np.argsort(-row, kind="stable"):
        if total < p:
            active[j] = True
        total += share[j]
    return active


def expert_choice(row):
    """Who wants the row, or else the best."""
    return row >= min(0.0, row.max())


@dataclass(frozen=True)
class Problem:
    """Data of shapes (n, d_gate), (n, d_expert), (n,), (n,), the bound of the variances, and the gate."""

    x_gate: np.ndarray
    x_expert: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    gate: Pipeline = field(default_factory=Pipeline)

    @property
    def n_shared(self):
        """Number of parameters after the rows."""
        return int(self.gate.temperature is None)

    def unpack(self, theta):
        """Gate intercepts, gate_coef, intercepts, coef, variances, and exp(eta)."""
        d, e = self.x_gate.shape[1], self.x_expert.shape[1]
        rows = np.reshape(theta[: len(theta) - self.n_shared], (-1, d + e + 3))
        above = np.exp(rows[:, -1])
        return rows[:, 0], rows[:, 1 : d + 1], rows[:, d + 1], rows[:, d + 2 : -1], above, above

    def temperature(self, theta):
        """The fixed or the estimated one."""
        return np.exp(theta[-1]) if self.gate.temperature is None else self.gate.temperature

    def argument(self, theta):
        """What the activation is applied to, (n, k)."""
        intercept, coef, *_ = self.unpack(theta)
        return self.x_gate @ coef.T + intercept * self.gate.inside


def softmax(rows):
    """Softmax over the last axis."""
    e = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logits(problem, theta):
    """Shape (n, k)."""
    intercept, coef, *_ = problem.unpack(theta)
    temperature = problem.temperature(theta)
    return problem.gate.logits(
        problem.x_gate, intercept * (1.0 if problem.gate.inside else temperature), coef, temperature
    )


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
    n, k = residuals(problem, theta).shape
    logit = np.zeros((n, k, theta.size)), np.zeros((n, k, theta.size, theta.size))
    normal = np.zeros((n, k, theta.size)), np.zeros((n, k, theta.size, theta.size))
    for j in range(k):
        _differentiate_logit(problem, theta, j, *logit)
        _differentiate_normal(problem, theta, j, *normal)
    return logit, normal


def _columns(problem, theta, j):
    """Where the gate's parameters, the mean's, and eta of expert j are."""
    g, e = problem.x_gate.shape[1] + 1, problem.x_expert.shape[1] + 1
    start = j * (g + e + 1)
    return slice(start, start + g), slice(start + g, start + g + e), start + g + e


def _differentiate_logit(problem, theta, j, d, dd):
    gate, _, _ = _columns(problem, theta, j)
    inside, temperature = problem.gate.inside, problem.temperature(theta)
    value, first, second = (f(problem.argument(theta)[:, j]) / temperature for f in problem.gate.link)
    x = np.column_stack([np.full(len(problem.y), float(inside)), problem.x_gate])  # derivative of the argument
    d[:, j, gate] = first[:, None] * x
    d[:, j, gate.start] += 1.0 - inside
    dd[:, j, gate, gate] = second[:, None, None] * np.einsum("ia,ib->iab", x, x)
    if problem.n_shared:
        # Of exp(-t) act(argument).
        d[:, j, -1], dd[:, j, -1, -1] = -value, value
        dd[:, j, gate, -1] = dd[:, j, -1, gate] = -first[:, None] * x


def _differentiate_normal(problem, theta, j, d, dd):
    _, expert, eta = _columns(problem, theta, j)
    *_, variance, above = problem.unpack(theta)
    r, v, dv = residuals(problem, theta)[:, j], variance[j], above[j]  # dv: first and second derivative in eta
    z = np.column_stack([np.ones(len(r)), problem.x_expert])
    d[:, j, expert] = (r / v)[:, None] * z
    d[:, j, eta] = dv * (r**2 / (2 * v**2) - 1 / (2 * v))
    dd[:, j, expert, expert] = -np.einsum("ia,ib->iab", z, z) / v
    dd[:, j, expert, eta] = dd[:, j, eta, expert] = -dv * (r / v**2)[:, None] * z
    dd[:, j, eta, eta] = d[:, j, eta] + dv**2 * (1 / (2 * v**2) - r**2 / v**3)


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
    (d_logit, _), _ = derivatives(problem, theta)
    x = np.column_stack([np.ones(len(w)), problem.x_expert])
    phi = [d_logit[:, j, _columns(problem, theta, j)[0]] for j in range(p.shape[1])]
    expert = [(x * (w * r[:, j])[:, None]).T @ x for j in range(p.shape[1])]
    gate = [(phi[j] * (w * p[:, j])[:, None]).T @ phi[j] for j in range(p.shape[1])]
    q = np.hstack([p[:, [j]] * phi[j] for j in range(p.shape[1])])
    return np.array(expert), np.array(gate), (q * w[:, None]).T @ q


def gate_information(problem, theta):
    """Average complete-data information of the gate: rows, then the log of an estimated temperature."""
    p, w = gate_proba(problem, theta), problem.weight / problem.weight.sum()
    (d, _), _ = derivatives(problem, theta)
    mean = np.einsum("ij,ija->ia", p, d)
    variance = np.einsum("i,ij,ija,ijb->ab", w, p, d, d, optimize=True) - (mean * w[:, None]).T @ mean
    rows = [np.arange(c.start, c.stop) for c in (_columns(problem, theta, j)[0] for j in range(p.shape[1]))]
    index = np.concatenate([*rows, np.arange(theta.size - problem.n_shared, theta.size)])
    return variance[np.ix_(index, index)]
