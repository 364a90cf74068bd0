"""A line through the feature space: one feature moves, the others stay at their medians."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

N_POINTS = 400
# From so many held features on, a label says "the others" instead of their values.
MAX_NAMED = 3


@dataclass(frozen=True, eq=False)
class Slice:
    """Points along one feature, and in words where they lie.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The feature in the data.
    name : str
    grid : ndarray, shape (N_POINTS,)
        Points from its smallest to its largest value.
    X : ndarray, shape (N_POINTS, n_features)
        The same points with the other features at their medians.
    held : str
        Which features that matter are held where; empty where none is.
    """

    values: np.ndarray
    name: str
    grid: np.ndarray
    X: np.ndarray
    held: str

    @property
    def label(self) -> str:
        """Label of the axis."""
        return f"{self.name}\n({self.held})" if self.held else self.name


def checked(estimator: Any, X: Any) -> np.ndarray:
    """Return X as an array (n, n_features), after scikit-learn's checks against the fit."""
    check_is_fitted(estimator)
    return validate_data(estimator, X, reset=False, dtype=np.float64)


def slice_along(
    estimator: Any, X: np.ndarray, feature: Any, seen: tuple[int, ...], mattering: tuple[int, ...]
) -> Slice:
    """Build a slice.

    Parameters
    ----------
    estimator : fitted estimator
    X : ndarray, shape (n, n_features)
    feature : int, str or None
        Column by index or name; None is the first one ``seen``.
    seen : tuple of int
        Columns among which the feature must be; empty: any will do.
    mattering : tuple of int
        Columns that what is drawn depends on.
    """
    names = [str(name) for name in getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(X.shape[1])])]
    column = _column(feature, names, seen)
    centre = np.median(X, axis=0)
    grid = np.linspace(X[:, column].min(), X[:, column].max(), N_POINTS)
    points = np.tile(centre, (N_POINTS, 1))
    points[:, column] = grid
    others = sorted(set(mattering) - {column})
    held = ", ".join(f"{names[j]} = {centre[j]:.4g}" for j in others)
    if len(others) > MAX_NAMED:
        held = "other features at their medians"
    elif held:
        held = f"at the median {held}" if len(others) == 1 else f"at the medians {held}"
    return Slice(X[:, column], names[column], grid, points, held)


def _column(feature: Any, names: list[str], seen: tuple[int, ...]) -> int:
    if feature is None:
        return seen[0] if seen else 0
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"Unknown feature {feature!r}; X has {', '.join(map(repr, names))}.")
        feature = names.index(feature)
    if not 0 <= feature < len(names):
        raise ValueError(f"feature={feature} is no column of X, which has {len(names)}: use 0 to {len(names) - 1}.")
    if seen and feature not in seen:
        usable = ", ".join(f"{j} ({names[j]!r})" for j in seen)
        raise ValueError(f"feature={feature} ({names[feature]!r}) does not enter what is drawn; use one of {usable}.")
    return int(feature)
