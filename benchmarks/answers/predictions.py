"""Predictions: none leaves the training data by far.

Small data sets with dummies, rare levels, dummies that are constant within a region or a regime, and regimes of a few
rows. Predictions at the training rows, and at every combination of the dummies' values there, must stay within ten
times the range of y of its middle.
"""

import re
from collections import Counter
from itertools import product

import numpy as np

from benchmarks.answers._fits import default_fit, statuses
from benchmarks.answers._run import close, measured, table

COUNT = 1000
LIMIT = 10.0
KINDS = ("common", "rare", "region", "regime")


def problem(number):
    """X, y, number of continuous features (they come first), number of experts to fit, and settings of the fit."""
    rng = np.random.default_rng([20270102, number])
    n = int(round(np.exp(rng.uniform(np.log(20), np.log(300)))))
    n_continuous, n_dummies, k = int(rng.integers(1, 3)), int(rng.integers(1, 4)), int(rng.integers(2, 4))
    U = rng.uniform(-1, 1, (n, n_continuous)) if rng.random() < 0.5 else rng.normal(size=(n, n_continuous))
    regime = _regimes(rng, U[:, 0])
    dummies = [_dummy(rng, rng.choice(KINDS), U[:, 0], regime) for _ in range(n_dummies)]
    X = np.column_stack([U, *dummies])
    y = np.empty(n)
    for j in range(3):
        rows, slopes = regime == j, rng.normal(size=X.shape[1]) * (rng.random(X.shape[1]) < 0.7)
        jump, noise = rng.normal(0, 5), np.exp(rng.uniform(np.log(0.05), np.log(1.0)))
        y[rows] = jump + X[rows] @ slopes + noise * rng.normal(size=rows.sum())
    # In units such as people have: years, metres, thousands.
    X[:, :n_continuous] = X[:, :n_continuous] * 10 ** rng.uniform(-1, 3, n_continuous) + 10 ** rng.uniform(-1, 3)
    settings = {"gate_features": [0]} if number % 2 else {}
    return X, y, n_continuous, k, settings


def _regimes(rng, x):
    """Labels 0 to 2: by regions of x, at random, or all the same but for a few rows."""
    n = len(x)
    kind = rng.integers(4)
    if kind == 0:
        return np.searchsorted(np.quantile(x, np.sort(rng.uniform(0.1, 0.9, 2))), x)
    if kind == 1:
        return rng.integers(0, int(rng.integers(1, 4)), n)
    few = int(rng.integers(1, 9))
    regime = np.zeros(n, dtype=int)
    if kind == 2:
        # At the end of the range.
        regime[np.argsort(x)[-few:]] = 1
    else:
        regime[x > np.median(x)] = 1
        regime[rng.choice(n, few, replace=False)] = 2
    return regime


def _dummy(rng, kind, x, regime):
    """A column of zeros and ones, of a kind."""
    n = len(x)
    values = (rng.random(n) < rng.uniform(0.2, 0.8)).astype(float)
    if kind == "rare":
        values[:] = 0.0
        values[rng.choice(n, int(rng.integers(1, 6)), replace=False)] = 1.0
    elif kind == "region":
        values[x > np.quantile(x, rng.uniform(0.5, 0.95))] = rng.integers(0, 2)
    elif kind == "regime":
        values[regime == rng.choice(regime)] = rng.integers(0, 2)
    return values


def measure(number, **settings):
    """Number, shape, fit, and the largest distance of a prediction from the middle of y, in ranges of y."""
    X, y, n_continuous, k, own = problem(number)
    fit = default_fit(X, y, k, **own, **settings)
    worst = np.nan
    if fit.model is not None:
        grids = [X]
        for values in product((0.0, 1.0), repeat=X.shape[1] - n_continuous):
            grids.append(X.copy())
            grids[-1][:, n_continuous:] = values
        middle, width = 0.5 * (y.max() + y.min()), np.ptp(y)
        worst = max(np.abs(fit.model.mean(grid) - middle).max() for grid in grids) / width
    return number, X.shape, k, fit, worst


def run(options):
    """Fit, print."""
    results = measured("predictions", [(number,) for number in range(options.count)], options)
    fits = [fit for *_, fit, _ in results]
    leave = [result for result in results if result[-1] > LIMIT]
    errors = [result for result in results if result[3].status.startswith("error")]
    table(
        ["set", "n", "d", "k", "status", "worst"],
        [[i, n, d, k, fit.status, f"{worst:.3g}"] for i, (n, d), k, fit, worst in leave + errors],
    )
    worst = np.nanmax([worst for *_, worst in results], initial=0.0)
    print(f"  fits: {statuses(fits)}; worst prediction {worst:.3g} ranges of y from its middle")
    # Numbers left out, so that the same words count as the same.
    said = Counter(re.sub(r"\d[\d.e+-]*", "#", fit.said) for fit in fits if fit.said)
    for words, times in said.most_common():
        print(f"  said {times} times: {words}")
    print(f"  seconds of the fits: {sum(f.seconds for f in fits):.0f}, longest {max(f.seconds for f in fits):.1f}")
    close(
        "predictions",
        f"{len(leave)} of {len(results)} data sets with a prediction beyond {LIMIT:.0f} ranges of y"
        + (f", {len(errors)} errors" if errors else ""),
        "0",
        not leave and not errors,
    )
