"""An independent climb to a maximum: SciPy's L-BFGS, polished by Newton steps."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from benchmarks.answers._likelihood import Likelihood

# Log-variances of standardised responses: what falls below is a spike on its way down.
LOWEST = -40.0
GRADIENT = 1e-8
NEWTON_STEPS = 40


@dataclass(frozen=True)
class End:
    """Where a climb ended: parameters, average log-likelihood, largest entry of the gradient."""

    theta: np.ndarray
    value: float
    gradient: float


def climb(likelihood: Likelihood, theta, max_iter=2000, polished=True):
    """End of the climb from ``theta``."""
    free = likelihood.free

    def full(part):
        whole = np.zeros(len(free))
        whole[free] = part
        return whole

    def function(part):
        value, gradient = likelihood.value_and_gradient(full(part))
        return value, gradient[free]

    def negative(part):
        with np.errstate(all="ignore"):
            value, gradient = function(part)
        # Far out in a line search: worse than anything.
        return (-value, -gradient) if np.isfinite(value) and np.all(np.isfinite(gradient)) else (1e10, 0.0 * gradient)

    bounds = np.full((len(free), 2), [-np.inf, np.inf])
    start = len(free) - likelihood.bent - likelihood.k
    bounds[start : start + likelihood.k, 0] = LOWEST
    found = minimize(
        negative, theta[free], jac=True, method="L-BFGS-B", bounds=bounds[free],
        options={"maxiter": max_iter, "maxfun": 2 * max_iter, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-10},
    )  # fmt: skip
    part, value, gradient = found.x, -found.fun, -found.jac
    if polished:
        part, value, gradient = _newton(function, part, *function(part))
    return End(full(part), float(value), float(np.abs(gradient).max()))


def polish(likelihood, end):
    """The same end, polished."""
    return climb(likelihood, end.theta)


def _newton(function, x, value, gradient):
    """Newton steps by differences of gradients, on the sizes of the eigenvalues, until none of them rises."""
    for _ in range(NEWTON_STEPS):
        if np.abs(gradient).max() < 0.01 * GRADIENT:
            break
        sizes, vectors = np.linalg.eigh(_hessian(function, x))
        sizes = np.abs(sizes)
        step = vectors @ (vectors.T @ gradient / np.maximum(sizes, 1e-10 * sizes.max()))
        step /= max(1.0, np.linalg.norm(step))
        for _ in range(30):
            with np.errstate(all="ignore"):
                new_value, new_gradient = function(x + step)
            # Near the end values agree in all digits, and the gradient tells.
            if new_value > value or (new_value > value - 1e-14 and np.abs(new_gradient).max() < np.abs(gradient).max()):
                break
            step *= 0.5
        else:
            break
        x, value, gradient = x + step, new_value, new_gradient
    return x, value, gradient


def _hessian(function, x):
    steps = 1e-5 * np.maximum(1.0, np.abs(x))
    rows = [
        (function(x + h * row)[1] - function(x - h * row)[1]) / (2.0 * h)
        for h, row in zip(steps, np.eye(len(x)), strict=True)
    ]
    return 0.5 * (np.array(rows) + np.transpose(rows))
