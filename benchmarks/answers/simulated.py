"""Simulated data: no fit ends below a climb from the truth.

Regimes of all kinds: near and far from each other, of equal and of very unequal noise, few and many rows, gates that
are constant, soft or steep. The climb from the truth is an optimiser of its own on a likelihood of its own; its end
counts where it lies in the set over which the fit maximises.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.answers._climb import climb
from benchmarks.answers._fits import SAME, default_fit, min_rows, statuses, within
from benchmarks.answers._likelihood import Likelihood
from benchmarks.answers._run import close, measured, table

COUNT = 200
SEEDS = (0, 1, 2)
SHARE = 0.95


@dataclass(frozen=True)
class Problem:
    """Data and truth; gate slopes have no columns where the gate is constant."""

    X: np.ndarray
    y: np.ndarray
    gate: np.ndarray
    expert: np.ndarray
    variance: np.ndarray
    separation: float
    ratio: float

    @property
    def x_gate(self):
        return self.X[:, : self.gate.shape[1] - 1]


def problem(number):
    """The data set of that number."""
    rng = np.random.default_rng([20270101, number])
    k, d = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    n = int(round(_log_uniform(rng, 50, 2000)))
    separation, ratio = _log_uniform(rng, 1, 100), _log_uniform(rng, 1, 1000)
    X = rng.uniform(-1.7, 1.7, (n, d)) if rng.random() < 0.5 else rng.normal(size=(n, d))
    # The largest variance is ``ratio`` times the smallest; the third expert's is between.
    powers = rng.permutation([0.0, 1.0, rng.random()][:k])
    variance = ratio**powers
    gate = _gate(rng, X, k, constant=rng.random() < 0.5)
    expert = rng.normal(size=(k, 1 + d))
    expert *= separation / _nearest(X, expert, variance)
    expert[:, 0] += rng.normal(0, 10)
    chosen = (rng.random((n, 1)) > np.cumsum(_proba(X, gate), axis=1)[:, :-1]).sum(axis=1)
    mean = (expert[:, 0] + X @ expert[:, 1:].T)[np.arange(n), chosen]
    y = mean + np.sqrt(variance[chosen]) * rng.normal(size=n)
    return Problem(X, y, gate, expert, variance, separation, ratio)


def _log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _gate(rng, X, k, constant):
    """Gate under which every expert has the rows that the set asks for, at the truth."""
    d = 0 if constant else X.shape[1]
    while True:
        slopes = rng.normal(size=(k, d)) * _log_uniform(rng, 0.3, 10)
        gate = np.column_stack([rng.normal(0, 0.7, k), slopes])
        if _proba(X, gate).sum(axis=0).min() >= min_rows(1 + X.shape[1]):
            return gate


def _proba(X, gate):
    logit = gate[:, 0] + X[:, : gate.shape[1] - 1] @ gate[:, 1:].T
    e = np.exp(logit - logit.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _nearest(X, expert, variance):
    """Smallest root mean square difference of two experts' means, in units of the pair's noise."""
    means = expert[:, 0] + X @ expert[:, 1:].T
    pairs = [(i, j) for i in range(len(expert)) for j in range(i)]
    return min(
        np.sqrt(np.mean((means[:, i] - means[:, j]) ** 2) / (0.5 * (variance[i] + variance[j]))) for i, j in pairs
    )


def from_truth(p: Problem):
    """Log-likelihood of the end of the climb from the truth, whether it is in the set, and its gradient."""
    centre, size = p.X.mean(axis=0), p.X.std(axis=0)
    centre_y, size_y = p.y.mean(), p.y.std()
    X, d = (p.X - centre) / size, p.gate.shape[1] - 1
    likelihood = Likelihood(X[:, :d], X, (p.y - centre_y) / size_y, len(p.gate))
    start = likelihood.join(
        p.gate[:, 0] + p.gate[:, 1:] @ centre[:d],
        p.gate[:, 1:] * size[:d],
        (p.expert[:, 0] + p.expert[:, 1:] @ centre - centre_y) / size_y,
        p.expert[:, 1:] * size / size_y,
        p.variance / size_y**2,
    )
    end = climb(likelihood, start)
    inside = within(likelihood.variance(end.theta), likelihood.gate_proba(end.theta), p.expert.shape[1])
    return len(p.y) * (end.value - np.log(size_y)), inside, end.gradient


def measure(number, **settings):
    """Number, problem, fits, and the end of the climb from the truth."""
    p = problem(number)
    constant = {"gate_features": []} if p.gate.shape[1] == 1 else {}
    fits = [default_fit(p.X, p.y, len(p.gate), seed=seed, **constant, **settings) for seed in SEEDS]
    return number, p, fits, from_truth(p)


def run(options):
    """Fit, print."""
    results = measured("simulated", [(number,) for number in range(options.count)], options)
    rows, n_below, n_agree, n_inside, n_climbed = [], 0, 0, 0, 0
    for number, p, fits, (value, inside, gradient) in results:
        values = np.array([fit.value for fit in fits])
        # Without a value, after an error, it is below.
        below = inside and not np.all(values >= value - SAME)
        agree = bool(np.ptp(values) <= SAME)
        n_below, n_agree, n_inside, n_climbed = (
            n_below + below, n_agree + agree, n_inside + inside, n_climbed + (gradient < 1e-8)
        )  # fmt: skip
        if below or not agree:
            gaps = " ".join(f"{gap:.4f}" for gap in values - value)
            gate = "constant" if p.gate.shape[1] == 1 else "softmax"
            kinds = " ".join(fit.status for fit in fits)
            marks = ("below" if below else "") + (" seeds" if not agree else "")
            rows.append(
                [number, len(p.y), len(p.gate), p.X.shape[1], gate, f"{p.separation:.1f}", f"{p.ratio:.0f}",
                 f"{value:.4f}" + ("" if inside else " (outside)"), gaps, kinds, marks]
            )  # fmt: skip
    head = ["set", "n", "k", "d", "gate", "separation", "ratio", "from the truth", "fits less that", "statuses", "off"]
    table(head, rows)
    fits = [fit for _, _, own, _ in results for fit in own]
    share = n_agree / len(results)
    print(f"  ends from the truth in the set: {n_inside} of {len(results)}; gradient below 1e-8: {n_climbed}")
    print(f"  fits: {statuses(fits)}; flagged {sum(not fit.certified for fit in fits)} of {len(fits)}")
    print(f"  seconds of the fits: {sum(f.seconds for f in fits):.0f}, longest {max(f.seconds for f in fits):.1f}")
    close(
        "simulated",
        f"{n_below} of {len(results)} data sets with a fit below the climb from the truth, seeds agree in {share:.1%}",
        f"0, and {SHARE:.0%}",
        n_below == 0 and share >= SHARE,
    )
