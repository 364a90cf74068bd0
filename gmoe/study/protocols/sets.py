"""The sets over which the protocols of a study maximise the likelihood."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

import numpy as np

from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace

MIN_VARIANCE = 1e-4
# What a study gives are bounds; the set has no others, and the estimator is the highest point of it, as in theorems.
_NOTHING_ELSE: dict[str, Any] = {"variance_ratio": 0.0, "rows_per_parameter": 0.0, "interior_first": False}
_DEFAULTS = {field.name: field.default for field in fields(ParameterSpace)} | _NOTHING_ELSE


def space(value: Any) -> ParameterSpace:
    """Read the fields of :class:`gmoe.ParameterSpace`; what is not given bounds nothing."""
    if isinstance(value, ParameterSpace):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table of bounds, as {{max_coef = 40.0, max_variance = 1.0}}, got {value!r}")
    for name in value:
        if name not in _DEFAULTS:
            near = get_close_matches(str(name), _DEFAULTS, 1)
            advice = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"has no bound {name!r}; {advice}there are {', '.join(_DEFAULTS)}")
    return ParameterSpace(**_NOTHING_ELSE | dict(value))


def bounds(value: ParameterSpace) -> dict[str, Any]:
    """Write what :func:`space` reads."""
    return {name: getattr(value, name) for name, default in _DEFAULTS.items() if getattr(value, name) != default}


def parameter_space(min_variance: float = MIN_VARIANCE) -> ParameterSpace:
    """Return the set of a study that gives none: variances above a part of one regression's, and no other bound."""
    return ParameterSpace(variance_ratio=0.0, rows_per_parameter=0.0, min_relative_variance=min_variance)


def refuse_outside(space: ParameterSpace, truth: GMoE) -> None:
    """Raise a ValueError where a truth is not inside of the set: no theorem speaks of its estimator."""
    arrays, gate = truth.parameters.arrays, ("gate_coef", "gate_intercept")
    for name in ("coef", "intercept", *gate):
        if name in arrays:
            value = arrays[name] - arrays[name][-1] if name in gate else arrays[name]
            largest = float(np.abs(value).max(initial=0.0))
            if largest >= getattr(space, f"max_{name}"):
                raise ValueError(f"space has max_{name} = {getattr(space, f'max_{name}'):g}, the truth {largest:g}")
    if "variance" in arrays:
        low, high = arrays["variance"].min(), arrays["variance"].max()
        if not space.min_variance <= low <= high <= space.max_variance:
            raise ValueError(
                f"space has variances from {space.min_variance:g} to {space.max_variance:g}, the truth from {low:g} to "
                f"{high:g}"
            )
