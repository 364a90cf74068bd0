"""Choice of experts and columns: ``python -m benchmarks.select [--seeds 20] [--by-hand 3] [--most 4]``.

Data with eight features, n = 2000, from two to three experts: the gate sees two features, the experts see three, and
the others none (three of the eight are seen by nobody). Any two experts are a standard deviation of four errors apart
on average, or more. For each data set ``select(columns="stepwise")`` by BIC. Told are

- how often the number of experts is the true one, and how often the columns of gate and experts are, all of them;
- the time beside that of the same loop by hand, on the first few data sets: a fit for each number of experts, then one
  column at a time, each fit from nothing, then the numbers of experts again;
- how often a climb from the neighbour ends where the full search does, among the models one column away from the truth.

Process seconds on one thread.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks._measure import Figure
from gmoe import GaussianMoERegressor, GMoE, Parameters, select

N, FEATURES, NOISE = 2000, 8, 0.5
GATE, EXPERTS = (2, 3), (0, 1, 4)


def draw(seed):
    """Draw one data set: X, y, number of experts."""
    rng = np.random.default_rng([20261128, seed])
    k = int(rng.integers(2, 4))
    while True:
        gate, coef = np.zeros((k, FEATURES)), np.zeros((k, FEATURES))
        gate[:, GATE] = rng.normal(0.0, 2.0, (k, len(GATE)))
        coef[:, EXPERTS] = rng.normal(0.0, 1.0, (k, len(EXPERTS)))
        intercept = rng.normal(0.0, 2.0, k)
        model = GMoE(Parameters(np.zeros(k), gate, intercept, coef, np.full(k, NOISE**2)))
        X = rng.standard_normal((N, FEATURES))
        means, shares = model.expert_means(X), model.gate_proba(X).mean(axis=0)
        apart = [np.sqrt(np.mean((means[:, i] - means[:, j]) ** 2)) for i in range(k) for j in range(i)]
        # Separated experts, each of a tenth of the rows at least; every column has an effect that data can show.
        weak = min(np.ptp(gate[:, GATE], axis=0).min(), np.abs(coef[:, EXPERTS]).max(axis=0).min())
        if min(apart) > 4.0 * NOISE and shares.min() > 0.1 and weak > 0.5:
            return X, model.sample(X, rng)[0], k


def by_hand(X, y, most):
    """Choose as a user would without ``select``: every fit from nothing."""

    def fitted(k, gate, experts):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = GaussianMoERegressor(k, gate_features=sorted(gate), expert_features=sorted(experts), random_state=0)
            return fit.fit(X, y).fit_result_.bic

    columns = frozenset(range(FEATURES)), frozenset(range(FEATURES))
    while True:
        scores = {k: fitted(k, *columns) for k in range(1, most + 1)}
        k = min(scores, key=scores.get)
        before, score = columns, scores[k]
        while True:
            near = [(columns[0] ^ {j}, columns[1]) for j in range(FEATURES)]
            near += [(columns[0], columns[1] ^ {j}) for j in range(FEATURES)]
            bic, best = min(((fitted(k, *c), c) for c in near), key=lambda pair: pair[0])
            if bic >= score:
                break
            score, columns = bic, best
        if columns == before:
            return k, columns


def same_maxima(X, y, k):
    """Among the models one column away: climbs from the neighbour that end as high as a full search, and how many."""
    truth = select(X, y, n_experts=k, gate_features=GATE, expert_features=EXPERTS, random_state=0).best
    start, same, total, higher = truth.responsibilities(X, y), 0, 0, 0
    for part, seen in (("gate_features", GATE), ("expert_features", EXPERTS)):
        for j in range(FEATURES):
            own = {"gate_features": GATE, "expert_features": EXPERTS} | {part: sorted(set(seen) ^ {j})}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warm = GaussianMoERegressor(k, init=start, **own).fit(X, y).log_likelihood_
                full = GaussianMoERegressor(k, random_state=0, **own).fit(X, y).log_likelihood_
            same, higher, total = same + (abs(warm - full) < 1e-4), higher + (warm > full + 1e-4), total + 1
    return same, higher, total


def measured(seed, most=4, columns="stepwise", hand=False, maxima=False):
    """Choose on one data set: what was found and is true, seconds, and what is to be said of it."""
    X, y, k = draw(seed)
    began = time.process_time()
    selection = select(X, y, n_experts=range(1, most + 1), columns=columns, random_state=0)
    seconds = time.process_time() - began
    found = selection.best.n_experts, *map(sorted, selection.columns[selection.path.index(selection.best)])
    right = found[0] == k, found[1:] == (sorted(GATE), sorted(EXPERTS))
    line, share = f"seed {seed}: {seconds:.2f} s, found {found}, truth {k}", np.nan
    if hand:
        began = time.process_time()
        other = by_hand(X, y, most)
        own = time.process_time() - began
        share = seconds / own
        line += f"; by hand {other[0], *map(sorted, other[1])} in {own:.1f} s, {share:.3f} of it"
    if maxima:
        same, higher, total = same_maxima(X, y, k)
        line += f"; from the neighbour the same maximum {same}, a higher one {higher}, of {total}"
    return right, seconds, share, line


def compiled():
    """Compile what the first fit compiles."""
    X, y, _ = draw(0)
    select(X[:200], y[:200], n_experts=2, random_state=0)


def run(seeds=100, by_hand=4):
    """Figures for the table of all benchmarks; half an hour."""
    compiled()
    found = [measured(seed, hand=seed < by_hand) for seed in range(seeds)]
    right, seconds = np.array([one[0] for one in found]), [one[1] for one in found]
    names = "number of experts", "columns of gate and experts"
    for name, rate, target in zip(names, right.mean(axis=0), (">= 0.95", ">= 0.9"), strict=True):
        yield Figure(f"{name} found", float(rate), target, detail=f"{seeds} data sets")
    share = np.nanmax([one[2] for one in found])
    detail = f"at most, of {by_hand}; median {np.median(seconds):.1f} s"
    yield Figure("time beside the loop by hand", float(share), "<= 0.333", detail=detail)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--by-hand", type=int, default=3)
    parser.add_argument("--maxima", type=int, default=5)
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--columns", default="stepwise")
    options = parser.parse_args()
    rights, times = [], []
    compiled()
    for seed in range(options.first, options.first + options.seeds):
        also = {"hand": seed < options.by_hand, "maxima": seed < options.maxima}
        right, seconds, _, line = measured(seed, options.most, options.columns, **also)
        rights.append(right)
        times.append(seconds)
        print(line, flush=True)
    experts, columns = np.sum(rights, axis=0)
    print(
        f"{options.seeds} data sets: number of experts right in {experts}, columns right in {columns}, "
        f"median {np.median(times):.2f} s"
    )


if __name__ == "__main__":
    main()
