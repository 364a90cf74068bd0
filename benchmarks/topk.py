"""Evidence on top-K fits: ``python -m benchmarks.topk [--problems 40] [--base 9000]``.

Random problems (1 to 3 features, 2 to 5 experts, fewer active ones, both selection rules, n = 3000), by a rule that was
written down before any result: problem i has d = 1 + i mod 3, k = 2 + (i div 3) mod 4, select_on alternating with
i + i div 12, n_active and the truth drawn with seed base + i.  The default fit from data alone is compared with ascent
on the exact log-likelihood from the truth; so are the best plain ascent and the best annealing, without boundary moves
and rounds, of as many starts.  All differences are per observation.
"""

import argparse
import time
import warnings

import numpy as np

from gmoe import GaussianMoERegressor, GMoE, Parameters, TopKGate
from gmoe.solvers.problem.objective import Objective
from gmoe.solvers.problem.scaling import scale
from gmoe.solvers.search import sparse
from gmoe.solvers.search.climb import Settings
from gmoe.solvers.search.soften import Soft
from gmoe.solvers.starts.kinds import DATA_STARTS
from gmoe.solvers.starts.sample import Sample

N = 3000
TOLERANCE = 1e-4


def problem(i, base):
    """Data, truth and gate of one problem."""
    rng = np.random.default_rng(base + i)
    d, k = 1 + i % 3, 2 + i // 3 % 4
    gate = TopKGate(int(rng.integers(1, k)), "logit" if (i + i // 12) % 2 else "score")
    truth = Parameters(
        gate_coef=rng.normal(0.0, 4.0, (k, d)), gate_intercept=rng.normal(0.0, 1.0, k),
        coef=rng.normal(0.0, 3.0, (k, d)), intercept=rng.normal(0.0, 3.0, k), variance=np.full(k, 0.16),
    )  # fmt: skip
    X = rng.uniform(-1.0, 1.0, (N, d))
    return X, GMoE(truth, gate).sample(X, rng)[0], truth, gate


def without_search(X, y, gate, k):
    """Largest average log-likelihoods (raw units) of plain ascent and of annealing from the search's own starts."""
    columns = np.arange(X.shape[1])
    scaling = scale(X, y, None, columns, columns, gate.follows(k))
    objective = Objective(scaling.blocks(X, y), gate, k)
    settings = Settings("mle", 15, tuple(DATA_STARTS), 1e-8, 500, None, 0)
    few = objective.on(objective.blocks.some(sparse.FEW, np.random.default_rng([0, k, 3])))
    sample, soft = Sample.of(few.blocks), Soft(objective)
    plain, annealed = [], []
    for number in range(20):
        start = sparse.random_start(few, sample, settings, np.random.default_rng([0, k, 0, number]), number)
        plain.append(sparse.ascend(soft, start, 60).worth[1])
        annealed.append(sparse.annealed(few, sample, settings, (0, k), number))
    kept = sorted(annealed, key=lambda end: end.worth, reverse=True)[: sparse.N_KEPT]
    ends = [sparse.ascend(soft, soft.anneal(end.theta, sparse.POLISH_WIDTHS, 40), 60).worth[1] for end in kept]
    shift = scaling.log_unit
    return max(plain) - shift, max(ends) - shift


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--base", type=int, default=9000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for i in range(options.problems):
        X, y, truth, gate = problem(i, options.base)
        k = truth.n_experts
        reference = GaussianMoERegressor(k, gate, init=truth).fit(X, y).log_likelihood_ / N
        start = time.perf_counter()
        fitted = GaussianMoERegressor(k, gate, random_state=0).fit(X, y)
        seconds = time.perf_counter() - start
        plain, annealed = without_search(X, y, gate, k)
        gap = fitted.log_likelihood_ / N - reference
        rows.append((gap, annealed - reference, plain - reference, seconds))
        print(
            f"{i:3d} d={X.shape[1]} k={k} {gate!r:45} fit {gap:+.5f}  annealing {rows[-1][1]:+.4f}  plain "
            f"{rows[-1][2]:+.4f}  {seconds:5.1f} s  {fitted.fit_result_.status}",
            flush=True,
        )
    table = np.array(rows)
    shares = np.mean(table[:, :3] > -TOLERANCE, axis=0)
    print(f"not below ascent from the truth - {TOLERANCE}: fit {shares[0]:.1%}, annealing without local search "
          f"{shares[1]:.1%}, plain ascent {shares[2]:.1%}")  # fmt: skip
    print(f"seconds per fit: median {np.median(table[:, 3]):.1f}, largest {table[:, 3].max():.1f}")


if __name__ == "__main__":
    main()
