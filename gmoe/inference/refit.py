"""Fits of a known model to other data, from its parameters."""

from collections.abc import Callable

import numpy as np
from joblib import Parallel, delayed

from gmoe.solvers.evidence.result import FitResult
from gmoe.solvers.fit import fit


def settings(result: FitResult) -> dict:
    """Return what a refit has in common with a fit."""
    model = result.model
    return {
        "gate": model.gate,
        "experts": model.experts,
        "gate_columns": np.array(model.gate_columns, dtype=np.intp),
        "expert_columns": np.array(model.expert_columns, dtype=np.intp),
        "space": result.space,
        "constraints": result.held,
    }


def refit(result: FitResult, X, y, weight) -> FitResult | None:
    """Climb from the fit's parameters; None where that cannot be done with such data."""
    try:
        return fit(
            X,
            y,
            _needed(weight),
            n_experts=result.model.n_experts,
            init=result.model.parameters,
            column_names=result.column_names,
            **settings(result),
        )
    except (ValueError, np.linalg.LinAlgError):
        # Too few rows, a constant column or response.
        return None


def search(result: FitResult, n_experts: int, X, y, weight, n_init: int, seed: int) -> FitResult:
    """Fit another number of experts, from the data alone."""
    return fit(X, y, _needed(weight), n_experts=n_experts, n_init=n_init, seed=seed, **settings(result))


def _needed(weight):
    return None if np.all(weight == 1.0) else weight


def run(task: Callable, rng: np.random.Generator, n: int, n_jobs: int | None) -> list:
    """Call a task n times, each with a generator of its own, so that results do not depend on ``n_jobs``."""
    generators = rng.spawn(n)
    if n_jobs in (None, 1):
        return [task(generator) for generator in generators]
    return Parallel(n_jobs=n_jobs)(delayed(task)(generator) for generator in generators)
