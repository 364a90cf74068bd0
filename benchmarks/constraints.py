"""Whether likelihood ratios of held and tied parameters are calibrated: ``python -m benchmarks.constraints``.

Data sets from a known model of two experts in which the hypotheses hold: a slope, a gate slope and a whole expert have
the values at which they are held; two slopes are equal, and all variances.  Each is fitted with the constraint and
without, from the truth, or with ``--search`` from the data alone; the probabilities of the likelihood-ratio tests are
compared with the uniform distribution by Kolmogorov and Smirnov.  ``ridge`` says how far a penalised fit is from the
truth, beside the plain one (mean squared error of the slopes, six features of which one has an effect).
"""

import argparse
import time
from functools import partial
from multiprocessing import Pool

import numpy as np
import scipy

from gmoe import GMoE, Parameters, SoftmaxGate
from gmoe.constraints import Held, HeldExpert, Ridge, Tied
from gmoe.inference import likelihood_ratio_test
from gmoe.solvers.fit import fit

SEED = 20261129
TRUTH = GMoE(
    Parameters([0.0, -0.4], [[0.0, 0.0], [1.5, 0.5]], [2.0, -2.0], [[-1.0, 0.5], [1.0, 0.5]], [0.3, 0.3]),
)
HYPOTHESES = {
    "held slope": [Held("coef[0] (0)", -1.0)],
    "held gate slope": [Held("gate_coef[1] (1)", 0.5)],
    "held expert": [HeldExpert(1, TRUTH)],
    "tied slopes": [Tied("coef[1]")],
    "tied slopes and variances": [Tied("coef[1]"), Tied("variance")],
}


def fitted(X, y, constraints=(), search=False, truth=TRUTH):
    """Fit from the truth, or from the data alone."""
    columns = np.arange(X.shape[1], dtype=np.intp)
    settings = {"n_init": 5} if search else {"init": truth.parameters}
    return fit(
        X, y, gate=SoftmaxGate(), gate_columns=columns, expert_columns=columns, n_experts=2, constraints=constraints,
        **settings,
    )  # fmt: skip


def probabilities(n, search, replication):
    """P-values of all hypotheses on one data set; nan where a fit has no certificate, or ends elsewhere."""
    rng = np.random.default_rng([SEED, replication])
    X = rng.uniform(-2.0, 2.0, (n, 2))
    y = TRUTH.sample(X, rng)[0]
    large, found = fitted(X, y, search=search), []
    for constraints in HYPOTHESES.values():
        small = fitted(X, y, constraints, search)
        usable = large.certified and small.certified and small.log_likelihood <= large.log_likelihood + 1e-6
        found.append(likelihood_ratio_test(small, large).p_value if usable else np.nan)
    return found


def shrunk(n, strengths, replication):
    """Mean squared errors of the slopes of the plain fit and of those with penalties, and their BIC."""
    rng, d = np.random.default_rng([SEED, 1, replication]), 6
    zeros = np.zeros((2, d))
    gate, coef = zeros.copy(), zeros.copy()
    gate[1, 0], coef[:, 0] = 1.5, (-1.0, 1.0)
    truth = GMoE(Parameters([0.0, -0.4], gate, [2.0, -2.0], coef, [0.6, 0.6]))
    X = rng.uniform(-2.0, 2.0, (n, d))
    y = truth.sample(X, rng)[0]
    fits = [fitted(X, y, [Ridge("coef", s), Ridge("gate_coef", s)], truth=truth) for s in (0.0, *strengths)]
    return [[float(np.mean((one.model.parameters.coef - coef) ** 2)), one.effective_df] for one in fits]


def main():
    """Run a section and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="?", choices=["ratio", "ridge"], default="ratio")
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--size", type=int, default=500, help="observations of each data set")
    parser.add_argument("--search", action="store_true", help="fit from the data alone")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    began, strengths = time.process_time(), (1.0, 3.0, 10.0, 30.0)
    ratio = options.section == "ratio"
    task = partial(probabilities, options.size, options.search) if ratio else partial(shrunk, options.size, strengths)
    with Pool(options.jobs) as pool:
        found = np.array(pool.map(task, range(options.replications)))
    print(
        f"{options.replications} data sets of {options.size}, {time.process_time() - began:.0f} s of the first process"
    )
    if not ratio:
        for strength, (error, df) in zip((0.0, *strengths), found.mean(axis=0), strict=True):
            print(f"  strength {strength:<6g} mean squared error {error:.5f}, effective df {df:.2f}")
        return
    for name, column in zip(HYPOTHESES, found.T, strict=True):
        used = column[np.isfinite(column)]
        p = scipy.stats.kstest(used, "uniform").pvalue
        level = np.mean(used <= 0.05)
        print(f"  {name:<26} Kolmogorov-Smirnov p = {p:.3g}, level at 5 %: {level:.1%} of {len(used)}")


if __name__ == "__main__":
    main()
