"""The theory's conditions on an activation, checked numerically at given x."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gmoe._validation import check_finite, check_positive
from gmoe.gates.activations import as_activation


@dataclass(frozen=True)
class ActivationCheck:
    """Whether functions that must be linearly independent are so on the given x.

    Attributes
    ----------
    first_order, second_order : bool
        Whether the conditions of exact- and over-specified fits are met.
    first_singular_value, second_singular_value : float
        Smallest singular value of the functions, each scaled to unit length: 0 is dependence; the smaller, the more
        observations it takes to tell temperature and gate apart.
    tolerance : float
    score_range : tuple of float
        Of gate_coef . x: short ranges make every activation nearly linear.
    """

    first_order: bool
    second_order: bool
    first_singular_value: float
    second_singular_value: float
    tolerance: float
    score_range: tuple[float, float]


def check_activation(activation, X, gate_coef, *, tolerance: float = 1e-6) -> ActivationCheck:
    """Check on given x that an activation identifies gate and temperature.

    Parameters
    ----------
    activation : Activation, str, or callable
        A callable returns value, first and second derivative at an array of scores.
    X : array-like, shape (n, d)
    gate_coef : array-like, shape (d,) or (k, d)
        Slopes at which to check; with several, the worst counts.  A zero slope always fails.
    tolerance : float
        Smallest singular value that counts as independence.

    Returns
    -------
    ActivationCheck

    Raises
    ------
    ValueError
        For shapes that do not fit, fewer observations than functions, or derivatives that are not finite.

    Notes
    -----
    With z = gate_coef . x.  First order: 1, act(z), x_u act'(z) are linearly independent; on an open set this fails
    exactly for C z^p + const and C log|z| + const.  Second order: besides, 1, x_u, act, x_u act, x_u act', x_u x_v act'
    and 1, act, act^2, x_u act', x_u act act', x_u x_v act'', x_u x_v act'^2.  Both derived by this project from the
    expansion of the density; the temperature paper (Nguyen, Akbarian and Ho, ICML 2024) states conditions of this kind.
    """
    X, gate_coef = np.asarray(X, dtype=float), np.atleast_2d(np.asarray(gate_coef, dtype=float))
    if X.ndim != 2 or gate_coef.ndim != 2 or gate_coef.shape[1] != X.shape[1]:
        raise ValueError(f"gate_coef must have one slope per column of X {X.shape}, got shape {gate_coef.shape}.")
    check_finite(X, "X")
    check_positive(tolerance, "tolerance")
    check_finite(gate_coef, "gate_coef")
    activation = as_activation(activation) if isinstance(activation, str) else activation
    derivatives: Callable = getattr(activation, "derivatives", activation)
    if not callable(derivatives):
        raise TypeError(f"activation must be a name, an Activation or a callable, got {type(activation).__name__}.")
    first, second = np.inf, np.inf
    for coef in gate_coef:
        sets = _functions(derivatives, X, coef)
        values = [_smallest(np.column_stack(functions)) for functions in sets]
        first, second = min(first, values[0]), min(second, *values)
    score = X @ gate_coef.T
    return ActivationCheck(
        first > tolerance, second > tolerance, first, second, tolerance, (float(score.min()), float(score.max()))
    )


def _functions(derivatives, X, coef):
    """Columns of the three sets, at one slope."""
    values = [np.asarray(value, dtype=float) for value in derivatives(X @ coef)]
    if len(values) != 3:
        raise ValueError(f"An activation returns value, first and second derivative; got {len(values)} arrays.")
    act, slope, curve = values
    for name, value in (("value", act), ("first derivative", slope), ("second derivative", curve)):
        if value.shape != (len(X),) or not np.all(np.isfinite(value)):
            raise ValueError(f"The activation's {name} must be finite, one per score; got {value}.")
    one, x = np.ones(len(X)), list(X.T)
    xx = [x[u] * x[v] for u in range(len(x)) for v in range(u + 1)]
    yield [one, act, *(u * slope for u in x)]
    yield [one, *x, act, *(u * act for u in x), *(u * slope for u in x), *(w * slope for w in xx)]
    yield [
        one, act, act**2, *(u * slope for u in x), *(u * act * slope for u in x), *(w * curve for w in xx),
        *(w * slope**2 for w in xx),
    ]  # fmt: skip


def _smallest(columns):
    n, q = columns.shape
    if n < q:
        raise ValueError(f"{q} functions need as many rows of X, got {n}; pass more.")
    norm = np.linalg.norm(columns, axis=0)
    if not np.all(norm > 0.0):
        return 0.0
    return float(np.linalg.svd(columns / norm, compute_uv=False)[-1])
