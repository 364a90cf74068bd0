"""Parameters with the digits that the data support."""

from dataclasses import replace
from typing import Any

import numpy as np

from gmoe._validation import check_positive
from gmoe.edit._edited import Edited, Rows, edited
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.table import declared

# Step of second differences, relative to the size of a parameter; digits beyond the first at most.
STEP, MOST = 1e-4, 15


def rounded(model: GMoE, X: Any, y: Any, max_loss: float = 0.01, *, weight: Any = None) -> Edited:
    """Round all parameters to as few digits as cost next to no log-likelihood.

    Each parameter has a unit of its own: the power of ten below its standard error with all others held, by the
    curvature of the log-likelihood. All are rounded to that unit, or to one digit more, and so on, until the loss is no
    more than ``max_loss``.

    Parameters
    ----------
    model : GMoE
    X, y : array-like
    max_loss : float, default 0.01
        Of the log-likelihood, in all: at 0.01 nothing that the data say about any parameter is lost.
    weight : array-like, shape (n,), optional

    Returns
    -------
    Edited

    Raises
    ------
    ValueError
        Where no 15 digits more will do, as where a boundary of the gate lies on a row.
    """
    rows, max_loss = Rows.of(X, y, weight), check_positive(max_loss, "max_loss")
    # One of all parameters with the same density: the reference of the gate is 0 and stays.
    plain = model.canonical()
    exponents, whole = _exponents(plain, rows), rows.log_likelihood(model)
    for more in range(MOST + 1):
        trial = _at(plain, exponents, more)
        if trial is not None and whole - rows.log_likelihood(trial) <= max_loss:
            return edited(f"rounded to {more} digits below the standard errors", trial, model, rows)
    raise ValueError(f"No rounding to {MOST} digits loses less than max_loss={max_loss}; give a larger one.")


def _at(model, exponents, more):
    """Return the model rounded, or None where a parameter that must be positive is 0 then."""
    arrays = dict(model.parameters.arrays)
    for name, exponent in exponents.items():
        decimals = np.ravel(more - exponent).astype(int)
        values = [round(float(v), int(d)) for v, d in zip(np.ravel(arrays[name]), decimals, strict=True)]
        arrays[name] = np.reshape(values, arrays[name].shape)
    try:
        return replace(model, parameters=Parameters(**arrays))
    except ValueError:
        return None


def _exponents(model, rows):
    """Power of ten of the unit of each parameter."""
    found, middle = {}, rows.log_likelihood(model)
    for array in declared(model):
        value = np.array(model.parameters.arrays[array.name], dtype=float)
        units = np.empty(value.size)
        for i in range(value.size):
            size = abs(value.flat[i])
            # A parameter that is 0 has no size of its own, and 0 is 0 in any unit.
            step = STEP * (size or 1.0)
            ends = [rows.log_likelihood(_moved(model, array.name, value, i, sign * step)) for sign in (1.0, -1.0)]
            curvature = (2.0 * middle - ends[0] - ends[1]) / step**2
            units[i] = curvature**-0.5 if curvature > 0.0 else size or 1.0
        found[array.name] = np.floor(np.log10(units)).reshape(value.shape)
    return found


def _moved(model, name, value, index, step):
    trial = value.copy()
    trial.flat[index] += step
    return replace(model, parameters=Parameters(**(model.parameters.arrays | {name: trial})))
