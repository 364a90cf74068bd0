"""Does an optimiser that shares nothing with gmoe's find the same? ``python sims/second_opinion.py NAME [--n N]``.

SciPy's BFGS with numerical derivatives, from starts of its own beside the truth, on the first data sets of a study;
its best end beside the study's maximum likelihood fit. For results that disagree with the theory: it tells whether the
fits are to blame. That BFGS ends higher says that there is a better maximum; that it ends lower, perhaps only that it
stopped early.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from gmoe import GMoE, Parameters
from gmoe.study import load_study, replay

RESULTS = Path(__file__).resolve().parent / "results"
# The study's bound on variances is relative to the data's; this one keeps BFGS from spikes as well.
SMALLEST_VARIANCE = 1e-3


def compare(folder: Path, n: int, replication: int, n_starts: int):
    """Log-likelihood of the study's fit, of BFGS's best end, and the smallest gate probability of both.

    Parameters
    ----------
    folder : path
        Results of a study.
    n, replication : int
    n_starts : int
        Starts of BFGS: true experts, the further ones drawn at random from them, each with noise of its own.
    """
    study = load_study(folder)
    found = replay(folder, "mle", n, replication)
    X, y, gate = found.X, found.y, found.fitted.model.gate
    rng = np.random.default_rng([n, replication])
    k, d, truth = found.fitted.model.n_experts, X.shape[1], study.truth.parameters
    width = 2 * d + 3

    def model(theta):
        rows = theta[: k * width].reshape(k, width)
        variance = SMALLEST_VARIANCE + np.exp(rows[:, -1])
        temperature = np.exp(theta[-1]) if gate.estimated else truth.temperature
        return GMoE(
            Parameters(rows[:, 0], rows[:, 1 : 1 + d], rows[:, 1 + d], rows[:, 2 + d : -1], variance, temperature), gate
        )

    def loss(theta):
        with np.errstate(all="ignore"):
            value = -model(theta).log_density(X, y).mean()
        return value if np.isfinite(value) else 1e10

    best = None
    for _ in range(n_starts):
        which = np.concatenate([np.arange(truth.n_experts), rng.integers(truth.n_experts, size=k - truth.n_experts)])
        p = truth.reorder(which)
        start = np.column_stack([p.gate, p.expert, np.log(p.variance)])
        start = (start + rng.normal(0.0, 0.05, start.shape)).ravel()
        end = minimize(loss, np.append(start, np.log(truth.temperature)) if gate.estimated else start, method="BFGS")
        best = end if best is None or end.fun < best.fun else best
    other = model(best.x)
    smallest = [m.gate_proba(X).mean(axis=0).min() for m in (found.fitted.model, other)]
    return found.fitted.log_likelihood, -best.fun * len(y), *smallest


def main() -> None:
    """Print one line for each data set, and how often the two agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="study in sims/results")
    parser.add_argument("--n", type=int, default=2424, help="size (default: 2424)")
    parser.add_argument("--data-sets", type=int, default=20, metavar="N")
    parser.add_argument("--starts", type=int, default=3, metavar="N")
    given = parser.parse_args()
    print("replication  gmoe's log-likelihood  BFGS's minus gmoe's  smallest probability: gmoe  BFGS")
    differences = []
    for r in range(given.data_sets):
        own, other, *smallest = compare(RESULTS / given.name, given.n, r, given.starts)
        differences.append(other - own)
        print(f"{r:11d}  {own:21.6f}  {other - own:19.6f}  {smallest[0]:26.4f}  {smallest[1]:.4f}", flush=True)
    equal, lower = (np.sum(test) for test in (np.abs(differences) <= 1e-3, np.array(differences) < -1e-3))
    print(f"equal within 1e-3: {equal}, BFGS lower: {lower}, higher: {len(differences) - equal - lower}")


if __name__ == "__main__":
    main()
