"""The evidence of a fit in JSON's types, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from gmoe import _json
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.evidence.result import FitResult
from gmoe.table import parameter_values


def result_content(result: FitResult) -> dict[str, Any]:
    """All of a result but its model."""
    names = [field.name for field in fields(result) if field.type in READERS]
    return {name: _json.numbers(getattr(result, name)) for name in names} | {"space": space_content(result.space)}


def result_of(content: Mapping[str, Any], model: GMoE) -> FitResult:
    """Return the result that a content describes, of a model; a ValueError where they do not fit together."""
    found: dict[str, Any] = {
        field.name: READERS[field.type](content, field.name) for field in fields(FitResult) if field.type in READERS
    }
    n, k = len(parameter_values(model)), model.n_experts
    expected = {"parameter_names": (n,), "notes": (n,), "covariance": (n, n), "shares": (k,)}
    for name, shape in expected.items():
        if np.shape(found[name]) != shape:
            raise ValueError(
                f"Entry {name!r} of the JSON has the shape {np.shape(found[name])}, its model needs {shape}; "
                f"{_json.SOURCE}."
            )
    return FitResult(model=model, space=space_of(_json.entry(content, "space", dict)), **found)


def space_content(space: ParameterSpace) -> dict[str, Any]:
    """Return what a parameter space has other than the default one."""
    given = ((field.name, getattr(space, field.name), field.default) for field in fields(space))
    return {name: _json.numbers(value) for name, value, default in given if value != default}


def space_of(content: Mapping[str, Any]) -> ParameterSpace:
    """Return the parameter space that a content describes."""
    try:
        return ParameterSpace(**content)
    except TypeError as error:
        raise ValueError(f"Entry 'space' of the JSON is no parameter space: {error}; {_json.SOURCE}.") from error


def _array(content, name):
    _json.entry(content, name, object)
    return _json.array(content[name], name)


def _float(content, name):
    value = _array(content, name)
    if value.ndim:
        raise ValueError(f"Entry {name!r} of the JSON must be a number, got {value.size} of them; {_json.SOURCE}.")
    return float(value)


def _plain(kind):
    return lambda content, name: _json.entry(content, name, kind)


def _tuple(kind):
    def read(content, name):
        values = _json.entry(content, name, list)
        if not all(type(value) is kind for value in values):
            raise ValueError(f"Entry {name!r} of the JSON must hold values of type {kind.__name__}; {_json.SOURCE}.")
        return tuple(values)

    return read


# By the type that a field of the result declares; the others are written apart.
READERS: dict[Any, Callable] = {
    float: _float,
    np.ndarray: _array,
    tuple[float, ...]: lambda content, name: tuple(np.atleast_1d(_array(content, name)).tolist()),
    tuple[int, ...]: _tuple(int),
    tuple[str, ...]: _tuple(str),
    **{kind: _plain(kind) for kind in (int, str, bool)},
}
