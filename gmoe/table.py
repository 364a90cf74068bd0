"""Parameter arrays as a table: expert by expert, then what all experts share."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from gmoe.part import Array, Axis

# Step of central differences, relative to the parameter's size.
STEP = 1e-6


def by_expert(arrays: Sequence[Array]) -> list[Array]:
    """Those with a row for each expert."""
    return [array for array in arrays if array.axes[:1] == (Axis.EXPERT,)]


def common(arrays: Sequence[Array]) -> list[Array]:
    """Those that all experts share."""
    return [array for array in arrays if array.axes[:1] != (Axis.EXPERT,)]


def flat(values: Mapping[str, np.ndarray], arrays: Sequence[Array], n_experts: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries by expert (k, entries of one), and those that all share (entries,)."""
    rows = [np.reshape(values[array.name], (n_experts, -1)) for array in by_expert(arrays)]
    shared = [np.ravel(values[array.name]) for array in common(arrays)]
    return np.hstack([np.empty((n_experts, 0)), *rows]), np.concatenate([np.empty(0), *shared])


def names(
    arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]], labels: Mapping[Axis, Sequence[str]]
) -> list[list[str]]:
    """Names of the entries of each array, without the axis of the experts: ``coef[x]``, ``variance``.

    Parameters
    ----------
    arrays : sequence of Array
    shapes : sequence of tuple of int
        One for each.
    labels : mapping of Axis to sequence of str
        Of features and outputs; others are counted from 0.
    """
    found = []
    for array, shape in zip(arrays, shapes, strict=True):
        own = [(axis, n) for axis, n in zip(array.axes, shape, strict=True) if axis is not Axis.EXPERT]
        entries = product(*(labels.get(axis, [str(i) for i in range(n)]) for axis, n in own))
        found.append([f"{array.name}[{','.join(entry)}]" if entry else array.name for entry in entries])
    return found


def declared(model: Any) -> list[Array]:
    """Arrays that gate and experts of a model declare."""
    parts = zip((model.gate, model.experts), model.sizes, strict=True)
    return [array for part, size in parts for array in part.arrays(size)]


def parameter_values(model: Any) -> np.ndarray:
    """Parameters of a model in the order of :func:`parameter_names`."""
    rows, shared = flat(model.parameters.arrays, declared(model), model.n_experts)
    return np.concatenate([rows.ravel(), shared])


def parameter_names(model: Any, labels: Sequence[str], experts: Sequence[int | str] = ()) -> tuple[str, ...]:
    """Names of the parameters of a model, expert by expert, then what all share.

    Parameters
    ----------
    model : GMoE
    labels : sequence of str
        Of the columns of X.
    experts : sequence of int or str
        What the experts are called; their numbers by default.
    """
    values, columns = model.parameters.arrays, (model.gate_columns, model.expert_columns)
    parts = []
    for part, size, seen in zip((model.gate, model.experts), model.sizes, columns, strict=True):
        arrays = tuple(part.arrays(size))
        shapes = tuple(np.shape(values[array.name]) for array in arrays)
        parts.append((size, arrays, shapes, tuple(labels[c] for c in seen)))
    return _parameter_names(tuple(experts) or tuple(range(model.n_experts)), *parts)


@lru_cache(maxsize=64)
def _parameter_names(experts, *parts):
    """Names from those of the experts, and of both parts sizes, arrays, the shapes of these, and labels of columns."""
    own: list[str] = []
    shared: list[str] = []
    for size, arrays, shapes, labels in parts:
        said = {Axis.FEATURE: labels, Axis.OUTPUT: [f"y{i}" for i in range(size.n_outputs)]}
        for array, found in zip(arrays, names(arrays, shapes, said), strict=True):
            (own if array.axes[:1] == (Axis.EXPERT,) else shared).extend(found)
    return (*(f"{name} ({j})" for j in experts for name in own), *shared)


def parts(model: Any, parameters: Sequence[str], experts: Sequence[int | str]) -> list[tuple[str, str, int | str]]:
    """Array, features or other axes, and expert of each parameter; empty where it has none."""
    rows, _ = flat(model.parameters.arrays, declared(model), model.n_experts)
    owners: list[int | str] = [expert for expert in experts for _ in range(rows.shape[1])]
    owners += [""] * (len(parameters) - len(owners))
    found = []
    for name, expert in zip(parameters, owners, strict=True):
        array, _, rest = name.removesuffix(f" ({expert})").partition("[")
        found.append((array, rest.removesuffix("]"), expert))
    return found


def kind(name: str) -> str:
    """Array of a parameter's name, as of ``coef[x] (0)``."""
    return re.split(r"[ \[]", name)[0]


def joined(n_experts: int, parts: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
    """Put rows of the table in its order, (entries, width).

    Parameters
    ----------
    n_experts : int
    parts : sequence of (ndarray, int)
        Of gate and experts: rows (entries, width), expert by expert and then what all share, and how many rows there
        are for one expert.
    """
    own = [rows[: n_experts * count].reshape(n_experts, count, rows.shape[1]) for rows, count in parts]
    shared = [rows[n_experts * count :] for rows, count in parts]
    return np.vstack([np.concatenate(own, axis=1).reshape(-1, parts[0][0].shape[1]), *shared])


def differences(function, own, shared):
    """Differentiate a function of (own, shared) by central differences, (size of its value, own.size + s)."""
    theta = np.append(own, shared)

    def at(point):
        return function(point[: own.size].reshape(own.shape), point[own.size :])

    columns = [np.empty((len(at(theta)), 0))]
    for i, size in enumerate(STEP * (1.0 + np.abs(theta))):
        step = np.zeros_like(theta)
        step[i] = size
        columns.append((at(theta + step) - at(theta - step)) / (2.0 * size))
    return np.column_stack(columns)
