"""Fits of any gate and experts to any data: finite and consistent, or refused in one line."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gmoe import GaussianMoERegressor, Summary
from trust._run import need, one_line
from trust.draws import Problem, problem

# Sums of n terms of double precision, of numbers up to some hundred.
ROUNDING = 1e-9
# Log-likelihood per unit of weight by which two searches of one problem may differ: the contract of the package.
SAME = 1e-6


def case(rng: np.random.Generator) -> tuple[str, int]:
    """Fit a problem, check the fit, and compare it with that of a related problem."""
    asked = problem(rng)
    fitted = fit(asked)
    check(asked, fitted)
    related = RELATED[int(rng.integers(len(RELATED)))]
    return related.__name__, 1 + related(rng, asked, fitted)


def fit(asked: Problem, **options):
    """Fit a problem, or raise as refused."""
    estimator = GaussianMoERegressor(asked.k, asked.gate, experts=asked.experts, **{**asked.options, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return estimator.fit(asked.X, asked.y, sample_weight=asked.weight)
        except (ValueError, TypeError) as error:
            raise one_line(error) from error


def weights(asked: Problem) -> np.ndarray:
    """Weights of the rows."""
    return np.ones(len(asked.y)) if asked.weight is None else np.asarray(asked.weight, dtype=float)


def check(asked: Problem, fitted) -> None:
    """Raise a WrongError unless the fit is finite and agrees with itself."""
    r, model, weight = fitted.fit_result_, fitted.model_, weights(asked)
    need(np.isfinite(r.log_likelihood), f"log-likelihood {r.log_likelihood}: {asked}")
    for name, array in model.parameters.arrays.items():
        need(np.isfinite(array).all(), f"{name} = {array}: {asked}")
    used = weight > 0
    density = np.asarray(fitted.score_samples(asked.X, asked.y))
    need(np.isfinite(density[used]).all(), f"log-density: {asked}")
    gate = fitted.predict_gate(asked.X)
    need((gate >= 0.0).all() and np.abs(gate.sum(axis=1) - 1.0).max() < 1e-12, f"gate does not sum to 1: {asked}")
    part = fitted.responsibilities(asked.X, asked.y)[used]
    need(np.abs(part.sum(axis=1) - 1.0).max() < 1e-12, f"responsibilities do not sum to 1: {asked}")
    need(np.isfinite(fitted.predict(asked.X)).all(), f"predictions: {asked}")
    size = float(weight[used] @ (1.0 + np.abs(density[used])))
    total = float(weight[used] @ density[used])
    need(abs(total - r.log_likelihood) <= ROUNDING * size, f"log-likelihood {r.log_likelihood} of {total}: {asked}")
    errors, noted = r.standard_errors, np.array(r.notes) != ""
    need((np.isfinite(errors) & (errors > 0.0))[~noted].all(), f"standard errors {errors} {r.notes}: {asked}")
    need(np.isnan(errors[noted]).all(), f"standard errors with a note: {asked}")
    need(r.status != "converged" or r.gradient <= 1e-6, f"gradient {r.gradient} of a certified fit: {asked}")
    need(0 < r.n_agreeing <= r.n_starts, f"{r.n_agreeing} of {r.n_starts} starts: {asked}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = str(Summary(r))
    need("\x1b" not in text, f"the summary has a control character: {asked}")


def same_rows_in_another_order(rng, asked: Problem, fitted) -> int:
    """From the maximum that was found, rows in another order are no worse."""
    order = rng.permutation(len(asked.y))
    X = asked.X.iloc[order] if hasattr(asked.X, "iloc") else asked.X[order]
    weight = None if asked.weight is None else np.asarray(asked.weight)[order]
    moved = fit(asked.moved(X=X, y=asked.y[order], weight=weight), init=fitted.model_.parameters)
    if _is_sure(fitted):
        _no_worse(asked, moved.log_likelihood_, fitted.log_likelihood_, "other order")
    return 1


def other_units(rng, asked: Problem, fitted) -> int:
    """Another unit of y shifts the log-likelihood by its logarithm, and changes nothing else."""
    y = np.asarray(asked.y, dtype=float)
    spread = np.abs(y).max(initial=0.0) or 1.0
    power = rng.integers(-40, 41)
    if asked.experts.n_given or not 1e-100 < spread * 2.0**power < 1e100 or not 1e-100 < spread < 1e100:
        return 0
    moved = fit(asked.moved(X=asked.X, y=np.ldexp(y, power)))
    n_outputs = 1 if y.ndim == 1 else y.shape[1]
    shift = weights(asked).sum() * n_outputs * power * np.log(2.0)
    # Scaling by a power of two is exact, so that the searches are the same but for rounding of logarithms.
    if _is_sure(fitted) and _is_sure(moved):
        _no_worse(asked, moved.log_likelihood_ + shift, fitted.log_likelihood_, "other unit")
        _no_worse(asked, fitted.log_likelihood_, moved.log_likelihood_ + shift, "unit")
    return 1


def one_expert_more(rng, asked: Problem, fitted) -> int:
    """One expert more is no worse, where neither fit is at an edge of the parameter space, which depends on k."""
    more = asked.k + 1
    try:
        asked.gate.check(more, np.shape(asked.X)[1])
    except ValueError:
        return 0
    larger = fit(asked.moved(k=more))
    check(asked.moved(k=more), larger)
    ours = (fitted.fit_result_, larger.fit_result_)
    if asked.options.get("solver") != "em" and all(r.status in ("converged", "gate_separated") for r in ours):
        dense = not asked.gate.is_sparse(asked.k) and not asked.gate.is_sparse(more)
        if dense and asked.gate.shared_parameters(fitted.model_.sizes[0]) == 0:
            _no_worse(asked, larger.log_likelihood_, fitted.log_likelihood_, f"{more} experts")
    return 1


def repeated_rows(rng, asked: Problem, fitted) -> int:
    """From the maximum that was found, rows repeated as often as their weights say are no worse."""
    counts = weights(asked)
    if not _is_sure(fitted) or counts.max() > 9 or (counts != np.rint(counts)).any():
        return 0
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    X = asked.X.iloc[rows] if hasattr(asked.X, "iloc") else asked.X[rows]
    moved = fit(asked.moved(X=X, y=asked.y[rows], weight=None), init=fitted.model_.parameters)
    _no_worse(asked, moved.log_likelihood_, fitted.log_likelihood_, "repeated rows")
    return 1


def the_same_again(rng, asked: Problem, fitted) -> int:
    """The same problem has the same answer, to the last bit."""
    again = fit(asked)
    same = again.log_likelihood_ == fitted.log_likelihood_ and all(
        np.array_equal(again.model_.parameters.arrays[name], array)
        for name, array in fitted.model_.parameters.arrays.items()
    )
    need(same, f"another answer the second time: {asked}")
    return 1


RELATED = (same_rows_in_another_order, other_units, one_expert_more, repeated_rows, the_same_again)


def _is_sure(fitted) -> bool:
    return fitted.fit_result_.status == "converged"


def _no_worse(asked, found, than, what):
    slack = SAME * (weights(asked).sum() + abs(than))
    need(found >= than - slack, f"{what}: {found!r} is below {than!r}: {asked}")
