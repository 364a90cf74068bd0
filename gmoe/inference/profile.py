"""Profile-likelihood intervals: values whose best fit is not worse than the maximum by more than chance."""

from collections.abc import Callable

import numpy as np
import scipy

from gmoe import table
from gmoe._validation import check_level
from gmoe.inference.chart import Chart
from gmoe.inference.data import check_certified, check_plain, data_of
from gmoe.inference.estimates import index_of
from gmoe.solvers.evidence.result import FitResult

# Step of central differences of the function, in standard deviations.
STEP = 1e-4
# Relative precision of the log-likelihood's fall at an end.
PRECISION = 1e-9


def profile_interval(
    result: FitResult, parameter: str | Callable, X, y, weight=None, level: float = 0.95
) -> tuple[float, float]:
    """Find the ends of the profile interval of a parameter, or of any function of the model.

    They are the least and the largest value on the region where twice the log-likelihood lies no more than the quantile
    of chi-square below its maximum. Unlike Wald's the interval knows no scale, and need not be symmetric.

    Parameters
    ----------
    result : FitResult
        Certified.
    parameter : str or callable
        A name of the summary, or a function of a :class:`gmoe.GMoE` that returns a number.
    X, y, weight : array-like
        The data of the fit.
    level : float, default 0.95

    Raises
    ------
    ValueError
        For fits without certificate, other data, and parameters without a standard error.
    KeyError
        For unknown names.
    RuntimeError
        Where the optimiser does not get to an end, as for a likelihood that stays high for ever.

    Notes
    -----
    Ends are found as constrained extremes (Neale and Miller, Behavior Genetics 27, 1997, 113-120) by sequential
    quadratic programming in units of standard deviations, where the log-likelihood is nearly a sphere.
    """
    check_certified(result, "A profile interval")
    check_plain(result, "A profile interval")
    X, y, weight = data_of(result, X, y, weight)
    used = weight > 0.0
    X, y, weight = X[used], y[used], weight[used]
    function = _entry(result, parameter) if isinstance(parameter, str) else parameter
    chart = Chart(result.model)
    directions = chart.directions(result.spread)
    allowed = 0.5 * float(scipy.special.chdtri(1, 1.0 - check_level(level, "level")))

    def at(z):
        return chart.model_at(chart.point + directions @ z)

    def room(z):
        return allowed - (result.log_likelihood - float(weight @ at(z).log_density(X, y)))

    def slope(z):
        return (weight @ Chart(at(z)).scores(X, y)) @ directions

    def gradient(z):
        steps = STEP * np.eye(len(z))
        return np.array([(function(at(z + s)) - function(at(z - s))) / (2.0 * STEP) for s in steps])

    at_zero, zero = float(function(result.model)), np.zeros(directions.shape[1])
    towards = gradient(zero)
    length = float(np.linalg.norm(towards))
    if not length > 0.0:
        raise ValueError("The function does not depend on what the data identify, and has no interval.")
    ends = []
    for sign in (-1.0, 1.0):
        # From the end of Wald's interval, in units of the standard error.
        found = scipy.optimize.minimize(
            lambda z, s=sign: -s * (float(function(at(z))) - at_zero) / length,
            sign * np.sqrt(2.0 * allowed) * towards / length,
            jac=lambda z, s=sign: -s * gradient(z) / length,
            constraints={"type": "ineq", "fun": room, "jac": slope},
            method="SLSQP",
            options={"ftol": PRECISION, "maxiter": 200},
        )
        if not found.success or abs(room(found.x)) > 1e-4:
            raise RuntimeError(
                f"No end of the profile interval was found ({found.message}); the likelihood may stay high for ever. "
                "Use a lower level, or the bootstrap."
            )
        ends.append(float(function(at(found.x))))
    return ends[0], ends[1]


def _entry(result, name):
    place = index_of(name, result.parameter_names)
    if result.notes[place]:
        raise ValueError(f"{name} has no interval ({result.notes[place]}).")
    # A step in the chart may leave the canonical form, in which the table is.
    return lambda model: float(table.parameter_values(model.canonical())[place])
