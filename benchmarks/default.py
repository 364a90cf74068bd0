"""The default fit, from data alone and certified, against climbs that one would write by hand.

Ten climbs of SciPy's BFGS on the tuned NumPy likelihood, each from a start beside the truth, which no user has; and as
many of L-BFGS from random starts as the default fit climbed itself.  scikit-learn's ``GaussianMixture(n_init=10)`` on
(x, y) together is another model, and what many fit instead.  R's flexmix fits with a multinomial gate, where R is.
"""

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from benchmarks._measure import Figure, best_of
from benchmarks._peer import Tuned
from benchmarks.fit import bfgs, near
from gmoe import GaussianMoERegressor, Parameters
from gmoe.datasets import make_gmoe

SHAPES = ((1, 2), (1, 3), (5, 4))
# Times faster than ten climbs of BFGS, by n.
TARGETS = {1_000: ">= 5", 10_000: ">= 5", 100_000: ">= 20"}
CLIMBS = 10
FLEXMIX = """
data <- read.csv(commandArgs(TRUE)[1]); suppressMessages(library(flexmix)); set.seed(1)
f <- as.formula(paste("y ~", paste(setdiff(names(data), "y"), collapse = "+")))
g <- update(f, NULL ~ .)
seconds <- system.time(m <- stepFlexmix(f, data = data, k = as.integer(commandArgs(TRUE)[2]), nrep = 10,
    concomitant = FLXPmultinom(g), verbose = FALSE))[3]
cat(seconds, as.numeric(logLik(m)))
"""


def run():
    for n, target in TARGETS.items():
        for d, k in SHAPES:
            yield from _problem(n, d, k, target)


def _problem(n, d, k, target):
    X, y, truth, _ = make_gmoe(n, d, k)
    where, rng = f"n={n}, d={d}, k={k}", np.random.default_rng(0)
    _default(X, y, k)
    n_starts = _default(X, y, k).fit_result_.n_starts
    good = [near(truth.parameters, seed) for seed in range(CLIMBS)]
    drawn = [drawn_start(X, y, k, rng) for _ in range(n_starts)]
    (own, fitted), (ten, near_ends), (many, ends), (joint, _) = best_of(
        3 if n < 100_000 else 1,
        lambda: _default(X, y, k),
        lambda: [bfgs(Tuned, X, y, start)[1] for start in good],
        lambda: [bfgs(Tuned, X, y, start, "L-BFGS-B")[1] for start in drawn],
        lambda: _mixture(np.column_stack([X, y]), k),
    )
    result = fitted.fit_result_
    detail = f"{own:.3f} s, {result.n_starts} starts, {result.n_agreeing} agree, {result.n_passes} passes"
    yield Figure(f"times faster than ten BFGS climbs beside the truth, {where}", ten / own, target, detail=detail)
    yield Figure(f"times faster than as many L-BFGS climbs from random starts, {where}", many / own)
    best = max(*near_ends, *ends)
    yield Figure(f"log-likelihood over the best of all of these, {where}", result.log_likelihood - best, ">= -1e-6")
    yield Figure(f"times faster than GaussianMixture(n_init=10) on (x, y), {where}", joint / own)
    if n <= 10_000 and shutil.which("Rscript"):
        seconds, value = _flexmix(X, y, k)
        detail = f"log-likelihood {value - result.log_likelihood:+.2g}"
        yield Figure(f"times faster than flexmix, nrep = 10, {where}", seconds / own, detail=detail)


def _default(X, y, k):
    return GaussianMoERegressor(k, random_state=0).fit(X, y)


def drawn_start(X, y, k, rng):
    """Start as one would draw it: a line through a few random rows for each expert, and a gate of random slopes."""
    n, d = X.shape
    design = np.column_stack([np.ones(n), X])
    lines = [np.linalg.lstsq(design[rows], y[rows])[0] for rows in (rng.choice(n, d + 2) for _ in range(k))]
    return Parameters(
        gate_intercept=rng.normal(size=k),
        gate_coef=rng.normal(size=(k, d)) / X.std(axis=0),
        intercept=np.array([line[0] for line in lines]),
        coef=np.array([line[1:] for line in lines]),
        variance=np.full(k, y.var()),
    )


def _mixture(joint, k):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(k, n_init=10, random_state=0).fit(joint)


def _flexmix(X, y, k):
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "data.csv", Path(folder) / "fit.R"
        names = ",".join([*(f"x{t}" for t in range(X.shape[1])), "y"])
        np.savetxt(path, np.column_stack([X, y]), delimiter=",", header=names, comments="")
        script.write_text(FLEXMIX)
        done = subprocess.run(["Rscript", script, path, str(k)], check=True, capture_output=True, text=True)
    seconds, value = map(float, done.stdout.split())
    return seconds, value
