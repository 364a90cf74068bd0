"""How the cost of a fit grows with the observations, the experts and the features.

Seconds of default fits, from data alone, and of one pass with the exact Hessian, whose floating-point operations are
known: below them is what calls cost.  ``--save`` draws the fits into ``benchmarks/growth.png``.
"""

import time
from pathlib import Path

import numpy as np

from benchmarks._measure import Figure, best_of
from gmoe import GaussianMoERegressor, SoftmaxGate
from gmoe.datasets import make_gmoe
from gmoe.solvers.problem.objective import OBSERVED, Objective
from gmoe.solvers.problem.raw import scaled_parameters
from gmoe.solvers.problem.scaling import scale

SIZES, EXPERTS, FEATURES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000), (2, 5, 10, 20), (1, 5, 10, 20, 50)
# Operations of an exponential, with the logarithms and divisions about it.
EXP = 40
FILE = Path(__file__).with_name("growth.png")


def run():
    """Yield the figures."""
    series = {
        "observations": (SIZES, lambda n: (n, 1, 2)),
        "experts": (EXPERTS, lambda k: (10_000, 2, k)),
        "features": (FEATURES, lambda d: (10_000, d, 3)),
    }
    for name, (values, shape) in series.items():
        seconds = [_fit(*shape(value)) for value in values]
        for value, (spent, status, n_starts) in zip(values, seconds, strict=True):
            yield Figure(f"default fit, {name}: {value}", spent, "", "s", f"{status}, {n_starts} starts")
    passes = {n: _pass(n, 1, 2) for n in (1_000, 100_000, 200_000, 1_000_000)}
    yield Figure("pass of 2e5 / 1e5 observations", passes[200_000] / passes[100_000], "<= 2.2")
    yield Figure("pass of 1e6 / 1e5 observations", passes[1_000_000] / passes[100_000], "<= 11")
    yield Figure("pass of 1e5 / 1e3 observations", passes[100_000] / passes[1_000], "<= 100")
    for d, few, many in ((2, 5, 10), (2, 10, 20)):
        yield _against_operations(f"k from {few} to {many}, d = {d}", (d, few), (d, many))
    for k, few, many in ((3, 5, 10), (3, 10, 20), (3, 20, 50)):
        yield _against_operations(f"d from {few} to {many}, k = {k}", (few, k), (many, k))


def draw(figures):
    """Draw the seconds of the fits, one panel for each of n, k and d."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(9.0, 2.8), layout="constrained")
    for axes, name in zip(canvas.subplots(1, 3), ("observations", "experts", "features"), strict=True):
        found = [f for f in figures if f.name.startswith(f"default fit, {name}")]
        values = [int(f.name.rsplit(" ", 1)[1]) for f in found]
        axes.loglog(values, [f.value for f in found], "o-")
        axes.set(xlabel=name, ylabel="seconds")
    canvas.savefig(FILE, dpi=120)


def _fit(n, d, k):
    X, y, _, _ = make_gmoe(n, d, k)
    start = time.perf_counter()
    result = GaussianMoERegressor(k, random_state=0).fit(X, y).fit_result_
    return time.perf_counter() - start, result.status, result.n_starts


def _pass(n, d, k):
    """Seconds of one pass with the exact Hessian."""
    X, y, truth, _ = make_gmoe(n, d, k)
    scaling = scale(X, y, None, np.arange(d), np.arange(d))
    objective = Objective(scaling.blocks(X, y), SoftmaxGate(), k)
    theta = scaled_parameters(objective, scaling, truth.parameters)
    [(seconds, _)] = best_of(5, lambda: objective.evaluate(theta, OBSERVED), run=3)
    return seconds


def operations(d, k):
    """Floating-point operations of the kernel for one observation."""
    gate, own = d + 1, 2 * d + 3
    squares = sum(m * (m + 1) for m in (k * gate, k * own)) + k * (gate * (gate + 1) + own * (own + 1))
    return squares + 2 * k * EXP + 8 * k * own


def _against_operations(name, few, many, n=20_000):
    grown = _pass(n, *many) / _pass(n, *few)
    expected = operations(*many) / operations(*few)
    detail = f"seconds {grown:.2f} times, operations {expected:.2f} times"
    return Figure(f"growth over that of the operations, {name}", grown / expected, "<= 1.2", detail=detail)
