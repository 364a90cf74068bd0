"""The evidence of a fit in JSON's types, and back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

import numpy as np

from gmoe import _json
from gmoe.constraints import Constraint, Equation, Lasso, Ridge, Shares, Shrinkage
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.solvers.evidence.maxima import LocalMaximum
from gmoe.solvers.evidence.result import FitResult
from gmoe.table import parameter_values
from gmoe.written import model_content, model_settings


def result_content(result: FitResult) -> dict[str, Any]:
    """All of a result but its model."""
    names = [field.name for field in fields(result) if field.type in READERS]
    others = [
        {"log_likelihood": other.log_likelihood, "n_starts": other.n_starts, "model": model_content(other.model)}
        for other in result.other_maxima
    ]
    found = {name: _json.numbers(getattr(result, name)) for name in names}
    constraints = constraints_content(result.held)
    return found | {"space": space_content(result.space), "other_maxima": others, "constraints": constraints}


def result_of(content: Mapping[str, Any], model: GMoE) -> FitResult:
    """Return the result that a content describes, of a model; a ValueError where they do not fit together."""
    found: dict[str, Any] = {
        field.name: READERS[field.type](content, field.name) for field in fields(FitResult) if field.type in READERS
    }
    n, k = len(parameter_values(model)), model.n_experts
    lengths = {"parameter_names": n, "notes": n, "spread": n, "shares": k, "effective_rows": k, "expert_names": k}
    for name, length in lengths.items():
        if len(np.atleast_1d(found[name])) != length:
            raise ValueError(
                f"Entry {name!r} of the JSON has the length {len(np.atleast_1d(found[name]))}, its model needs "
                f"{length}; {_json.SOURCE}."
            )
    others = tuple(map(_other, _json.entry(content, "other_maxima", list)))
    space = space_of(_json.entry(content, "space", dict))
    values = constraints_of(_json.entry(content, "constraints", list))
    found["constraints"] = tuple(value for value in values if isinstance(value, Equation))
    found["penalties"] = tuple(value for value in values if isinstance(value, Shrinkage))
    return FitResult(model=model, space=space, other_maxima=others, **found)


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


def constraints_content(values: Iterable[Constraint]) -> list[dict[str, Any]]:
    """Return what a fit holds in JSON's types: kind and fields of equations and penalties."""
    return [
        {"kind": type(value).__name__} | {f.name: _json.numbers(getattr(value, f.name)) for f in written_fields(value)}
        for value in values
    ]


def written_fields(value: Any) -> tuple[Field[Any], ...]:
    """Fields of a value, a dataclass."""
    return fields(value)


def constraints_of(contents: Sequence[Any]) -> tuple[Constraint, ...]:
    """Return the equations, shares and penalties that contents describe."""
    return tuple(map(_constraint, contents))


def _constraint(content):
    if not isinstance(content, dict):
        raise ValueError(f"Entry 'constraints' of the JSON must hold objects, got {content!r}; {_json.SOURCE}.")
    kind = _json.entry(content, "kind", str)
    if kind not in CONSTRAINTS:
        raise ValueError(f"Unknown kind {kind!r} of a constraint in the JSON; {_json.SOURCE}.")
    return CONSTRAINTS[kind](content)


def _shrinkage(kind):
    def read(content):
        experts = None if content.get("experts") is None else _tuple(int)(content, "experts")
        return kind(_json.entry(content, "name", str), _float(content, "strength"), experts)

    return read


def _equation(content):
    terms = _json.entry(content, "terms", list)
    if not all(isinstance(t, list) and len(t) == 2 and isinstance(t[0], str) and _is_number(t[1]) for t in terms):
        raise ValueError(f"Entry 'terms' of the JSON must hold pairs of a name and a number; {_json.SOURCE}.")
    pairs = tuple((name, float(factor)) for name, factor in terms)
    return Equation(pairs, _float(content, "value"), _json.entry(content, "positive", bool))


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _other(content):
    if not isinstance(content, dict):
        raise ValueError(f"Entry 'other_maxima' of the JSON must hold objects, got {content!r}; {_json.SOURCE}.")
    model = GMoE(**model_settings(_json.entry(content, "model", dict)))
    return LocalMaximum(_float(content, "log_likelihood"), _json.entry(content, "n_starts", int), model)


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


def _tuple(*kinds):
    def read(content, name):
        values = _json.entry(content, name, list)
        if not all(type(value) in kinds for value in values):
            said = " or ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"Entry {name!r} of the JSON must hold values of type {said}; {_json.SOURCE}.")
        return tuple(values)

    return read


CONSTRAINTS: dict[str, Callable] = {
    "Equation": _equation,
    "Shares": lambda content: Shares(tuple(_array(content, "values").tolist())),
    "Ridge": _shrinkage(Ridge),
    "Lasso": _shrinkage(Lasso),
}

# By the type that a field of the result declares; the others are written apart.
READERS: dict[Any, Callable] = {
    float: _float,
    np.ndarray: _array,
    tuple[float, ...]: lambda content, name: tuple(np.atleast_1d(_array(content, name)).tolist()),
    tuple[int, ...]: _tuple(int),
    tuple[str, ...]: _tuple(str),
    tuple[int | str, ...]: _tuple(int, str),
    **{kind: _plain(kind) for kind in (int, str, bool)},
}
