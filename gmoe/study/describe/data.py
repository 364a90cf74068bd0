"""Reads what the data of a study are drawn from: the truth, the law of x, the sizes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gmoe._limits import MOST, excess
from gmoe.experts import as_experts
from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.part import Array, Axis, Size
from gmoe.study import checks as check
from gmoe.study.data.arrays import declared
from gmoe.study.data.laws import LAWS, LawOfX, side_of_grid
from gmoe.study.data.sizes import SPACINGS, sizes_from
from gmoe.study.data.truths import TRUTHS, Drift, truth_at, truth_from
from gmoe.study.describe.source import Source

_SETTINGS = {"gate": check.text, "experts": check.text, "temperature": check.positive}
_SETTINGS |= {"gate_features": check.features, "expert_features": check.features}
_DRIFT = {"value": check.numbers, "direction": check.numbers, "power": check.number}
_X = {"law": check.choice(list(LAWS)), **dict.fromkeys(("low", "high", "mean", "sd"), check.numbers)}
_SIZE = check.integer(2, MOST["size"])
_SIZES = {
    "spacing": check.choice(SPACINGS), "start": _SIZE, "stop": _SIZE,
    "count": check.integer(1),
}  # fmt: skip


def read_truth(source: Source, values: Any) -> tuple[GMoE, tuple[Drift, ...], Mapping[str, Any]]:
    """Read the truth, named or given: the model, what of it moves, and the law of x that goes with it."""
    named = values if isinstance(values, str) else values.get("name") if isinstance(values, Mapping) else None
    if named is None:
        return *_given_truth(source, values), {"law": "uniform"}
    if not isinstance(named, str) or named not in TRUTHS:
        source.fail(("truth",), f"unknown truth {named!r}; known: {', '.join(TRUTHS)}, or give its parameters")
    if isinstance(values, Mapping) and len(values) > 1:
        source.fail(("truth",), "give either a name or parameters, not both")
    return *_given_truth(source, TRUTHS[named]["truth"]), TRUTHS[named]["x"]


def _given_truth(source, values) -> tuple[GMoE, tuple[Drift, ...]]:
    drifts: dict[str, Drift] = {}
    gate, experts = _read_parts(source, values)
    # The names of arrays do not depend on the numbers of experts and features.
    one = Size(1, 1)
    arrays = {array.name: array for array in declared((gate, experts), (one, one))}
    settings = {key: check for key, check in _SETTINGS.items() if key != "temperature" or gate.can_anneal}
    if isinstance(values, Mapping):
        moving = [key for key in (*arrays, "temperature") if isinstance(values.get(key), Mapping)]
        drifts = {key: _drift(source, key, values[key]) for key in moving}
        values = {**values, **{key: values[key]["value"] for key in drifts}}
    given = source.table(values, ("truth",), dict.fromkeys(arrays, check.numbers) | settings)
    for key, array in arrays.items():
        if key not in given:
            source.fail(("truth",), f"the key {key!r} is missing; a truth needs {', '.join(arrays)}")
        if array.positive and np.any(source.guard(("truth", key), np.ravel, given[key]) <= 0.0):
            source.fail(("truth", key), f"must be positive, got {given[key]}: not the logs")
    _check_features(source, given, [part.arrays(one) for part in (gate, experts)])
    truth = source.guard(("truth",), truth_from, given | {"gate": gate, "experts": experts})
    for key, drift in drifts.items():
        shape, wanted = np.shape(drift.direction), np.shape(truth.parameters.arrays[key])
        if shape != wanted:
            source.fail(("truth", key), f"direction must have the shape of value, {wanted}, got {shape}")
    return truth, tuple(drifts.values())


def _read_parts(source, values) -> tuple[Any, Any]:
    """Read gate and experts, which say what other keys there are."""
    given = values if isinstance(values, Mapping) else {}
    found = []
    for key, default, read in (("gate", "softmax", as_gate), ("experts", "gaussian", as_experts)):
        name = source.guard(("truth", key), check.text, given.get(key, default))
        found.append(source.guard(("truth", key), read, name))
    return found[0], found[1]


def _drift(source, key, values) -> Drift:
    """Read a parameter that moves with n."""
    given = source.table(values, ("truth", key), _DRIFT)
    if missing := [name for name in _DRIFT if name not in given]:
        source.fail(("truth", key), f"the key {missing[0]!r} is missing; what moves with n needs {', '.join(_DRIFT)}")
    return Drift(key, given["direction"], given["power"])


def _check_features(source, given, arrays: list[tuple[Array, ...]]):
    """Columns of x are named where gate and experts have different numbers of them."""
    seen = [next((array for array in each if Axis.FEATURE in array.axes), None) for each in arrays]
    if None in seen or {"gate_features", "expert_features"} <= given.keys():
        return
    gate, mean = (_width(source.guard(("truth", a.name), np.shape, given[a.name]), a) for a in seen if a is not None)
    if gate != mean:
        columns = " and ".join(array.name for array in seen if array is not None)
        what = f"gate and means have different numbers of features, the columns of {columns}"
        source.fail(
            ("truth",), f"{what}: {gate} and {mean}; say by gate_features and expert_features which columns of x"
        )


def _width(shape, array) -> int:
    """Length of the axis of features, the last one."""
    return shape[-1] if len(shape) == len(array.axes) else 0


def read_law(source: Source, values: Any, default: Mapping[str, Any], n_features: int) -> LawOfX:
    """Read the law of x."""
    x = source.table(default if values is None else values, ("x",), _X)
    if "law" not in x:
        source.fail(("x",), f"the key 'law' is missing; one of {', '.join(LAWS)}")
    for key in x:
        if key not in ("law", *LAWS[x["law"]]):
            source.fail(("x", key), f"does not belong to the law {x['law']!r}, which has {', '.join(LAWS[x['law']])}")
    return source.guard(("x",), LawOfX.of, x, n_features)


def read_sizes(source: Source, values: Any, law: LawOfX) -> tuple[int, ...]:
    """Read a list or a table of sizes."""
    if isinstance(values, Mapping):
        values = source.table(values, ("sizes",), _SIZES)
        for key in _SIZES:
            if key not in values:
                source.fail(("sizes",), f"the key {key!r} is missing; sizes are a list, or {', '.join(_SIZES)}")
        if values["count"] > 1 and values["stop"] <= values["start"]:
            source.fail(("sizes", "stop"), f"must be above start = {values['start']}, got {values['stop']}")
    elif isinstance(values, list) and values:
        if wrong := excess(len(values), "count"):
            source.fail(("sizes",), f"how many there are {wrong}")
        values = [source.guard(("sizes",), _SIZE, value) for value in values]
    else:
        source.fail(("sizes",), f"must be a list of sizes or a table with {', '.join(_SIZES)}, got {values!r}")
    sizes = source.guard(("sizes",), sizes_from, values)
    if law.law == "grid":
        for n in sizes:
            source.guard(("sizes",), side_of_grid, n, len(law.first))
    return sizes


def check_drifts(source: Source, truth: GMoE, drifts: tuple[Drift, ...], sizes: tuple[int, ...]) -> None:
    """Make the truth of every size once, rather than fail in each replication."""
    for n in sizes if drifts else ():
        try:
            truth_at(truth, drifts, n)
        except (ValueError, ArithmeticError) as error:
            source.fail(("truth",), f"at n = {n}: {error}")
