"""Default fits, and the set over which their likelihood is maximised."""

import time
import warnings
from dataclasses import dataclass

import numpy as np

from gmoe import GaussianMoERegressor, GMoE

# Written out here, not taken from gmoe.ParameterSpace: a default that moved would be seen.
MIN_RATIO = 1e-4
# Values of maxima of which one is lower by no more than this are the same.
SAME = 1e-6


@dataclass(frozen=True)
class Fit:
    """What a line wants to know of a fit; where there was an error ``model`` is None and ``said`` its message."""

    value: float
    status: str
    held: bool
    seconds: float
    model: GMoE | None = None
    said: str = ""

    @property
    def certified(self):
        return self.status == "converged"


def default_fit(X, y, n_experts, gate="softmax", seed=0, **settings):
    """A fit by default settings; an error is its status, and its value is nan."""
    begin = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = GaussianMoERegressor(n_experts, gate, random_state=seed, **settings).fit(X, y)
    except Exception as error:  # an error is an answer, and the next data set is still of interest
        # A ValueError is a refusal: the set is empty, or the data do not do.
        status = "refused" if isinstance(error, ValueError) else f"error {type(error).__name__}"
        return Fit(np.nan, status, False, time.perf_counter() - begin, said=str(error))
    result = fitted.fit_result_
    held = bool(getattr(result, "selection_held", False))
    return Fit(fitted.log_likelihood_, result.status, held, time.perf_counter() - begin, fitted.model_)


def min_rows(n_coefficients):
    """Least effective rows of an expert with so many coefficients, its intercept among them."""
    return 2 * (n_coefficients + 1) + n_coefficients - 1


def within(variance, gate_proba, n_coefficients):
    """Whether variances (k,) and gate probabilities (n, k) are in the set."""
    rows = gate_proba.sum(axis=0).min()
    return bool(variance.min() >= MIN_RATIO * variance.max() and rows >= min_rows(n_coefficients) * (1 - 1e-9))


def in_set(model, X):
    """Whether a model is in the set."""
    parameters = model.parameters
    return within(parameters.variance, model.gate_proba(X), 1 + parameters.coef.shape[1])


def statuses(fits):
    """How many fits have which status, as text."""
    names, counts = np.unique([fit.status for fit in fits], return_counts=True)
    return ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True))
