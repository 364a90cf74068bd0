"""Columns of the result table."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from gmoe.model import GMoE
from gmoe.part import Array, Axis
from gmoe.study.data.arrays import Parts, Sizes, declared, shapes, sizes_of
from gmoe.study.describe.spec import Study
from gmoe.study.losses.together import numbers_of
from gmoe.study.protocols.base import Protocol

Row = dict[str, Any]
FAILED, KILLED = "failed", "killed"
LOSS, PARAMETER = "loss:", "param:"
TEMPERATURE = f"{PARAMETER}temperature"


@lru_cache(maxsize=8)
def columns(study: Study) -> dict[str, type]:
    """Names and types of the columns, in order: those of the table that :mod:`gmoe.study.results.store` documents."""
    kinds: dict[str, type] = {"study": str, "protocol": str, "n": int, "replication": int}
    for protocol in study.protocols:
        kinds |= {f"{LOSS}{name}": float for name in numbers_of(study.losses, study.setting(protocol))}
    kinds |= {"cells": str, "log_likelihood": float, "gradient": float, "status": str, "certified": bool}
    kinds |= {"n_starts": int, "n_agreeing": int, "n_iter": int, "error": str, "seed": str, "seconds": float}
    return kinds | dict.fromkeys(parameter_columns(study), float)


@lru_cache(maxsize=8)
def parameter_columns(study: Study) -> list[str]:
    """Columns of the parameters of all protocols, those of most experts first; a temperature last."""
    largest = sorted(study.protocols, key=lambda protocol: -protocol.n_experts)
    found = {name: None for protocol in largest for keys in columns_of(study, protocol).values() for name in keys}
    has_temperature = any(protocol.gate_for(study.truth).can_anneal for protocol in study.protocols)
    return [*found, TEMPERATURE] if has_temperature else [*found]


def columns_of(study: Study, protocol: Protocol) -> dict[str, list[str]]:
    """Columns of the parameter arrays of a protocol's fits, by array."""
    truth = study.truth
    parts = protocol.gate_for(truth), protocol.experts_for(truth)
    return _named(parts, sizes_of(truth, protocol.n_experts), _features(truth))


def parameters_of(model: GMoE) -> Row:
    """Parameters of a model by column."""
    found: Row = {}
    for name, keys in _named((model.gate, model.experts), model.sizes, _features(model)).items():
        found |= zip(keys, model.parameters.arrays[name].ravel().tolist(), strict=True)
    return found | ({TEMPERATURE: model.parameters.temperature} if model.gate.can_anneal else {})


def _features(model: GMoE) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(model.gate_columns or ()), tuple(model.expert_columns or ())


@lru_cache(maxsize=64)
def _named(parts: Parts, sizes: Sizes, features: tuple[tuple[int, ...], ...]) -> dict[str, list[str]]:
    """Names of the entries of each array: by expert and column of x, all else counted from 0."""
    seen = {a.name: f for part, size, f in zip(parts, sizes, features, strict=True) for a in part.arrays(size)}
    found = {}
    for array in declared(parts, sizes):
        shape = shapes(parts, sizes)[array.name]
        entries = product(*_labels(array, shape, seen[array.name]))
        found[array.name] = [f"{PARAMETER}{array.name}[{','.join(map(str, at))}]".removesuffix("[]") for at in entries]
    return found


def _labels(array: Array, shape: tuple[int, ...], features: Sequence[int]) -> list[Sequence[int]]:
    axes = zip(array.axes, shape, strict=True)
    return [features if axis is Axis.FEATURE else range(length) for axis, length in axes]
