"""Whether intervals cover and tests keep their level: ``python -m benchmarks.inference SECTION [--replications R]``.

Sections: ``wald`` (observed information and sandwich, the model that generated the data), ``sandwich`` (variances
that depend on x where the model has constants; of the parameters nearest in Kullback-Leibler divergence, which a fit of
two million observations stands for), ``bootstrap`` (percentile and BCa, ``--resamples`` of each data set), ``ratio``
(likelihood ratios of a column without effect, and of equal variances; Wald tests of equal slopes), ``experts`` (level
of the bootstrap likelihood-ratio test of k against k + 1).

Two experts, n = 2000 unless said otherwise, fitted from the truth: what is asked is what inference says of the maximum
next to it.  The Monte Carlo standard deviation of a rate of 95 % is 22 % / sqrt(R).
"""

import argparse
import time
from functools import partial
from multiprocessing import Pool

import numpy as np
import scipy

from gmoe import GMoE, Parameters, ParameterSpace, SoftmaxGate
from gmoe.inference import bootstrap, infer, likelihood_ratio_test, n_experts_test
from gmoe.solvers.fit import fit
from gmoe.table import parameter_values

N, SEED = 2000, 20261128
TRUTH = GMoE(Parameters([0.0, -0.4], [[0.0], [1.5]], [1.0, -0.5], [[-1.0], [1.0]], [0.25, 0.36]))
PSEUDO = 2_000_000


def fitted(X, y, columns=(0,), space=None, init=TRUTH.parameters, k=2):
    """Fit from given parameters."""
    columns = np.array(columns, dtype=np.intp)
    more = {} if space is None else {"space": space}
    return fit(
        X, y, gate=SoftmaxGate(), gate_columns=columns[:1], expert_columns=columns, n_experts=k, init=init, **more
    )


def well_specified(rng, n=N):
    """Data of the truth."""
    X = rng.uniform(-2.0, 2.0, (n, 1))
    return X, TRUTH.sample(X, rng)[0]


def misspecified(rng, n=N):
    """The truth's gate and means, with standard deviations that grow with abs(x)."""
    X = rng.uniform(-2.0, 2.0, (n, 1))
    expert = (rng.random(n) < TRUTH.gate_proba(X)[:, 1]).astype(int)
    sd = np.sqrt(TRUTH.parameters.variance)[expert] * (0.4 + 0.6 * np.abs(X[:, 0]))
    return X, TRUTH.expert_means(X)[np.arange(n), expert] + sd * rng.standard_normal(n)


def generator(section, replication):
    """Random numbers of one data set."""
    return np.random.default_rng([SEED, *section.encode(), replication])


def covered(interval, target):
    """Whether intervals hold the target; nan where there is none."""
    lower, upper = interval
    return np.where(np.isnan(lower), np.nan, (lower <= target) & (target <= upper))


def cover(section, draw, target, replication):
    """Coverage of the observed information and of the sandwich on one data set."""
    X, y = draw(generator(section, replication))
    result = fitted(X, y)
    found = [infer(result), infer(result, X, y, cov_type="robust")]
    return [covered(one.parameters.interval(), target) for one in found]


def resample(n_boot, target, replication):
    """Coverage of percentile and BCa intervals on one data set."""
    rng = generator("bootstrap", replication)
    X, y = well_specified(rng)
    found = bootstrap(fitted(X, y), X, y, rng=rng, n_boot=n_boot)
    return [covered(found.interval(method=method), target) for method in ("percentile", "bca")]


def ratios(replication, n=500):
    """Probabilities of two likelihood-ratio tests and of a Wald test, under the hypotheses."""
    rng = generator("ratio", replication)
    X = rng.uniform(-2.0, 2.0, (n, 2))
    p = TRUTH.parameters
    slopes = Parameters(p.gate_intercept, p.gate_coef, [2.0, -2.0], [[0.5], [0.5]], [0.3, 0.3])
    y = GMoE(slopes, gate_columns=(0,), expert_columns=(0,)).sample(X, rng)[0]
    wide = Parameters(p.gate_intercept, p.gate_coef, slopes.intercept, [[0.5, 0.0], [0.5, 0.0]], slopes.variance)
    small, large = fitted(X, y, (0,), init=slopes), fitted(X, y, (0, 1), init=wide)
    tied = fitted(X, y, (0,), ParameterSpace(variance_ratio=1.0), slopes)
    return [
        likelihood_ratio_test(small, large).p_value,
        likelihood_ratio_test(tied, small).p_value,
        infer(small).wald_test("coef[0] (0) = coef[0] (1)").p_value,
        infer(small, X, y, cov_type="robust").wald_test("coef[0] (0) = coef[0] (1)").p_value,
    ]


def levels(k, n, n_boot, replication):
    """P-value of k against k + 1 experts on data of k."""
    rng = generator("experts", replication)
    X = rng.uniform(-2.0, 2.0, (n, 1))
    p = TRUTH.parameters
    true = TRUTH if k == 2 else GMoE(Parameters([0.0], [[0.0]], p.intercept[:1], p.coef[:1], p.variance[:1]))
    y = true.sample(X, rng)[0]
    result = fitted(X, y, init=true.parameters, k=k)
    return n_experts_test(result, X, y, rng=rng, n_boot=n_boot).p_value if result.certified else np.nan


def table(title, names, rates, low, high):
    """Print rates of coverage, and which lie outside of the band asked for."""
    print(title)
    for name, rate in zip(names, rates, strict=True):
        if np.isfinite(rate):
            print(f"  {name:<20} {rate:6.1%}{'' if low <= rate <= high else f'   outside {low:.1%}..{high:.1%}'}")


def main():
    """Run a section and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", choices=["wald", "sandwich", "bootstrap", "ratio", "experts"])
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=199)
    parser.add_argument("--experts", type=int, default=1, choices=[1, 2], help="k of the section experts")
    parser.add_argument("--size", type=int, default=150, help="observations of the section experts")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    began = time.process_time()
    start = fitted(*well_specified(np.random.default_rng(0)))
    names = start.parameter_names
    # The fit has the larger share first, as the truth has it.
    target = parameter_values(TRUTH)
    tasks = {
        "wald": lambda: partial(cover, "wald", well_specified, target),
        "sandwich": lambda: partial(
            cover,
            "sandwich",
            misspecified,
            parameter_values(fitted(*misspecified(np.random.default_rng(1), PSEUDO)).model),
        ),
        "bootstrap": lambda: partial(resample, options.resamples, target),
        "ratio": lambda: ratios,
        "experts": lambda: partial(levels, options.experts, options.size, options.resamples),
    }
    task = tasks[options.section]()
    with Pool(options.jobs) as pool:
        found = np.array(pool.map(task, range(options.replications)))
    print(
        f"{options.section}: {options.replications} data sets, {time.process_time() - began:.0f} s of the first process"
    )
    if options.section in ("wald", "sandwich"):
        table("observed information", names, found[:, 0].mean(axis=0), 0.935, 0.965)
        table("sandwich", names, found[:, 1].mean(axis=0), 0.935, 0.965)
    elif options.section == "bootstrap":
        table(f"percentile, {options.resamples} resamples", names, found[:, 0].mean(axis=0), 0.93, 0.97)
        table("BCa", names, found[:, 1].mean(axis=0), 0.93, 0.97)
    elif options.section == "ratio":
        for name, column in zip(
            ("column", "equal variances", "equal slopes", "the same, robust"), found.T, strict=True
        ):
            p = scipy.stats.kstest(column, "uniform").pvalue
            print(f"  {name:<20} Kolmogorov-Smirnov p = {p:.3g}, level at 5 %: {np.mean(column <= 0.05):.1%}")
    else:
        used = found[np.isfinite(found)]
        low, high = scipy.stats.binomtest(int(np.sum(used <= 0.05)), len(used)).proportion_ci()
        print(f"  level at 5 %: {np.mean(used <= 0.05):.1%} of {len(used)} ({low:.1%} .. {high:.1%})")


if __name__ == "__main__":
    main()
