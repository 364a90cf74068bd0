"""The data of a fit, given once more: a fit does not keep them."""

import numpy as np

from gmoe.solvers.evidence.digest import digest
from gmoe.solvers.evidence.result import FitResult

# Relative difference of log-likelihoods that is rounding in another order of sums.
ROUNDING = 1e-8


def check_maximum(result: FitResult):
    """Raise a ValueError where the search did not end in a maximum."""
    if not result.converged:
        raise ValueError(
            f"The fit is no maximum (status {result.status!r}), so that nothing is known of its sampling error; fit "
            "again with a larger max_iter, and read explain(fit)."
        )


def check_certified(result: FitResult, what: str):
    """Raise a ValueError where a fit is no interior maximum."""
    if not result.certified:
        raise ValueError(
            f"{what} needs a certified fit, this one has the status {result.status!r}; see its summary for the reason "
            "and the remedy (fewer experts or features, a larger max_iter, or another parameter_space)."
        )


def check_plain(result: FitResult, what: str) -> None:
    """Raise a ValueError for a penalised fit, which is no maximum of the likelihood."""
    if result.penalties:
        raise ValueError(
            f"{what} needs a maximum of the likelihood, and this fit is penalised by {result.penalties[0]}; fit "
            "without penalties, or compare criteria."
        )


def data_of(result: FitResult, X, y, weight=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X, y and weights as arrays, if they are those of the fit; else a ValueError."""
    if X is None or y is None:
        raise ValueError("This needs the data of the fit, which a fit does not keep: give X and y (and sample_weight).")
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    given = None if weight is None else np.asarray(weight, dtype=float)
    weight = np.ones(len(y)) if given is None else given
    used = weight > 0.0
    same = digest(y, given) == result.data
    if same:
        total = float(weight[used] @ result.model.log_density(X[used], y[used]))
        same = abs(total - result.log_likelihood) <= ROUNDING * (1.0 + abs(result.log_likelihood) + weight.sum())
    if not same:
        raise ValueError(
            "X, y and sample_weight are not the data of the fit (its log-likelihood or response differs); give those, "
            "in the same order."
        )
    return X, y, weight
