"""A line or a plane in the feature space: features move, other numbers stay at medians, categories at a level."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gmoe.design import Design, cells, column_names, is_category

N_POINTS, N_ACROSS = 400, 120
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
    X : ndarray or data frame, N_POINTS rows
        The same points with the other features held.
    held : str
        Which features that matter are held where; empty where none is.
    """

    values: np.ndarray
    name: str
    grid: np.ndarray
    X: Any
    held: str

    @property
    def label(self) -> str:
        """Label of the axis."""
        return f"{self.name}\n({self.held})" if self.held else self.name


def checked(estimator: Any, X: Any) -> Design:
    """Return the design of a fit, after its checks of X."""
    check_is_fitted(estimator)
    estimator.design_.matrix(estimator, X)
    return estimator.design_


def slice_along(estimator: Any, X: Any, feature: Any, seen: tuple[int, ...], mattering: tuple[int, ...]) -> Slice:
    """Build a slice.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like or data frame, shape (n, n_features)
    feature : int, str or None
        Column by index or name; None is the first one of numbers ``seen``.
    seen : tuple of int
        Columns among which the feature must be; empty: any will do.
    mattering : tuple of int
        Columns that what is drawn depends on.
    """
    names = _names(estimator)
    table = _columns(X, names, estimator.design_)
    categories = {j for j, values in table.items() if is_category(values)}
    column = _column(feature, names, seen, categories)
    centre = {j: _typical(values, j in categories) for j, values in table.items()}
    values = cells(table[column]).astype(float)
    grid = np.linspace(np.nanmin(values), np.nanmax(values), N_POINTS)
    points = {j: np.full(N_POINTS, value) for j, value in centre.items()} | {column: grid}
    others = sorted(set(mattering) - {column})
    return Slice(values, names[column], grid, _like(X, points, names), _held(others, names, centre, categories))


@dataclass(frozen=True, eq=False)
class Plane:
    """Points over two features, row by row of the second, and in words where they lie.

    Attributes
    ----------
    values : tuple of ndarray, shape (n,)
        The features in the data.
    grids : tuple of ndarray, shape (N_ACROSS,)
    X : ndarray or data frame, N_ACROSS ** 2 rows
    labels : tuple of str
        Of the axes; the first one says where other features are held.
    """

    values: tuple[np.ndarray, np.ndarray]
    grids: tuple[np.ndarray, np.ndarray]
    X: Any
    labels: tuple[str, str]


def plane_along(estimator: Any, X: Any, features: Any, seen: tuple[int, ...]) -> Plane:
    """Build a plane over two of the features ``seen``; None is the first two of numbers."""
    names = _names(estimator)
    table = _columns(X, names, estimator.design_)
    categories = {j for j, values in table.items() if is_category(values)}
    if features is None:
        features = [j for j in seen if j not in categories][:2]
    if isinstance(features, str) or len(features) != 2 or features[0] == features[1]:
        raise ValueError(f"A plane is of two features of numbers, got {features!r}; give two that the gate sees.")
    columns = [_column(feature, names, seen, categories) for feature in features]
    across, up = (cells(table[column]).astype(float) for column in columns)
    grids = tuple(np.linspace(np.nanmin(values), np.nanmax(values), N_ACROSS) for values in (across, up))
    centre = {j: _typical(values, j in categories) for j, values in table.items()}
    mesh = dict(zip(columns, np.meshgrid(*grids), strict=True))
    points = {j: np.full(N_ACROSS**2, value) for j, value in centre.items()}
    points |= {column: values.ravel() for column, values in mesh.items()}
    held = _held(sorted(set(seen) - set(columns)), names, centre, categories)
    labels = names[columns[0]] + (f"\n({held})" if held else ""), names[columns[1]]
    return Plane((across, up), (grids[0], grids[1]), _like(X, points, names), labels)


def feature_values(estimator: Any, X: Any, feature: Any) -> tuple[np.ndarray, str]:
    """Return a column of X by index or name, also one that the model does not see, and its name."""
    names = _names(estimator)
    column = _column(feature, names, (), set())
    values = np.asarray(X)[:, column] if column_names(X) is None else X[names[column]]
    if is_category(values):
        raise ValueError(f"feature={feature!r} is a category, which has no place on an axis; use a column of numbers.")
    return cells(values).astype(float), names[column]


def _names(estimator):
    counted = [f"x{j}" for j in range(estimator.n_features_in_)]
    return [str(name) for name in getattr(estimator, "feature_names_in_", counted)]


def _columns(X, names, design):
    """Columns of X that its design reads, by their places."""
    known = column_names(X)
    if known is None:
        return dict(enumerate(np.asarray(X).T))
    places = {*design.gate_sources, *design.expert_sources} if design.by_name else range(len(names))
    return {j: X[names[j]] for j in sorted(places)}


def _like(X, points, names):
    """Points as X is: an array, or a data frame of the same maker."""
    if column_names(X) is None:
        return np.column_stack(list(points.values()))
    return type(X)({names[j]: values for j, values in points.items()})


def _typical(values, category):
    # What a pipeline reads may have gaps, which it fills.
    found = cells(values)
    return Counter(found).most_common(1)[0][0] if category else np.nanmedian(found.astype(float))


def _held(others, names, centre, categories):
    """Say where features are held."""
    if len(others) > MAX_NAMED:
        return f"other features at their {'most frequent levels and ' * bool(categories & set(others))}medians"
    texts = [f"{names[j]} = {centre[j] if j in categories else format(centre[j], '.4g')}" for j in others]
    if not others or categories & set(others):
        return f"at {', '.join(texts)}" if others else ""
    return f"at the median{'s' * (len(others) > 1)} {', '.join(texts)}"


def _column(feature: Any, names: list[str], seen: tuple[int, ...], categories: set[int]) -> int:
    if feature is None:
        feature = next((j for j in seen or range(len(names)) if j not in categories), seen[0] if seen else 0)
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"Unknown feature {feature!r}; X has {', '.join(map(repr, names))}.")
        feature = names.index(feature)
    if not 0 <= feature < len(names):
        raise ValueError(f"feature={feature} is no column of X, which has {len(names)}: use 0 to {len(names) - 1}.")
    if seen and feature not in seen:
        usable = ", ".join(f"{j} ({names[j]!r})" for j in seen)
        raise ValueError(f"feature={feature} ({names[feature]!r}) does not enter what is drawn; use one of {usable}.")
    if feature in categories:
        raise ValueError(f"feature={feature} ({names[feature]!r}) is a category; draw against a column of numbers.")
    return int(feature)
