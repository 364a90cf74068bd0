"""Does another likelihood, with another optimiser, find the same? ``python -m trust.agreement [--problems N]``.

For every gate and family of experts: data from a random truth, a fit by gmoe, and SciPy's BFGS on the likelihoods of
:mod:`trust.likelihoods` with autograd's gradients, from the truth and from random starts. Compared are the
log-likelihood of gmoe's parameters under both formulas, and the best end of BFGS inside of the fit's parameter space.
"""

import argparse
import warnings
from dataclasses import dataclass

import autograd
import numpy as np
import scipy
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, ParameterSpace
from trust.likelihoods import EXPERTS, GATES, log_likelihood

POSITIVE = ("variance", "scale_squared", "temperature", "gate_scale")
N_ROWS, N_FEATURES = 300, 2
# Log-likelihoods that differ by less are the same: BFGS stops on a gradient of 1e-6.
SAME = 1e-5


@dataclass(frozen=True)
class Row:
    """One problem: both formulas at gmoe's parameters, and by how much BFGS ended higher."""

    identity: float
    gain: float
    status: str


def truth_of(gate: str, experts: str, k: int, rng) -> dict[str, np.ndarray]:
    """Random arrays of a model."""
    d = N_FEATURES
    p = {"intercept": rng.normal(0.0, 2.0, k), "coef": rng.normal(0.0, 1.5, (k, d))}
    if experts == "heteroscedastic":
        p |= {"log_variance_intercept": rng.normal(-1.5, 0.3, k), "log_variance_coef": rng.normal(0.0, 0.3, (k, d))}
    else:
        p["variance" if experts == "gaussian" else "scale_squared"] = rng.uniform(0.1, 0.5, k)
    if gate.startswith("tree"):
        return p | {"gate_node_intercept": rng.normal(0, 0.5, k - 1), "gate_node_coef": rng.normal(0, 2, (k - 1, d))}
    p["gate_intercept"] = rng.normal(0.0, 0.5, k)
    if gate == "laplace":
        return p | {"gate_location": rng.uniform(-1.0, 1.0, (k, d)), "gate_scale": np.array(rng.uniform(0.3, 1.0))}
    p["gate_coef"] = rng.normal(0.0, 2.0, (k, d))
    if gate == "quadratic":
        square = rng.normal(0.0, 1.0, (k, d, d))
        p["gate_quadratic"] = 0.5 * (square + square.transpose(0, 2, 1))
    if gate in ("dense_to_sparse", "activation"):
        p["temperature"] = np.array(0.3 if gate == "activation" else 1.0)
    if gate.startswith("groups"):
        p |= {"gate_group_intercept": rng.normal(0.0, 0.5, 2), "gate_group_coef": rng.normal(0.0, 2.0, (2, d))}
    return p


def draw(gate, experts, p, rng):
    """Draw data from a model."""
    x = rng.uniform(-1.0, 1.0, (N_ROWS, N_FEATURES))
    weight = np.exp(GATES[gate](p, x))
    chosen = (weight.cumsum(axis=1) > rng.random((N_ROWS, 1))).argmax(axis=1)
    mean = (p["intercept"] + x @ p["coef"].T)[np.arange(N_ROWS), chosen]
    if experts == "heteroscedastic":
        log_variance = (p["log_variance_intercept"] + x @ p["log_variance_coef"].T)[np.arange(N_ROWS), chosen]
        return x, mean + np.exp(0.5 * log_variance) * rng.normal(size=N_ROWS)
    if experts == "student":
        return x, mean + np.sqrt(p["scale_squared"][chosen]) * rng.standard_t(4.0, N_ROWS)
    return x, mean + np.sqrt(p["variance"][chosen]) * rng.normal(size=N_ROWS)


def pack(p):
    """Free numbers of arrays: logs of what is positive."""
    return np.concatenate([np.ravel(np.log(v) if name in POSITIVE else v) for name, v in p.items()])


def unpacking(p):
    """Return the inverse of :func:`pack`, for autograd."""
    import autograd.numpy as anp

    def unpack(theta):
        found, at = {}, 0
        for name, value in p.items():
            size = np.size(value)
            part = anp.reshape(theta[at : at + size], np.shape(value))
            found[name], at = (anp.exp(part) if name in POSITIVE else part), at + size
        return found

    return unpack


def is_inside(gate, experts, p, x, y, space) -> bool:
    """Whether every expert has its rows and no variance is at its bound; a heteroscedastic one is asked for rows."""
    weight = np.exp(GATES[gate](p, x))
    n_own = sum(np.size(p[name][0]) for name in p if not name.startswith("gate") and np.ndim(p[name]))
    least = space.min_rows(n_own, N_FEATURES, len(y), weight.shape[1])
    variance = p.get("variance", p.get("scale_squared"))
    wide = variance is None or variance.min() >= space.variance_ratio * variance.max()
    if experts == "heteroscedastic":
        slope = np.abs(p["log_variance_coef"] * x.std(axis=0)).sum(axis=1).max()
        wide = 4.0 * slope < -np.log(space.variance_ratio)
    return bool(wide and weight.sum(axis=0).min() >= least and np.isfinite(weight).all())


def solve(gate: str, experts: str, seed: int, n_starts: int) -> Row:
    """Fit one problem both ways."""
    rng = np.random.default_rng(seed)
    k = 3 if gate.startswith(("tree", "groups")) else 2
    truth = truth_of(gate, experts, k, rng)
    x, y = draw(gate, experts, truth, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = GaussianMoERegressor(k, gate, experts=experts, random_state=0).fit(x, y)
    arrays = {name: np.array(v) for name, v in fitted.model_.parameters.arrays.items() if name in truth}
    own = log_likelihood(gate, experts, arrays, x, y)
    unpack = unpacking(truth)

    def value(theta):
        return -log_likelihood(gate, experts, unpack(theta), x, y) / N_ROWS

    gradient, ends, space = autograd.grad(value), [], ParameterSpace()
    starts = [pack(truth), *(pack(truth_of(gate, experts, k, rng)) for _ in range(n_starts - 1))]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in starts:
            end = scipy.optimize.minimize(value, start, jac=gradient, method="BFGS", options={"gtol": 1e-6 / N_ROWS})
            if np.isfinite(end.fun) and is_inside(gate, experts, unpack(end.x), x, y, space):
                ends.append(-end.fun * N_ROWS)
    gain = max(ends, default=-np.inf) - fitted.log_likelihood_
    return Row(abs(own - fitted.log_likelihood_), gain, fitted.fit_result_.status)


def table(n_problems: int, n_starts: int, seed: int):
    """Yield a line of the table for each gate and family."""
    yield "| gate | experts | problems | largest difference of the formulas | same | gmoe higher | lower | statuses |"
    yield "|---|---|---|---|---|---|---|---|"
    for gate in GATES:
        for experts in EXPERTS:
            rows = [solve(gate, experts, seed + i, n_starts) for i in range(n_problems)]
            gains = np.array([row.gain for row in rows])
            counts = [np.sum(np.abs(gains) <= SAME), np.sum(gains < -SAME), np.sum(gains > SAME)]
            statuses = sorted({row.status for row in rows})
            identity = max(row.identity for row in rows)
            cells = [gate, experts, len(rows), f"{identity:.1e}", *counts, ", ".join(statuses)]
            yield f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problems", type=int, default=4, help="for each gate and family (default: 4, 108 in all)")
    parser.add_argument("--starts", type=int, default=8, help="of BFGS (default: 8)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for line in table(given.problems, given.starts, given.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
