"""Does an optimiser that shares nothing with gmoe's find the same? ``python sims/second_opinion.py NAME [--n N]``.

SciPy's BFGS with numerical derivatives, from starts of its own beside the truth, on the first data sets of a study;
its best end beside the study's maximum likelihood fit. For results that disagree with the theory: it tells whether the
fits are to blame. That BFGS ends higher says that there is a better maximum; that it ends lower, perhaps only that it
stopped early, so gmoe climbs on from there. ``--edges`` takes fits without a maximum inside of the parameters instead,
the largest sizes up to N first: do starts beside the truth lead to a maximum that the study missed?
"""

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from gmoe import FitResult, GaussianMoERegressor, GMoE, Parameters
from gmoe.study import EDGES, MIN_VARIANCE, draw, load_study, model_of, parameter_space, table

RESULTS = Path(__file__).resolve().parent / "results"
# Log-likelihoods that differ by less are the same: BFGS's numerical derivatives, and the way to infinity.
SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Opinion:
    """Log-likelihoods of the study's fit and of BFGS's best end, and gmoe's climb from there.

    ``shares`` are the smallest average gate probabilities of the fit and of BFGS's end.
    """

    own: float
    bfgs: float
    climbed: FitResult
    shares: tuple[float, float]

    @property
    def gain(self) -> float:
        """Log-likelihood of BFGS's end minus that of the study's fit."""
        return self.bfgs - self.own

    @property
    def missed(self) -> bool:
        """Whether a maximum inside of the parameters is higher than the study's fit."""
        return self.climbed.certified and self.climbed.log_likelihood > self.own + SAME


def compare(folder: Path, n: int, replication: int, n_starts: int) -> Opinion:
    """Fit one data set by BFGS.

    Parameters
    ----------
    folder : path
        Results of a study.
    n, replication : int
    n_starts : int
        Starts of BFGS: true experts, the further ones drawn at random from them, each with noise of its own.
    """
    study, fits = load_study(folder), table(folder)
    [row] = fits[(fits["protocol"] == "mle") & (fits["n"] == n) & (fits["replication"] == replication)].to_dict(
        "records"
    )
    data, own = draw(study, n, study.seed_of(n, replication)), model_of(study, row)
    X, y, gate = data.X, data.y, own.gate
    rng = np.random.default_rng([n, replication])
    k, d, truth = own.n_experts, X.shape[1], study.truth.parameters
    width = 2 * d + 3
    design = np.column_stack([np.ones(n), X])
    # The study's bound, relative to the residuals of one regression.
    smallest = MIN_VARIANCE * (y - design @ np.linalg.lstsq(design, y, rcond=None)[0]).var()

    def model(theta):
        rows = theta[: k * width].reshape(k, width)
        variance = smallest + np.exp(rows[:, -1])
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
    climb = GaussianMoERegressor(k, gate, init=other.parameters, parameter_space=parameter_space())
    with warnings.catch_warnings():
        # What it warns of is what is asked.
        warnings.simplefilter("ignore", ConvergenceWarning)
        climb.fit(X, y)
    shares = tuple(float(m.gate_proba(X).mean(axis=0).min()) for m in (own, other))
    return Opinion(row["log_likelihood"], -best.fun * n, climb.fit_result_, shares)


def edges(folder: Path, largest: int) -> list[list[int]]:
    """List (n, replication) of the fits without a maximum inside of the parameters, large sizes first."""
    fits = table(folder)
    fits = fits[(fits["protocol"] == "mle") & fits["status"].isin(EDGES) & (fits["n"] <= largest)]
    fits = fits.sort_values(["n", "replication"], ascending=[False, True])
    return fits[["n", "replication"]].to_numpy().tolist()


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
    cases = edges(folder, given.n) if given.edges else [[given.n, r] for r in range(given.data_sets)]
    print("     n  replication  gmoe's log-likelihood  BFGS's minus it  smallest share    BFGS's  climb from there")
    opinions = []
    for n, r in cases[: given.data_sets]:
        found = compare(folder, n, r, given.starts)
        opinions.append(found)
        line = f"{n:6d}  {r:11d}  {found.own:21.6f}  {found.gain:15.6f}"
        line += f"  {found.shares[0]:14.4f}  {found.shares[1]:8.4f}  {found.climbed.status}"
        print(line, flush=True)
    gains = np.array([found.gain for found in opinions])
    equal, lower, higher = np.sum(np.abs(gains) <= SAME), np.sum(gains < -SAME), np.sum(gains > SAME)
    missed = sum(found.missed for found in opinions)
    print(f"BFGS equal within {SAME:g}: {equal}, lower: {lower}, higher: {higher}")
    print(f"gmoe's climb from there reaches a higher maximum inside of the parameters: {missed}")


if __name__ == "__main__":
    main()
