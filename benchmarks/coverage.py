"""Coverage of Wald intervals under activation gates: ``python -m benchmarks.coverage [--replications 500]``.

Two experts, n = 5000, the model that generated the data, gates sigmoid, tanh and gelu with an estimated temperature.
Each replication is fitted from the truth; on the first 20 data sets the default fit, from data alone, is set beside it.
The table holds, for each identified parameter, how often the 95 % interval covers the truth; the Monte Carlo standard
deviation of such a rate is 1 % with 500 replications, 0.3 % with 5000.

The truths were chosen by the theory and by the information (``--information`` prints it), not by the coverage.  A
temperature is identified by how the activation bends, so each score spans +-4 (+-8 for the sigmoid, the tanh of
half its argument).  The scores run along different directions of two features: in one feature, slopes (a, b) of an odd
activation have a mirror image (-b, -a), and where the two are close the information is nearly singular.  Temperatures
are low enough to have a standard error of about a tenth at n = 5000; a gelu at temperature 1 is for these scores too
close to a relu, whose temperature is not identified.
"""

import argparse
import warnings
from collections import Counter
from multiprocessing import Pool

import numpy as np

from gmoe import ActivationGate, GaussianMoERegressor, GMoE, Parameters
from gmoe.table import parameter_values

N = 5000
EXPERTS = {"intercept": [2.0, -1.0], "coef": [[1.0, 0.5], [-0.5, 1.0]], "variance": [0.36, 0.64]}
SLOPES = np.array([[3.0, 1.0], [1.0, -3.0]])
# Scale of the slopes, intercept of the second expert (so that the first has the larger share) and temperature.
TRUTHS = {"sigmoid": (2.0, -0.15, 0.25), "tanh": (1.0, -0.3, 0.5), "gelu": (1.0, -0.25, 0.25)}
KINDS = ("gate_intercept", "gate_coef", "intercept", "coef", "variance", "temperature")


def truth(name):
    """The generating model, in canonical form."""
    scale, intercept, temperature = TRUTHS[name]
    gate = {"gate_intercept": [0.0, intercept], "gate_coef": scale * SLOPES, "temperature": temperature}
    return GMoE(Parameters(**gate, **EXPERTS), ActivationGate(name)).canonical()


def draw(name, replication):
    """One data set: features uniform on [-1, 1]."""
    rng = np.random.default_rng([20261122, list(TRUTHS).index(name), replication])
    X = rng.uniform(-1.0, 1.0, (N, 2))
    return X, truth(name).sample(X, rng)[0]


def replicate(task):
    """Estimates, whether each parameter is covered (nan where there is no interval), gradient and order of a fit."""
    name, replication = task
    X, y = draw(name, replication)
    model = truth(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = GaussianMoERegressor(2, ActivationGate(name), init=model.parameters).fit(X, y)
    covered = []
    for kind in KINDS:
        lower, upper = fitted.confidence_interval(kind)
        inside = (lower <= (value := getattr(model.parameters, kind))) & (value <= upper)
        covered.append(np.ravel(np.where(np.isnan(lower), np.nan, inside)))
    in_order = fitted.intercept_[0] > fitted.intercept_[1]
    result = fitted.fit_result_
    return np.concatenate(covered), result.gradient, result.status, in_order, result.log_likelihood


def from_data(task):
    """Log-likelihood of the default fit, and its largest distance from the fit from the truth in standard errors."""
    name, replication = task
    X, y = draw(name, replication)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        near = GaussianMoERegressor(2, ActivationGate(name), init=truth(name).parameters).fit(X, y)
        own = GaussianMoERegressor(2, ActivationGate(name), random_state=0).fit(X, y)
    away = np.abs(parameter_values(own.model_) - parameter_values(near.model_)) / near.fit_result_.standard_errors
    return own.log_likelihood_ - near.log_likelihood_, np.nanmax(away), own.fit_result_.n_agreeing


def labels():
    """Name of each entry of what ``replicate`` returns."""
    for kind in KINDS:
        shape = np.shape(getattr(truth("tanh").parameters, kind))
        yield from (kind + (str(list(index)) if index else "") for index in np.ndindex(shape))


def report(name, rows):
    """Print the table of one gate."""
    covered, gradient, status, in_order, _ = map(np.array, zip(*rows, strict=True))
    print(f"{name}: {len(rows)} replications, n = {N}; statuses {dict(Counter(status.tolist()))}")
    small = np.mean(gradient <= 1e-8)
    print(
        f"  gradient <= 1e-8 in {small:.1%}, largest {gradient.max():.2e}; "
        f"experts in the truth's order in {in_order.mean():.1%}"
    )
    for label, column in zip(labels(), covered.T, strict=True):
        if np.isfinite(column).any():
            rate = np.nanmean(column)
            mark = "" if 0.93 <= rate <= 0.97 else "   outside 93..97 %"
            lost = f"   no interval in {np.isnan(column).sum()}" if np.isnan(column).any() else ""
            print(f"  {label:<20} {rate:6.1%}{mark}{lost}")


def conditioning(name):
    """Print how far from singular the information is, from one data set of 100 000."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (100_000, 2))
    model = truth(name)
    y = model.sample(X, rng)[0]
    fitted = GaussianMoERegressor(2, ActivationGate(name), init=model.parameters).fit(X, y)
    shares = ", ".join(f"{share:.2f}" for share in fitted.shares_)
    errors = fitted.fit_result_.standard_errors[-1] * np.sqrt(100_000 / N)
    smallest = fitted.fit_result_.smallest_eigenvalue
    print(
        f"{name}: shares {shares}; smallest eigenvalue {smallest:.1e}; sd of the temperature at n = {N}: {errors:.3f}"
    )


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--from-data", type=int, default=20, help="data sets on which the default fit is compared")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--information", action="store_true")
    options = parser.parse_args()
    for name in TRUTHS:
        if options.information:
            conditioning(name)
            continue
        with Pool(options.jobs) as pool:
            if options.replications:
                report(name, pool.map(replicate, [(name, r) for r in range(options.replications)]))
            found = pool.map(from_data, [(name, r) for r in range(options.from_data)])
        for r, (gain, away, agreeing) in enumerate(found):
            print(
                f"  data set {r}: default fit {gain:+.1e} in log-likelihood, {away:.1e} standard errors away, "
                f"{agreeing} starts agree"
            )


if __name__ == "__main__":
    main()
