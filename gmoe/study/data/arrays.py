"""Parameter arrays that gate and experts declare: their order, shapes, and points to begin from."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from gmoe.experts import BaseExperts
from gmoe.frames import Frame, ResponseFrame
from gmoe.gates import BaseGate
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.part import Array, Size
from gmoe.table import by_expert, common

Parts = tuple[BaseGate, BaseExperts]
Sizes = tuple[Size, Size]


def declared(parts: Parts, sizes: Sizes) -> list[Array]:
    """Arrays of gate and experts: first those with a row for each expert, then those that all share.

    Without the temperature of gates by scores, which is there whether it is a parameter or not.
    """
    arrays = [part.arrays(size) for part, size in zip(parts, sizes, strict=True)]
    order = [array for select in (by_expert, common) for each in arrays for array in select(each)]
    return [array for array in order if array.name != "temperature"]


def sizes_of(model: GMoE, n_experts: int) -> Sizes:
    """Sizes of a model of so many experts that sees what another one does."""
    gate, experts = (size._replace(n_experts=n_experts) for size in model.sizes)
    return gate, experts


def coordinates(parts: Parts, sizes: Sizes, parameters: Parameters) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parameters ``(own, shared)`` of gate and experts, in the units of the data."""
    return [part.from_raw(parameters.arrays, frame) for part, frame in _framed(parts, sizes)]


def parameters_at(parts: Parts, sizes: Sizes, points: Iterable[tuple[np.ndarray, np.ndarray]]) -> Parameters:
    """Parameters of ``(own, shared)`` of gate and experts: the inverse of :func:`coordinates`."""
    found: dict[str, np.ndarray] = {}
    for (part, frame), point in zip(_framed(parts, sizes), points, strict=True):
        found |= part.to_raw(*point, frame)
    return Parameters(**found)


def origin(parts: Parts, sizes: Sizes) -> Parameters:
    """Parameters that are 0 in coordinates: of use for their shapes."""
    points = [
        (np.zeros((size.n_experts, part.own_parameters(size))), np.zeros(part.shared_parameters(size)))
        for (part, _), size in zip(_framed(parts, sizes), sizes, strict=True)
    ]
    return parameters_at(parts, sizes, points)


@lru_cache(maxsize=64)
def shapes(parts: Parts, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays, by name, in the order of :func:`declared`."""
    arrays = origin(parts, sizes).arrays
    return {array.name: arrays[array.name].shape for array in declared(parts, sizes)}


def _framed(parts, sizes):
    (gate, experts), (seen, response) = parts, sizes
    frame = ResponseFrame.identity(response.n_features, response.n_outputs)
    return (gate, Frame.identity(seen.n_features)), (experts.sized(response), frame)
