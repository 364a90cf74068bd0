"""Time one fit, in a process of its own: prints seconds of the clock and of the processor, and what came of it.

Run by its path, so that PYTHONPATH alone decides which gmoe is timed.
"""

import sys
import time
import warnings

import numpy as np

from gmoe import GaussianMoERegressor


def few_rows():
    """60 rows of a straight line."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    return x[:, None], x + rng.normal(size=60)


def many_features():
    """2000 rows, 8 features: a gate on the first two, three experts on three."""
    rng = np.random.default_rng(20270105)
    X = rng.normal(size=(2000, 8))
    logit = X[:, :2] @ rng.normal(0, 2, (2, 3))
    chosen = np.argmax(logit + rng.gumbel(size=logit.shape), axis=1)
    mean = X[:, :3] @ rng.normal(0, 2, (3, 3)) + rng.normal(0, 2, 3)
    return X, mean[np.arange(2000), chosen] + rng.normal(size=2000)


def warm_up():
    """Compile: small fits of the same kind."""
    X, y = few_rows()
    for k in (2, 3):
        GaussianMoERegressor(k, n_init=1, random_state=0).fit(X, y)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    data, k = {"few": few_rows, "features": many_features}[sys.argv[1]], int(sys.argv[2])
    warm_up()
    X, y = data()
    begin, begin_cpu = time.perf_counter(), time.process_time()
    try:
        fitted = GaussianMoERegressor(k, random_state=0).fit(X, y)
        said = f"{fitted.fit_result_.status} {fitted.log_likelihood_:.6f}"
    except ValueError as error:
        said = f"refused: {error}"
    print(time.perf_counter() - begin, time.process_time() - begin_cpu, said.replace("\n", " "))
