"""Does an optimiser that shares nothing with gmoe's find the same? ``python sims/second_opinion.py NAME [--n N]``.

SciPy's BFGS with numerical derivatives, from starts of its own beside the truth, on the first data sets of a study;
its best end beside the study's maximum likelihood fit. For results that disagree with the theory: it tells whether the
fits are to blame. That BFGS ends higher says that there is a better maximum; that it ends lower, perhaps only that it
stopped early. ``--edges`` takes the first fits without a maximum inside of the parameters instead, of all sizes up to
N, and says where gmoe's own climb from BFGS's end arrives: whether starts beside the truth missed a maximum.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.solvers.result import EDGES
from gmoe.study import load_study, replay, table
from gmoe.study.protocols import MIN_VARIANCE

RESULTS = Path(__file__).resolve().parent / "results"
# The study's bound on variances is relative to the data's; this one keeps BFGS from spikes as well.
SMALLEST_VARIANCE = 1e-3


def compare(folder: Path, n: int, replication: int, n_starts: int):
    """Compare the study's fit with BFGS's best end.

    Returns log-likelihood and smallest gate probability of both, and the status of gmoe's climb from BFGS's end.

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
    again = GaussianMoERegressor(k, gate, init=other.parameters, min_variance=MIN_VARIANCE)
    with warnings.catch_warnings():
        # What it warns of is what is asked.
        warnings.simplefilter("ignore", ConvergenceWarning)
        again.fit(X, y)
    return found.fitted.log_likelihood, -best.fun * len(y), *smallest, again.fit_result_.status


def edges(folder: Path, largest: int):
    """List (n, replication) of the fits without a maximum inside of the parameters, by replication."""
    fits = table(folder)
    fits = fits[(fits["protocol"] == "mle") & fits["status"].isin(EDGES) & (fits["n"] <= largest)]
    return fits[["replication", "n"]].sort_values(["replication", "n"])[["n", "replication"]].to_numpy().tolist()


def main() -> None:
    """Print one line for each data set, and how often the two agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="study in sims/results")
    parser.add_argument("--n", type=int, default=2424, help="size (default: 2424)")
    parser.add_argument("--data-sets", type=int, default=20, metavar="N")
    parser.add_argument("--starts", type=int, default=3, metavar="N")
    parser.add_argument("--edges", action="store_true", help="of sizes up to N, fits without a maximum inside")
    given = parser.parse_args()
    folder = RESULTS / given.name
    cases = edges(folder, given.n) if given.edges else [(given.n, r) for r in range(given.data_sets)]
    print("     n  replication  gmoe's log-likelihood  BFGS's minus gmoe's  smallest probability: gmoe    BFGS  climb")
    differences, statuses = [], []
    for n, r in cases[: given.data_sets]:
        own, other, *smallest, status = compare(folder, n, r, given.starts)
        differences.append(other - own)
        statuses.append(status)
        line = f"{n:6d}  {r:11d}  {own:21.6f}  {other - own:19.6f}  {smallest[0]:26.4f}  {smallest[1]:6.4f}  {status}"
        print(line, flush=True)
    equal, lower = (np.sum(test) for test in (np.abs(differences) <= 1e-3, np.array(differences) < -1e-3))
    inside = sum(d > 1e-3 and status == "converged" for d, status in zip(differences, statuses, strict=True))
    higher = len(differences) - equal - lower
    print(f"equal within 1e-3: {equal}, BFGS lower: {lower}, higher: {higher} ({inside} with a maximum inside)")


if __name__ == "__main__":
    main()
