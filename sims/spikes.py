"""Is a study's fit the largest value that its likelihood takes? ``python sims/spikes.py NAME [--n N ...]``.

Over-specified likelihoods are answered by hand: to the maximum with as many experts as the truth has, each surplus
expert is added on the outermost few observations in some direction, through which it passes with the smallest variance
allowed, behind a gate steep enough to leave all others alone.  Where these parameters have the larger likelihood, the
fit is a local maximum, whatever search found it, and the value at the bound of the variances grows without limit as the
bound falls.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.study import MIN_VARIANCE, draw, load_study, parameter_space, table

RESULTS = Path(__file__).resolve().parent / "results"
ANGLES = 180
MOST = 8
# Half a gap from the threshold the expert's odds are exp(+-100).
STEEPNESS = 200.0


def spiked(model: GMoE, X, y, smallest: float) -> GMoE:
    """Add the expert of variance ``smallest`` on outermost observations that gains most; the same model if none does.

    Parameters
    ----------
    model : GMoE
    X : ndarray, shape (n, 1) or (n, 2)
    y : ndarray, shape (n,)
    smallest : float
        Variance of the expert.
    """
    given = model.log_density(X, y)
    ones, best, added = np.ones(MOST), 0.0, model
    for direction in directions(X.shape[1]):
        score = X @ direction
        outermost = np.argsort(-score)[: MOST + 1]
        for m in range(1, MOST + 1):
            rows = outermost[:m]
            design = np.column_stack([ones[:m], X[rows]])
            line = np.linalg.lstsq(design, y[rows], rcond=None)[0]
            error = ((y[rows] - design @ line) ** 2).sum()
            gain = -0.5 * (m * np.log(2.0 * np.pi * smallest) + error / smallest) - given[rows].sum()
            if gain > best and error <= m * smallest:
                best, added = gain, with_expert(model, direction, score[outermost[m - 1 : m + 1]], line, smallest)
    return added


def directions(n_features):
    """List unit vectors all around."""
    if n_features == 1:
        return np.array([[1.0], [-1.0]])
    angles = np.linspace(0.0, 2.0 * np.pi, ANGLES, endpoint=False)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def with_expert(model, direction, scores, line, variance):
    """Append an expert whose gate opens halfway between two scores."""
    p, steep = model.parameters, STEEPNESS / (scores[0] - scores[1]) * model.parameters.temperature
    return GMoE(
        Parameters(
            np.append(p.gate_intercept, -steep * scores.mean()), np.vstack([p.gate_coef, steep * direction]),
            np.append(p.intercept, line[0]), np.vstack([p.coef, line[1:]]), np.append(p.variance, variance),
            p.temperature,
        ),
        model.gate,
    )  # fmt: skip


def by_hand(study, protocol, n: int, replication: int) -> float:
    """Log-likelihood of a data set with all surplus experts on outermost observations."""
    data = draw(study, n, study.seed_of(n, replication))
    design = np.column_stack([np.ones(n), data.X])
    residual = data.y - design @ np.linalg.lstsq(design, data.y, rcond=None)[0]
    truth = study.truth.parameters
    small = GaussianMoERegressor(
        truth.n_experts, protocol.gate_for(study.truth), init=truth, parameter_space=parameter_space()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = small.fit(data.X, data.y).fit_result_.model
    for _ in range(protocol.n_experts - truth.n_experts):
        # A hair above the bound, so that it is inside of what a fit may reach.
        model = spiked(model, data.X, data.y, 1.001 * MIN_VARIANCE * residual.var())
    return float(model.log_density(data.X, data.y).sum())


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="study in sims/results, over-specified, with one or two features")
    parser.add_argument("--n", type=int, nargs="+", help="sizes (default: the smallest, the middle and the largest)")
    parser.add_argument("--data-sets", type=int, default=20, metavar="N")
    given = parser.parse_args()
    study, fits = load_study(RESULTS / given.name), table(RESULTS / given.name)
    if unknown := set(given.n or ()) - set(study.sizes):
        parser.error(f"{given.name} has no size {min(unknown)}; its sizes are {', '.join(map(str, study.sizes))}")
    if study.protocol("mle").n_experts <= study.truth.n_experts:
        parser.error(f"{given.name} fits no more experts than the truth has; name an over-specified study")
    sizes = given.n or [study.sizes[0], study.sizes[len(study.sizes) // 2], study.sizes[-1]]
    fits = fits[fits["protocol"] == "mle"].set_index(["n", "replication"])
    print("     n  data sets  by hand higher than the fit  than certified ones  median of by hand minus fit")
    for n in sizes:
        found = fits.loc[n].sort_index().head(given.data_sets)
        gain = np.array([by_hand(study, study.protocol("mle"), n, r) for r in found.index]) - found["log_likelihood"]
        higher, certified = gain > 0.0, found["certified"]
        of_certified = f"{(higher & certified).sum()} of {certified.sum()}"
        print(f"{n:6d}  {len(found):9d}  {higher.sum():27d}  {of_certified:>19}  {gain.median():28.2f}", flush=True)


if __name__ == "__main__":
    main()
