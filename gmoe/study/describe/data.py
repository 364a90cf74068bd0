"""Reads what the data of a study are drawn from: the truth, the law of x, the sizes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT
from gmoe.study import checks as check
from gmoe.study.data.laws import LAWS, LawOfX, side_of_grid
from gmoe.study.data.sizes import SPACINGS, sizes_from
from gmoe.study.data.truths import PARAMETERS, TRUTHS, Drift, truth_at, truth_from
from gmoe.study.describe.source import Source

# Beyond these a study is a slip of the keyboard, and its list of data sets fills the memory.
MAX_SIZE, MAX_SIZES = 10**9, 10**5
_TRUTH = dict.fromkeys(PER_EXPERT, check.numbers) | {"gate": check.text, "temperature": check.positive}
_TRUTH |= {"gate_features": check.features, "expert_features": check.features}
_DRIFT = {"value": check.numbers, "direction": check.numbers, "power": check.number}
_X = {"law": check.choice(list(LAWS)), **dict.fromkeys(("low", "high", "mean", "sd"), check.numbers)}
_SIZES = {
    "spacing": check.choice(SPACINGS), "start": check.integer(2, MAX_SIZE), "stop": check.integer(2, MAX_SIZE),
    "count": check.integer(1, MAX_SIZES),
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
    if isinstance(values, Mapping):
        drifts = {key: _drift(source, key, values[key]) for key in PARAMETERS if isinstance(values.get(key), Mapping)}
        values = {**values, **{key: values[key]["value"] for key in drifts}}
    given = source.table(values, ("truth",), _TRUTH)
    for key in PER_EXPERT:
        if key not in given:
            source.fail(("truth",), f"the key {key!r} is missing; a truth needs {', '.join(PER_EXPERT)}")
    if "gate" in given:
        source.guard(("truth", "gate"), as_gate, given["gate"])
    variance = source.guard(("truth", "variance"), np.ravel, given["variance"])
    if np.any(variance <= 0.0):
        source.fail(("truth", "variance"), f"must be positive, got {given['variance']}: variances, not logs")
    _check_features(source, given)
    truth = source.guard(("truth",), truth_from, given)
    for key, drift in drifts.items():
        shape, wanted = np.shape(drift.direction), np.shape(getattr(truth.parameters, key))
        if shape != wanted:
            source.fail(("truth", key), f"direction must have the shape of value, {wanted}, got {shape}")
    return truth, tuple(drifts.values())


def _drift(source, key, values) -> Drift:
    """Read a parameter that moves with n."""
    given = source.table(values, ("truth", key), _DRIFT)
    if missing := [name for name in _DRIFT if name not in given]:
        source.fail(("truth", key), f"the key {missing[0]!r} is missing; what moves with n needs {', '.join(_DRIFT)}")
    return Drift(key, given["direction"], given["power"])


def _check_features(source, given):
    """Columns of x are named where gate and means have different numbers of them."""
    widths = [source.guard(("truth", key), np.shape, given[key]) for key in ("gate_coef", "coef")]
    gate, mean = (width[1] if len(width) == 2 else 0 for width in widths)
    if gate != mean and not {"gate_features", "expert_features"} <= given.keys():
        what = "gate and means have different numbers of features, the columns of gate_coef and coef"
        source.fail(
            ("truth",), f"{what}: {gate} and {mean}; say by gate_features and expert_features which columns of x"
        )


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
        values = [source.guard(("sizes",), check.integer(2, MAX_SIZE), value) for value in values]
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
