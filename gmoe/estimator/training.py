"""What a fit is given, checked and turned into numbers."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, check_X_y
from sklearn.utils.validation import _check_sample_weight, validate_data

from gmoe._validation import check_choice, check_finite, check_numeric, not_finite
from gmoe.design import Choice, Design, Gaps, choose, column_names, take
from gmoe.design.whole import DTYPES


@dataclass(frozen=True, eq=False)
class Training:
    """Data of a fit.

    Attributes
    ----------
    design : Design
        Learnt from them.
    X : ndarray, shape (n, columns of the design)
    y : ndarray, shape (n,) or (n, n_outputs)
    weight : ndarray, shape (n,), or None
    rows : ndarray of int
        Those of the given rows that are used.
    n_given : int
    """

    design: Design
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    rows: np.ndarray
    n_given: int

    @property
    def n_outputs(self) -> int:
        """Number of responses."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

    @property
    def n_used(self) -> int:
        """Number of rows of positive weight."""
        return len(self.y) if self.weight is None else int(np.count_nonzero(self.weight))


def prepare(estimator: Any, X: Any, y: Any, weight: Any, multi_output: bool) -> Training:
    """Check what a fit is given, leave out or refuse rows that lack a value, and learn the design from the rest."""
    check_choice(estimator.missing, "missing", tuple(MISSING))
    if column_names(X) is None and estimator.formula is None:
        X = validate_data(estimator, X, dtype=DTYPES, ensure_all_finite=False)
    choice = choose(X, estimator.gate_features, estimator.expert_features, estimator.formula, estimator.coding)
    if y is not None:
        check_consistent_length(X, y)
    if weight is not None:
        weight = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
    n_given = len(X)
    rows = _complete_rows(choice, X, y, n_given, MISSING[estimator.missing])
    if len(rows) < n_given:
        X, y, weight = (None if values is None else take(values, rows) for values in (X, y, weight))
    design = choice.learn(X)
    matrix, y = design.matrix(estimator, X, reset=True), design.response(X, y)
    check_columns(design, matrix)
    matrix, y = check_response(estimator, matrix, y, DTYPES, multi_output)
    return Training(design, matrix, y, weight, rows, n_given)


def _complete_rows(choice: Choice, X, y, n, deal_with):
    gaps = choice.gaps(X, y)
    if not gaps:
        return np.arange(n)
    deal_with(gaps)
    return np.flatnonzero(~gaps.rows)


def _refuse(gaps: Gaps) -> None:
    empty = next((name for name, mask in gaps.columns.items() if mask.all()), None)
    remedy = "leave such rows out by missing='drop', impute them, or leave the column out"
    gaps.refuse(remedy if empty is None else f"leave out {empty}, which has no value")


def _drop(gaps: Gaps) -> None:
    if gaps.rows.all():
        gaps.refuse("missing='drop' leaves no row, as each lacks a value: use fewer columns")
    # The caller of fit.
    warnings.warn(f"Left out {gaps.rows.sum()} of {len(gaps.rows)} rows that lack a value: {gaps}.", stacklevel=5)


# What a fit does about rows that lack a value.
MISSING = {"error": _refuse, "drop": _drop}


def check_columns(design: Design, matrix: np.ndarray) -> None:
    """Raise a ValueError for what is not finite in columns that are used."""
    if next(not_finite(matrix), None) is not None:
        for name, values in design.used(matrix).items():
            check_finite(values, name)


def check_rows(n_used: int, n_experts: int) -> None:
    """Raise a ValueError where there are too few rows of positive weight."""
    if n_used == 0:
        raise ValueError("All sample weights are zero; at least one weight must be positive.")
    if n_used < n_experts:
        raise ValueError(
            f"n_samples={n_used} (of positive weight) is fewer than n_experts={n_experts}; "
            "use fewer experts or more observations."
        )


def check_response(estimator: Any, matrix: np.ndarray, y: Any, dtype: Any, multi_output: bool) -> tuple:
    """Return matrix and y as arrays of equal length, y of finite numbers."""
    if y is not None:
        check_numeric(y, "y")
        check_finite(np.asarray(y), "y")
    matrix, y = check_X_y(
        matrix,
        y,
        dtype=dtype,
        estimator=estimator,
        multi_output=multi_output,
        y_numeric=True,
        ensure_all_finite=False,
        ensure_min_features=0,  # of X there is one, of those chosen perhaps none
    )
    check_finite(y, "y")
    return matrix, y
