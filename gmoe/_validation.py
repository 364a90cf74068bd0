"""Checks of what users pass in; every message says what was given, what was expected and what to do."""

import numbers

import numpy as np

from gmoe._limits import excess
from gmoe._names import near

CHUNK = 65536


def not_finite(values, columns=slice(None)):
    """Yield (first row, rows, whether each is finite) of those parts of an array of numbers where some are not.

    Of a matrix, ``columns`` are those that matter.
    """
    for lo in range(0, len(values), CHUNK):
        part = values[lo : lo + CHUNK]
        # A sum is quick, and not finite where a number is not.
        if not np.isfinite(np.sum(part, dtype=np.float64)):
            part = part[..., columns] if part.ndim > 1 else part
            if not (finite := np.isfinite(part)).all():
                yield lo, part, finite


def check_finite(values, name, columns=slice(None)):
    """Raise a ValueError that names the first row with NaN or infinity in columns; reads large arrays in chunks."""
    values = np.asanyarray(values)
    if values.dtype.kind != "f":
        return
    for lo, part, finite in not_finite(values, columns):
        row = lo + int(np.argmax(~finite.reshape(len(part), -1).all(axis=1)))
        kind = "NaN" if np.isnan(part).any() else "infinity (inf)"
        raise ValueError(f"Input {name} contains {kind}, first in row {row}; drop or impute rows that are not finite.")


def check_numeric(values, name):
    """Raise a TypeError for text, also where it spells numbers."""
    values = np.asarray(values)
    if values.dtype.kind in "USO" and any(isinstance(value, str | bytes) for value in values.ravel()):
        first = next(value for value in values.ravel() if isinstance(value, str | bytes))
        raise TypeError(
            f"{name} must be numbers, got text such as {first!r}; convert it, for instance by astype(float)."
        )


def check_integer(value, name, minimum):
    """Return ``value`` as int, or raise where it is not an integer from ``minimum`` to the largest of its name."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer >= {minimum}, got {value!r} of type {type(value).__name__}.")
    if value < minimum:
        raise ValueError(f"{name} must be >= {minimum}, got {value}.")
    if wrong := excess(int(value), name):
        raise ValueError(f"{name} {wrong}.")
    return int(value)


def check_positive(value, name):
    """Return ``value`` as float, or raise where it is not a positive finite number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a positive number, got {value!r} of type {type(value).__name__}.")
    number = float(value)
    if not 0.0 < number < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}.")
    return number


def check_not_negative(value, name):
    """Return ``value`` as float, or raise where it is not a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number >= 0, got {value!r} of type {type(value).__name__}.")
    number = float(value)
    if not 0.0 <= number < np.inf:
        raise ValueError(f"{name} must be finite and >= 0, got {value}.")
    return number


def check_schedule(schedule):
    """Return a schedule as a tuple of floats (None as it is), or raise where it is not positive and falling."""
    if schedule is None:
        return None
    wanted = "schedule must be None or positive numbers that fall, such as (4, 2, 1, 0.5)"
    if isinstance(schedule, str) or not np.iterable(schedule):
        raise TypeError(f"{wanted}; got {schedule!r}.")
    steps = tuple(check_positive(step, "each step of schedule") for step in schedule)
    if not steps or any(later >= earlier for earlier, later in zip(steps, steps[1:], strict=False)):
        raise ValueError(f"{wanted}; got {list(steps)}. Sort them from soft to sharp, each once.")
    return steps


def check_choice(value, name, choices):
    """Return ``value``, or raise with the list of choices."""
    if value not in choices:
        raise ValueError(f"Unknown {name} {value!r}; known: {', '.join(map(repr, choices))}.")
    return value


def resolve_columns(selection, name, n_features, feature_names):
    """Column indices of a selection by index, name or mask.

    Parameters
    ----------
    selection : None, or sequence of int, of str, or of bool with one entry per column
        None is every column; an empty sequence none.
    name : str
        Of the argument, for messages.
    n_features : int
    feature_names : sequence of str or None

    Returns
    -------
    ndarray of int
    """
    if selection is None:
        return np.arange(n_features)
    if isinstance(selection, str):
        raise TypeError(f"{name} must be a list of columns, got the string {selection!r}; write [{selection!r}].")
    if not np.iterable(selection):
        raise TypeError(f"{name} must be a list of columns, got {selection!r}; write [{selection!r}].")
    items = list(selection)
    if not items:
        return np.empty(0, dtype=np.intp)
    if all(isinstance(item, str) for item in items):
        return _unique([_by_name(item, name, feature_names) for item in items], name, items)
    if all(isinstance(item, bool | np.bool_) for item in items):
        if len(items) != n_features:
            raise ValueError(
                f"The mask {name} has {len(items)} entries, X has {n_features} columns; give one for each."
            )
        return np.flatnonzero(items)
    if not all(isinstance(item, numbers.Integral) and not isinstance(item, bool) for item in items):
        raise TypeError(f"{name} must hold indices, names or a mask, got {items!r}.")
    if min(items) < -n_features or max(items) >= n_features:
        raise ValueError(f"{name} has indices {items}, X has {n_features} columns: use 0 to {n_features - 1}.")
    return _unique([int(item) % n_features for item in items], name, items)


def _unique(columns, name, items):
    if len(set(columns)) < len(columns):
        raise ValueError(f"{name} names a column twice: {items}; name each once.")
    return np.array(columns, dtype=np.intp)


def _by_name(item, name, feature_names):
    if feature_names is None:
        raise ValueError(
            f"{name} asks for column {item!r}, but X has no column names; pass a DataFrame or use indices."
        )
    names = list(feature_names)
    if item not in names:
        raise ValueError(f"{name} asks for column {item!r}; {near(item, names, 'X has')}.")
    return names.index(item)


def check_level(value, name):
    """Return ``value`` as float, or raise where it is not a number strictly between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number between 0 and 1 such as 0.9, got {value!r}.")
    return float(check_levels(value, name))


def check_levels(values, name):
    """Return probabilities as an array of one axis at most, or raise where one is not strictly between 0 and 1."""
    check_numeric(values, name)
    levels = np.asarray(values, dtype=float)
    if levels.ndim > 1:
        raise ValueError(f"{name} must be a number or a list of numbers, got the shape {levels.shape}.")
    outside = levels[~((levels > 0.0) & (levels < 1.0))]
    if outside.size:
        number = outside.flat[0]
        remedy = f"; for {number:g} % write {number / 100:g}" if 1.0 < number < 100.0 else ""
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {number:g}{remedy}.")
    return levels
