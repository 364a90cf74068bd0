"""Does a constrained optimiser that shares nothing with gmoe's find more? ``python sims/constrained_opinion.py NAME``.

SciPy's SLSQP with numerical derivatives and a likelihood of its own, over the compact set of a study of
``reference_studies.py`` with affine scores and without a selection, on its first data sets of the smallest size. It
starts at the fit, at every way to place the experts on the truth, and at random points with experts through data.
"""

import argparse
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from gmoe.study import Study, draw, load_study, model_of, table

RESULTS = Path(__file__).resolve().parent / "results"
# Log-likelihoods that differ by less are the same.
SAME = 1e-6


@dataclass(frozen=True, eq=False)
class Problem:
    """Average negative log-likelihood over a set, the last gate row pinned at 0; gate values over the temperature.

    A point holds the gate rows (k - 1, 1 + d), the means (k, 1 + d) and the variances (k,).
    """

    X: np.ndarray
    y: np.ndarray
    k: int
    space: object

    @property
    def design(self):
        """Columns of x with the constant first."""
        return np.column_stack([np.ones(len(self.y)), self.X])

    def split(self, point):
        """Gate rows with the pinned one, means, variances."""
        k, q = self.k, 1 + self.X.shape[1]
        gate = np.vstack([point[: (k - 1) * q].reshape(k - 1, q), np.zeros(q)])
        return gate, point[(k - 1) * q : -k].reshape(k, q), point[-k:]

    def value(self, point) -> float:
        """Average negative log-likelihood."""
        gate, mean, variance = self.split(point)
        score = self.design @ gate.T
        normal = -0.5 * (np.log(2.0 * np.pi * variance) + (self.y[:, None] - self.design @ mean.T) ** 2 / variance)
        return -float(np.mean(logsumexp(score + normal, axis=1) - logsumexp(score, axis=1)))

    def climb(self, start) -> float:
        """Log-likelihood at SLSQP's end, -inf where it left the set."""
        space, k, d = self.space, self.k, self.X.shape[1]
        gate = np.tile([space.max_gate_intercept, *[space.max_gate_coef] * d], k - 1)
        mean = np.tile([space.max_intercept, *[space.max_coef] * d], k)
        box = [(-b, b) for b in (*gate, *mean)] + [(space.min_variance, space.max_variance)] * k
        apart = [{"type": "ineq", "fun": lambda p, s=s: s * self._between(p) + self._most} for s in (-1.0, 1.0)]
        low, high = np.array(box).T
        end = minimize(
            self.value, np.clip(start, low, high), method="SLSQP", bounds=box, constraints=apart if k > 2 else (),
            options={"maxiter": 500, "ftol": 1e-13},
        )  # fmt: skip
        inside = k == 2 or np.all(np.abs(self._between(end.x)) <= self._most * (1.0 + 1e-9))
        return -end.fun * len(self.y) if inside and np.isfinite(end.fun) else -np.inf

    def _between(self, point):
        """Differences of gate rows, those with the pinned one left out: they are in the box."""
        gate = self.split(point)[0][:-1]
        return np.concatenate([gate[i] - gate[j] for i, j in combinations(range(len(gate)), 2)])

    @property
    def _most(self):
        one = np.array([self.space.max_gate_intercept, *[self.space.max_gate_coef] * self.X.shape[1]])
        return np.tile(one, (self.k - 1) * (self.k - 2) // 2)


def point_of(parameters, temperature=1.0) -> np.ndarray:
    """Point of a model."""
    gate = parameters.gate / temperature
    return np.concatenate([(gate - gate[-1])[:-1].ravel(), parameters.expert.ravel(), parameters.variance])


def starts(problem: Problem, truth, n_random: int, rng) -> list[np.ndarray]:
    """Truth with experts doubled every way, and random points of the set with means through a few rows."""
    space, extra = problem.space, problem.k - truth.n_experts
    found = []
    for j in range(truth.n_experts if extra else 1):
        which = [*range(truth.n_experts), *[j] * extra]
        start = point_of(truth.reorder(which), truth.temperature)
        found.append(start + 0.01 * rng.normal(size=len(start)))
    q = 1 + problem.X.shape[1]
    for _ in range(n_random):
        gate = rng.uniform(-0.5, 0.5, (problem.k - 1, q)) * [space.max_gate_intercept, *[space.max_gate_coef] * (q - 1)]
        rows = [rng.choice(len(problem.y), q, replace=False) for _ in range(problem.k)]
        mean = [np.linalg.lstsq(problem.design[row], problem.y[row])[0] for row in rows]
        variance = rng.uniform(space.min_variance, space.max_variance, problem.k)
        found.append(np.concatenate([gate.ravel(), np.ravel(mean), variance]))
    return found


def gain(study: Study, row, n_random: int) -> float:
    """Log-likelihood of SLSQP's best end minus that of the study's fit."""
    data, own = draw(study, row["n"], study.seed_of(row["n"], row["replication"])), model_of(study, row)
    problem = Problem(data.X, data.y, own.n_experts, study.protocols[0].space)
    rng = np.random.default_rng([row["n"], row["replication"]])
    fit = point_of(own.parameters, own.parameters.temperature)
    with np.errstate(all="ignore"):
        ends = [problem.climb(start) for start in (fit, *starts(problem, study.truth.parameters, n_random, rng))]
    return max(ends) + problem.value(fit) * len(data.y)


def main() -> None:
    """Compare the first data sets of each named study."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--count", type=int, default=20, help="data sets (default: 20)")
    parser.add_argument("--starts", type=int, default=6, help="random starts of SLSQP (default: 6)")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    given = parser.parse_args()
    for name in given.names:
        study, fits = load_study(given.results / name), table(given.results / name)
        rows = fits[fits["n"] == study.sizes[0]].sort_values("replication").head(given.count).to_dict("records")
        gains = np.array([gain(study, row, given.starts) for row in rows])
        higher = f"SLSQP higher by more than {SAME:g} in {np.sum(gains > SAME)} of {len(rows)}"
        print(f"{name}: n = {study.sizes[0]}, {higher}, largest gain {gains.max():.2g}", flush=True)


if __name__ == "__main__":
    main()
