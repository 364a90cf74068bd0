"""Rates of synthetic losses c n^-r: cover of the intervals, bias, and power against 1/log n."""

import numpy as np
import pandas as pd

from benchmarks._measure import Figure
from gmoe.study import estimate_rates

STUDIES = 500
SIZES = np.geomspace(1e2, 1e5, 12).round().astype(int)
# Shapes of the limit law of a loss: sums of folded normals as of a regular MLE, and with ever heavier tails.
SHAPES = {
    "five folded normals": lambda rng, shape: np.abs(rng.standard_normal((5, *shape))).sum(axis=0),
    "lognormal 0.5": lambda rng, shape: np.exp(0.5 * rng.standard_normal(shape)),
    "chi-squared 1": lambda rng, shape: rng.standard_normal(shape) ** 2,
    "lognormal 1": lambda rng, shape: np.exp(rng.standard_normal(shape)),
}


def synthetic(trend, shape, replications, rng, sizes=SIZES):
    """Table of a study whose mean loss is proportional to trend(n)."""
    loss = SHAPES[shape](rng, (len(sizes), replications)) * trend(sizes)[:, None]
    n, replication = np.indices(loss.shape)
    columns = {"protocol": "mle", "n": sizes[n.ravel()], "replication": replication.ravel(), "loss:d": loss.ravel()}
    return pd.DataFrame(columns)


def power(r):
    return lambda n: 3.0 * n**-r


def logarithm(n):
    return 3.0 / np.log(n)


def run():
    yield from cover()
    yield from told()


def cover():
    for statistic in ("mean", "median"):
        for replications in (20, 40, 100):
            hits, estimates = {}, {}
            for shape in SHAPES:
                rates = [_rate(shape, replications, seed, statistic) for seed in range(STUDIES)]
                hits[shape] = np.mean([rate.low <= -0.5 <= rate.high for rate in rates])
                estimates[shape] = np.mean([rate.slope for rate in rates]) + 0.5
            each = ", ".join(f"{shape} {100 * hit:.1f}" for shape, hit in hits.items())
            name = f"{statistic}, {replications} replications"
            value = 100 * np.mean([*hits.values()])
            # The bounds are of the issue; they are put on all shapes together, whose own error is 0.5.
            yield Figure(f"{name}: cover of 95 % intervals", value, ">= 93", "%", each)
            yield Figure(f"{name}: the same, not too wide", value, "<= 97", "%")
            yield Figure(f"{name}: largest bias", max(map(abs, estimates.values())), "<= 0.005")


def _rate(shape, replications, seed, statistic):
    table = synthetic(power(0.5), shape, replications, np.random.default_rng([seed, replications]))
    return next(r for r in estimate_rates(table).rates if (r.statistic, r.scale) == (statistic, "n"))


def told():
    cases = {"1/log n": logarithm, "n^-1/2": power(0.5), "n^-1/4": power(0.25), "n^-1/8": power(0.125)}
    for shape in ("five folded normals", "lognormal 0.5"):
        for replications in (40, 200):
            for name, trend in cases.items():
                found = [
                    estimate_rates(synthetic(trend, shape, replications, np.random.default_rng(seed))).decay[0]
                    for seed in range(STUDIES)
                ]
                right = "1/log n" if name == "1/log n" else "polynomial"
                value = 100 * np.mean([decay.preferred == right for decay in found])
                decisive = 100 * np.mean([decay.decisive for decay in found])
                # n^-1/8 and 1/log n have the same slope here and differ by curvature alone: it takes replications.
                target = "" if name == "n^-1/8" else ">= 95"
                detail = f"the other shape refuted in {decisive:.0f} %"
                yield Figure(f"{name} told, {shape}, {replications} replications", value, target, "%", detail)
