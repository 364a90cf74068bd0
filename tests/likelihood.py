"""The likelihood written out plainly in NumPy: an oracle that shares no line with the package; and common set-up.

Parameters are a table (k, 1 + d_gate + 1 + d_expert + 1): gate intercept, gate slopes, intercept, slopes, variance.
"""

import csv
from pathlib import Path

import numpy as np

from gmoe import SoftmaxGate
from gmoe.solvers.fit import fit

# Arguments of make_gmoe for experts that overlap, so that gates do not separate.
REGULAR = {"noise": 1.0, "gate_scale": 1.0, "expert_scale": 2.0}
DATA = Path(__file__).parent / "data"


def read(name, feature, target):
    """Columns of a table in tests/data as X (n, 1) and y (n,)."""
    with open(DATA / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[feature])] for row in rows]), np.array([float(row[target]) for row in rows])


def fit_arrays(X, y, n_experts, weight=None, **options):
    """Fit without the estimator's warnings, for tests whose matter is the certificate."""
    columns = np.arange(X.shape[1])
    options = {"gate": SoftmaxGate(), "gate_columns": columns, "expert_columns": columns, **options}
    return fit(X, y, weight, n_experts=n_experts, **options)


def table(fitted):
    """Parameter table of a fitted estimator."""
    gate = np.column_stack([fitted.gate_intercept_, fitted.gate_coef_])
    return np.column_stack([gate, fitted.intercept_, fitted.coef_, fitted.variance_])


def log_sum_exp(rows):
    top = rows.real.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(rows - top).sum(axis=1))


def parts(parameters, X_gate, X_expert, y):
    """Gate logits, logs of gate times expert density, residuals, each (n, k); complex parameters are allowed."""
    gate, expert = parameters[:, : 1 + X_gate.shape[1]], parameters[:, 1 + X_gate.shape[1] : -1]
    variance = parameters[:, -1]
    logit = gate[:, 0] + X_gate @ gate[:, 1:].T
    residual = y[:, None] - expert[:, 0] - X_expert @ expert[:, 1:].T
    joint = logit - 0.5 * residual**2 / variance - 0.5 * np.log(2.0 * np.pi * variance)
    return logit, joint, residual


def log_density(parameters, X_gate, X_expert, y):
    logit, joint, _ = parts(parameters, X_gate, X_expert, y)
    return log_sum_exp(joint) - log_sum_exp(logit)


def value_and_gradient(parameters, X_gate, X_expert, y, weight=None):
    """Log-likelihood and its gradient in the table's entries, the last column in the log of the variance."""
    weight = np.ones(len(y)) if weight is None else weight
    logit, joint, residual = parts(parameters, X_gate, X_expert, y)
    top, bottom = log_sum_exp(joint), log_sum_exp(logit)
    posterior, prior = np.exp(joint - top[:, None]), np.exp(logit - bottom[:, None])
    ones, variance = np.ones((len(y), 1)), parameters[:, -1]
    gate = (weight[:, None] * (posterior - prior)).T @ np.hstack([ones, X_gate])
    expert = (weight[:, None] * posterior * residual / variance).T @ np.hstack([ones, X_expert])
    log_variance = 0.5 * weight @ (posterior * (residual**2 / variance - 1.0))
    return weight @ (top - bottom), np.column_stack([gate, expert, log_variance])


def complex_step_gradient(function, x):
    """Gradient without cancellation of a function that accepts complex input."""
    step = 1e-150
    return np.array([function(x + 1j * step * row).imag / step for row in np.eye(len(x))])


def hessian(function, x, step=1e-3):
    """Second derivatives: central differences of complex-step gradients, with two Richardson extrapolations.

    ``x`` is expected in units of standard errors; the error is then about 1e-3**6 + 1e-16/1e-3.
    """

    def central(h):
        rows = np.eye(len(x)) * h
        return np.array(
            [(complex_step_gradient(function, x + r) - complex_step_gradient(function, x - r)) / (2 * h) for r in rows]
        )

    coarse, middle, fine = central(4 * step), central(2 * step), central(step)
    better, best = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
    result = (16 * best - better) / 15
    return 0.5 * (result + result.T)
