"""Gates that bend: the default fit is as high as the best of 50 independent climbs.

Two experts, two features, n = 500, gates tanh and sigmoid with an estimated temperature, the model that generated the
data. The climbs are L-BFGS on a likelihood of its own, from random steepness, temperature and regressions; their ends
count where parameters are finite and within the set over which the fit maximises.
"""

import numpy as np

from benchmarks.answers._climb import GRADIENT, climb, polish
from benchmarks.answers._fits import SAME, default_fit, statuses, within
from benchmarks.answers._likelihood import Likelihood
from benchmarks.answers._run import close, measured, table
from gmoe import ActivationGate, GMoE, Parameters

COUNT = 25
N = 500
STARTS = 50
GATES = ("tanh", "sigmoid")
LEAST_SHARE = 0.96  # 48 of 50
LOWEST_TEMPERATURE = np.exp(-12.0)
LARGEST = 1e3  # of a parameter: beyond it a gate is on its way to a limit


def problem(name, number):
    """Data of one truth: slopes of the scores 5 to 8 long, temperature 1/4."""
    rng = np.random.default_rng([20270103, GATES.index(name), number])
    slopes = rng.normal(size=(2, 2))
    slopes *= rng.uniform(5, 8, 2)[:, None] / np.linalg.norm(slopes, axis=1)[:, None]
    gate_intercept = [0.0, rng.normal(0, 0.15)]
    experts = rng.normal(0, 2, 2), rng.normal(0, 2, (2, 2)), rng.uniform(0.1, 0.6, 2)
    X = rng.uniform(-1, 1, (N, 2))
    y, _ = GMoE(Parameters(gate_intercept, slopes, *experts, 0.25), ActivationGate(name)).sample(X, rng)
    return X, y


def independent(name, X, y, number):
    """Log-likelihood of the highest end that counts, and how many climbs met it; -inf and 0 without one."""
    rng = np.random.default_rng([20270104, GATES.index(name), number])
    likelihood = Likelihood(X, X, y, 2, name)
    ends = [climb(likelihood, _start(likelihood, rng), 1000, polished=False) for _ in range(STARTS)]
    top = max((end.value for end in ends if _counts(likelihood, end)), default=-np.inf)
    # Near the best all are polished; what is far below stays there.
    ends = [polish(likelihood, end) if end.value > top - 0.01 else end for end in ends]
    values = np.array([N * e.value for e in ends if _counts(likelihood, e) and e.gradient < 100 * GRADIENT])
    best = values.max(initial=-np.inf)
    return best, int(np.sum(values > best - SAME))


def _start(likelihood, rng):
    """Random slopes of some steepness, some temperature, and regressions on either side or on a few rows."""
    X, y = likelihood.x_expert, likelihood.y
    slopes = rng.normal(size=(2, 2)) * np.exp(rng.uniform(np.log(0.5), np.log(30.0)))
    one_side = X @ (slopes[0] - slopes[1]) > 0
    rows = [one_side, ~one_side] if rng.random() < 0.5 else [rng.choice(N, 12, replace=False) for _ in range(2)]
    experts = []
    for part in rows:
        part = part if np.size(y[part]) > 6 else slice(None)
        experts.append(np.linalg.lstsq(np.column_stack([np.ones(len(y[part])), X[part]]), y[part], rcond=None)[0])
    experts = np.array(experts)
    variance = np.full(2, 0.5 * np.var(y))
    temperature = np.exp(rng.uniform(-2.0, 1.0))
    return likelihood.join(rng.normal(0, 0.5, 2), slopes, experts[:, 0], experts[:, 1:], variance, temperature)


def _counts(likelihood, end):
    """Whether an end is a model: finite, and in the set."""
    finite = np.isfinite(end.value) and np.abs(end.theta).max() < LARGEST
    if not finite or np.exp(end.theta[-1]) <= LOWEST_TEMPERATURE:
        return False
    return within(likelihood.variance(end.theta), likelihood.gate_proba(end.theta), 3)


def measure(name, number, **settings):
    """Gate, number, fit, and the best of the climbs with how many met it."""
    X, y = problem(name, number)
    return name, number, default_fit(X, y, 2, ActivationGate(name), **settings), independent(name, X, y, number)


def run(options):
    """Fit, print."""
    results = measured("bent", [(name, number) for number in range(options.count) for name in GATES], options)
    good = [fit.value >= best - SAME for *_, fit, (best, _) in results]
    table(
        ["number", "gate", "set", "fit", "best of climbs", "fit less best", "met by", "status", "s"],
        [
            [
                2 * i + GATES.index(name),
                name,
                i,
                f"{fit.value:.6f}",
                f"{best:.6f}",
                f"{fit.value - best:.2e}",
                n,
                fit.status,
                f"{fit.seconds:.1f}",
            ]
            for name, i, fit, (best, n) in sorted(results, key=lambda result: result[:2])
        ],
    )
    fits = [fit for *_, fit, _ in results]
    print(f"  fits: {statuses(fits)}; seconds of the fits: {sum(f.seconds for f in fits):.0f}")
    close(
        "bent",
        f"{sum(good)} of {len(results)} fits at least as high as the best climb",
        "48 of 50",
        sum(good) >= LEAST_SHARE * len(results),
    )
