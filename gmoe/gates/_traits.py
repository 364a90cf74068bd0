"""What an activation is, found out by evaluating it at some points.

A false trait is worse than none: solvers, losses and standard errors leave out of account what a gate says it leaves
open.  So traits are found out, and what is declared is held to them.
"""

from fractions import Fraction

import numpy as np

# Formulas are rounded at some 1e-16; what departs from a trait by less than this, no data tell from it.
EXACT = 1e-10
# Central differences are off by the square of the step times a third derivative, and 1e-16 of the value over the step.
STEP, TRUNCATION, ROUNDING = 1e-5, 1e-4, 1e-9
# The size up to which values and derivatives may be squared and multiplied.
LARGE = 1e140
# Not 0, nor any number at which an activation may have a kink; the smallest first.
NEAR = np.outer([1.0, -1.0], np.geomspace(0.0731, 8.97, 24)).ravel()
# What is linear near 0 may be bent far out. Differences there would meet cuts that keep an activation finite.
FAR = np.append(NEAR, np.outer([1.0, -1.0], [23.7, 151.3, 1.01e4, 1.03e8]))


def traits(name, derivatives) -> dict:
    """Traits of an activation, by the names of the fields of :class:`gmoe.gates.Activation`.

    Raises
    ------
    ValueError
        Where the derivatives are not those of the value, or where a constant or a scale is without effect that no
        trait has a word for.
    """
    with np.errstate(all="ignore"):
        rows = _activation_rows(name, derivatives)
        value, slope, _ = far = _values(derivatives, FAR)
        degree = _degree(value, _values(derivatives, 2.0 * FAR)[0])
        affine = degree == 1.0 and bool(np.all(np.abs(slope - slope[0]) <= EXACT * np.abs(slope[0])))
        if affine and not np.allclose(value, FAR, rtol=EXACT, atol=0.0):
            raise ValueError(
                f"Activation {name!r} is {slope[0]:g} z, the identity on another scale: use 'identity', and other "
                "coefficients."
            )
        bends = _bends(far)
        if not bends and (degree is None or degree <= 0.0):
            raise ValueError(
                f"Activation {name!r} is C z**p + const with const != 0 or p <= 0, C log|z| + const, or a constant: a "
                "constant, or a scale of the scores, is then without effect. Leave the constant out, or use another."
            )
        ratio = rows[2] / rows[1]
        return {
            "meets_first_order_condition": bends,
            "degree": degree,
            "odd": _odd(value, _values(derivatives, -FAR)[0]),
            "affine": affine,
            # Slope and curvature of C b**z + const: a constant common to all logits is without effect.
            "exponential": bool(abs(ratio[0]) > EXACT and np.allclose(ratio, ratio[0], rtol=EXACT, atol=0.0)),
        }


def reach(derivatives) -> float:
    """Largest argument, a power of 2, up to which value and derivatives have squares; infinity where no fit gets."""
    size = 2.0 ** np.arange(4, 100)
    with np.errstate(all="ignore"):
        rows = np.abs(_values(derivatives, np.append(size, -size)))
    # Not <: of nan.
    small = np.all(rows <= LARGE, axis=0).reshape(2, -1).all(axis=0)
    return np.inf if small.all() else float(size[max(int(np.argmin(small)) - 1, 0)])


def _values(derivatives, z):
    """Value, slope and curvature, whatever their shapes."""
    return [np.asarray(row, dtype=float) for row, _ in zip(derivatives(z), range(3), strict=False)]


def _activation_rows(name, derivatives):
    """Value, slope and curvature (3, n) at the near points, after all checks of them."""
    rows = _values(derivatives, NEAR.copy())
    if len(rows) < 3 or any(row.shape != NEAR.shape for row in rows) or not np.all(np.isfinite(rows)):
        raise ValueError(
            f"Activation {name!r} must yield value, first and second derivative, finite and of the argument's shape."
        )
    # In another order and shape.
    by_size = np.argsort(NEAR)
    other = [row.T.ravel() for row in _values(derivatives, NEAR[by_size].reshape(-1, 6).T.copy())]
    if not np.allclose(other, np.array(rows)[:, by_size], rtol=EXACT, atol=1e-300):
        raise ValueError(f"Activation {name!r} must work on each entry of an array by itself, whatever its shape.")
    ahead, behind = _values(derivatives, NEAR + STEP), _values(derivatives, NEAR - STEP)
    for order, word in ((0, "first"), (1, "second")):
        found = (ahead[order] - behind[order]) / (2.0 * STEP)
        size = TRUNCATION * np.abs(rows[order + 1 :]).sum(axis=0) + ROUNDING * np.abs(rows[order])
        check_derivative(f"{word} derivative of activation {name!r}", NEAR, rows[order + 1], found, size)
    return np.array(rows)


def check_derivative(what, at, given, found, size):
    """Raise a ValueError where a derivative differs from the one found by more than a size."""
    wrong = np.flatnonzero(~(np.abs(given - found) <= size + 1e-300))
    if wrong.size:
        i = wrong[0]
        raise ValueError(f"The {what} is {given[i]:.6g} at {at[i]:.6g}, where differences give {found[i]:.6g}.")


def _bends(rows):
    """Whether 1, act(z) and z act'(z) are linearly independent."""
    columns = np.column_stack([np.ones_like(FAR), rows[0], FAR * rows[1]])
    columns = columns[np.all(np.isfinite(columns), axis=1)]
    # Rows of unit length: else the largest z alone decides.
    columns /= np.abs(columns).max(axis=1)[:, None]
    return bool(np.linalg.svd(columns, compute_uv=False)[-1] > EXACT * len(columns))


def _degree(value, doubled):
    """Degree p of ``act(2 z) = 2**p act(z)``, or None; a simple fraction where it is one."""
    usable = np.isfinite(value) & np.isfinite(doubled)
    value, doubled = value[usable], doubled[usable]
    ratio = doubled[value != 0.0] / value[value != 0.0]
    if not ratio.size or not ratio[0] > 0.0:
        return None
    exact = np.log2(ratio[0])
    simple = float(Fraction(exact).limit_denominator(60))
    degree = simple if abs(simple - exact) < 1e-13 * max(abs(exact), 1.0) else float(exact)
    return degree if np.all(np.abs(doubled - 2.0**degree * value) <= EXACT * np.abs(doubled)) else None


def _odd(value, opposite):
    total = value + opposite
    # Where both overflow nothing is known.
    return not np.any(np.abs(total - total[0]) > EXACT * np.maximum(np.abs(value), np.abs(opposite)))
