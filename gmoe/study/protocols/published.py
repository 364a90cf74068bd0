"""EM as the papers' code runs it, quirks included, so that it can stand beside maximum likelihood on the same data.

Softmax paper (NeurIPS 2023): the last fitted expert starts on the last true one; one noise for a whole coefficient
vector; variances start at the true standard deviations; the gate is fitted to the end in every M-step by
Newton's method without a ridge; the stop is a relative change of 1e-6 of the log-likelihood, which is that of the
E-step: of the parameters before the M-step, by which tries are compared too.

Top-K paper (ICLR 2024): independent noise; the gate's M-step is coordinate descent on a quadratic bound with curvature
1/4 and a halving line search; E-steps between means and variances; the stop is an absolute change of the average
log-likelihood of 1e-6.  With one active expert its gate has no slope and stays where it starts, as there.
"""

from dataclasses import dataclass

import numpy as np

from gmoe.kernels.gaussian import LOG_2_PI
from gmoe.parameters import Parameters
from gmoe.study.protocols.near_truth import Noise, perturb, random_surjection


@dataclass(frozen=True, eq=False)
class End:
    """Where an iteration stopped."""

    parameters: Parameters
    log_likelihood: float
    n_iter: int


def softmax_start(truth: Parameters, n_experts: int, n: int, rng: np.random.Generator) -> Parameters:
    """Start of the softmax paper's code ("nearTrue")."""
    which = random_surjection(truth.n_experts, n_experts, rng, last=truth.n_experts - 1)
    scale = n**-0.083
    gate, mean = rng.normal(0.0, 0.005 * scale, n_experts), rng.normal(0.0, 0.05 * scale, n_experts)
    gate[-1] = 0.0  # the reference of the gate
    start = truth.reorder(which)
    return Parameters(
        gate_intercept=start.gate_intercept + gate,
        gate_coef=start.gate_coef + gate[:, None],
        intercept=start.intercept + mean,
        coef=start.coef + mean[:, None],
        variance=np.sqrt(start.variance) + np.abs(rng.normal(0.0, 0.005 * n**-0.25, n_experts)),
    )


def topk_start(truth: Parameters, n_experts: int, n: int, rng: np.random.Generator) -> Parameters:
    """Start of the top-K paper's code."""
    return perturb(truth.reorder(random_surjection(truth.n_experts, n_experts, rng)), n, rng, Noise())


def softmax_em(X, y, start: Parameters, tol: float, max_iter: int) -> End:
    """EM of the softmax paper's code; a dense gate without temperature."""
    design = _design(X)
    gate, expert, variance = start.gate, start.expert, start.variance
    value, n_iter = np.nan, 0
    while n_iter < max_iter:
        n_iter += 1
        before, (value, r) = value, _expectation(design, y, gate, expert, variance, len(gate))
        gate = _gate_newton(design, r, gate)
        expert, variance = _regressions(design, y, r)
        if abs(value - before) <= tol * abs(before):
            break
    return _end(gate, expert, variance, value, n_iter)


def topk_em(X, y, start: Parameters, n_active: int, tol: float, max_iter: int) -> End:
    """EM of the top-K paper's code."""
    design = _design(X)
    gate, expert, variance = start.gate, start.expert, start.variance
    value, r = _expectation(design, y, gate, expert, variance, n_active)
    n_iter = 0
    while n_iter < max_iter:
        n_iter += 1
        expert, _ = _regressions(design, y, r)
        gate = _gate_bound(design, r, gate, n_active)
        _, r = _expectation(design, y, gate, expert, variance, n_active)
        variance = _variances(design, y, r, expert)
        before, (value, r) = value, _expectation(design, y, gate, expert, variance, n_active)
        if abs(value - before) < tol * len(y):
            break
    return _end(gate, expert, variance, value, n_iter)


def _design(X):
    """Columns of the design as rows, (q, n): arrays with the observations last are the faster ones."""
    return np.vstack([np.ones(len(X)), X.T])


def _normalised(log_terms):
    """Logarithm of the sum over the experts (n,), and the shares (k, n)."""
    # SciPy's logsumexp took two thirds of the time of an iteration.
    peak = log_terms.max(axis=0)
    shares = np.exp(log_terms - peak)
    total = shares.sum(axis=0)
    return peak + np.log(total), shares / total


def _logits(design, gate, n_active):
    """Logits (k, n), minus infinity for the experts that are not among the largest."""
    logit = gate @ design
    if n_active < len(gate):
        bar = np.partition(logit, -n_active, axis=0)[-n_active]
        logit = np.where(logit >= bar, logit, -np.inf)
    return logit


def _expectation(design, y, gate, expert, variance, n_active):
    """Log-likelihood and responsibilities (k, n)."""
    logit = _logits(design, gate, n_active)
    residual = y - expert @ design
    joint = logit - 0.5 * (residual**2 / variance[:, None] + (np.log(variance) + LOG_2_PI)[:, None])
    total, r = _normalised(joint)
    return float((total - _normalised(logit)[0]).sum()), r


def _regressions(design, y, r):
    """Weighted least squares and the variances of its residuals, by expert."""
    expert = np.array([np.linalg.lstsq((design * w) @ design.T, (design * w) @ y)[0] for w in r])
    return expert, _variances(design, y, r, expert)


def _variances(design, y, r, expert):
    residual = y - expert @ design
    return np.maximum((r * residual**2).sum(axis=1) / np.maximum(r.sum(axis=1), 1e-300), 1e-300)


def _complete(design, r, gate, n_active):
    """Complete-data log-likelihood of the gate and its probabilities."""
    logit = _logits(design, gate, n_active)
    total, p = _normalised(logit)
    return float(np.sum(r * np.where(r > 0.0, logit - total, 0.0))), p


def _gate_newton(design, r, gate, max_iter=300):
    """Newton's method on the complete-data log-likelihood; the last expert's row is the reference."""
    k, q = gate.shape
    value, p = _complete(design, r, gate, k)
    free = (k - 1) * q
    for _ in range(max_iter if free else 0):
        gradient = ((r - p) @ design.T)[:-1].ravel()
        information = np.zeros((k - 1, q, k - 1, q))
        for i in range(k - 1):
            for j in range(i + 1):
                block = (design * (p[i] * ((i == j) - p[j]))) @ design.T
                information[i, :, j] = information[j, :, i] = block
        step = np.linalg.lstsq(information.reshape(free, free), gradient)[0].reshape(k - 1, q)
        before, size = value, 1.0
        while size > 1e-6:
            trial = gate.copy()
            trial[:-1] += size * step
            value, p = _complete(design, r, trial, k)
            if value >= before:
                gate = trial
                break
            size *= 0.5
        else:
            break
        if value - before <= max(1e-7 * abs(before), 1e-6):
            break
    return gate


def _gate_bound(design, r, gate, n_active, max_sweeps=1000):
    """Coordinate descent on the bound with curvature 1/4, then a halving line search; until the gain is below 1e-5."""
    gram = 0.25 * design @ design.T
    value, p = _complete(design, r, gate, n_active)
    for _ in range(max_sweeps):
        direction = _coordinate_descent(gram, (r - p) @ design.T)
        size = 1.0
        while size > 1e-6:
            trial_value, trial_p = _complete(design, r, gate + size * direction, n_active)
            if trial_value > value:
                break
            size *= 0.5
        else:
            break
        gain, gate, value, p = trial_value - value, gate + size * direction, trial_value, trial_p
        if gain < 1e-5:
            break
    return gate


def _coordinate_descent(gram, gradient, max_sweeps=1000):
    """Maximiser of ``gradient . d - d' gram d / 2`` by expert, one coordinate after the other."""
    direction = np.zeros_like(gradient)
    for _ in range(max_sweeps):
        largest = 0.0
        for j in range(gram.shape[0]):
            change = (gradient[:, j] - direction @ gram[:, j]) / gram[j, j]
            direction[:, j] += change
            largest = max(largest, np.abs(change).max())
        if largest < 1e-6:
            break
    return direction


def _end(gate, expert, variance, value, n_iter):
    parameters = Parameters(gate[:, 0], gate[:, 1:], expert[:, 0], expert[:, 1:], variance)
    return End(parameters, value, n_iter)
