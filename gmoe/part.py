"""The one protocol of gates and experts: what a mixture of experts asks of its two parts.

A part gives one number for each expert and observation: a gate its log-weight, the experts their log-density.  It has
parameters of each expert's own, an array (n_experts, n_own), and parameters that all experts share, an array
(n_shared,).  A member writes the number and its first derivatives; second derivatives it may leave to differences.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, auto
from math import prod
from typing import Any, NamedTuple

import numpy as np

# Step of central differences of first derivatives: their error is of the order of its square, and 1e-16 over it.
STEP = 1e-5


class Size(NamedTuple):
    """Numbers of experts, of features that a part sees, and of columns of the response."""

    n_experts: int
    n_features: int
    n_outputs: int = 1


class Axis(Enum):
    """What an axis of a parameter array counts."""

    EXPERT = auto()
    FEATURE = auto()
    OUTPUT = auto()
    NODE = auto()


class Array(NamedTuple):
    """A parameter array that a part declares.

    Attributes
    ----------
    name : str
        Of gates ``temperature``, or with the prefix ``gate_``.
    axes : tuple of Axis
    positive : bool
        Whether its entries are positive: intervals are on the log scale then.
    """

    name: str
    axes: tuple[Axis, ...]
    positive: bool = False

    def n_entries(self, size: Size) -> int:
        """Count the entries, of one expert where there is a row for each.

        Raises
        ------
        NotImplementedError
            For nodes, which the part alone can count.
        """
        lengths = {Axis.EXPERT: 1, Axis.FEATURE: size.n_features, Axis.OUTPUT: size.n_outputs}
        if not set(self.axes) <= lengths.keys():
            raise NotImplementedError(f"{self.name} counts nodes: define own_parameters and shared_parameters.")
        return prod(lengths[axis] for axis in self.axes)


class Part(ABC):
    """A gate, or a family of experts.

    ``data`` of a gate are features ``(x,)``, an array (n_features, m); those of experts are ``(x, y)`` with the
    response, an array (n_outputs, m). ``own`` and ``shared`` are the parameters, in the coordinates of the data given.
    """

    def own_parameters(self, size: Size) -> int:
        """Count the parameters of one expert's own: by default the entries of its arrays."""
        return sum(array.n_entries(size) for array in self.arrays(size) if array.axes[:1] == (Axis.EXPERT,))

    def shared_parameters(self, size: Size) -> int:
        """Count the parameters that all experts share: by default the entries of the other arrays."""
        return sum(array.n_entries(size) for array in self.arrays(size) if array.axes[:1] != (Axis.EXPERT,))

    def settings(self) -> dict[str, Any]:
        """Return the texts and numbers by which the part's name makes it again: fields that are not the default."""
        found: tuple[Any, ...] = fields(self) if is_dataclass(self) else ()
        return {f.name: value for f in found if (value := getattr(self, f.name)) != f.default}

    def at_end(self, shared) -> np.ndarray:
        """Which shared parameters are at an end of their range, where the likelihood has no slope left, of bool."""
        return np.zeros(len(shared), dtype=bool)

    @abstractmethod
    def value(self, own, shared, *data) -> np.ndarray:
        """One number for each expert and observation, (n_experts, m)."""

    @abstractmethod
    def jacobian(self, own, shared, *data) -> np.ndarray:
        """Return derivatives in an expert's own, then in the shared parameters, (n_experts, b, m)."""

    def curvature(self, own, shared, weight, *data) -> np.ndarray:
        """Second derivatives summed over the observations with weights (n_experts, m), (n_experts, b, b).

        By central differences of :meth:`jacobian`, unless a member knows better. An expert's number depends on no other
        expert's own parameters, so that those of all experts move at once.
        """
        n_own = own.shape[1]
        result = np.empty((len(own), n_own + len(shared), n_own + len(shared)))
        for t in range(result.shape[2]):
            ends = []
            for step in (STEP, -STEP):
                moved, moved_shared = own.copy(), shared.copy()
                if t < n_own:
                    size = 1.0 + np.abs(own[:, t])
                    moved[:, t] += step * size
                else:
                    size = np.full(len(own), 1.0 + abs(shared[t - n_own]))
                    moved_shared[t - n_own] += step * size[0]
                rows = self.jacobian(moved, moved_shared, *data)
                ends.append(np.einsum("jm,jtm->jt", weight, rows))
            result[:, t] = (ends[0] - ends[1]) / (2.0 * STEP * size)[:, None]
        return 0.5 * (result + np.swapaxes(result, 1, 2))

    @property
    def has_exact_curvature(self) -> bool:
        """Whether second derivatives are formulas, and not differences."""
        return type(self).curvature is not Part.curvature

    # The parameters as users see them: named arrays, in the units of the data.

    @abstractmethod
    def arrays(self, size: Size) -> tuple[Array, ...]:
        """Declare the parameter arrays: first those with a row for each expert, then those that all share."""

    @abstractmethod
    def to_raw(self, own, shared, frame) -> dict[str, np.ndarray]:
        """Parameter arrays in the units of the data.

        Parameters
        ----------
        own, shared : ndarray
        frame : gmoe.frames.Frame for gates, gmoe.frames.ResponseFrame for experts
            Of the coordinates of ``own`` and ``shared``.
        """

    @abstractmethod
    def from_raw(self, arrays: Mapping[str, np.ndarray], frame) -> tuple[np.ndarray, np.ndarray]:
        """Parameters ``(own, shared)`` of arrays in the units of the data: the inverse of :meth:`to_raw`."""

    # What the passes over the data call, block by block.  A part with kernels of its own overrides these.  ``data`` are
    # those above with a constant 1 before the features, and room for more than the m observations in use.

    def room(self, size: Size, length: int) -> Any:
        """Scratch for blocks of so many observations, given back to the methods below."""
        b = self.own_parameters(size) + self.shared_parameters(size)
        factors = np.empty((0, size.n_experts, length))
        return factors, np.zeros((size.n_experts, b, length)), np.array([[-1, 0, b, b]])

    def n_held(self, size: Size) -> int:
        """Numbers of each expert and observation that a block holds."""
        return self.own_parameters(size) + self.shared_parameters(size)

    def segments(self, size: Size) -> np.ndarray:
        """How the derivatives are made of rows: see :mod:`gmoe.kernels.rows`."""
        b = self.own_parameters(size) + self.shared_parameters(size)
        return np.array([[-1, 0, b, b]])

    def fill_block(self, own, shared, data, m, out, room, curved=False) -> tuple:
        """Write the numbers of m observations to ``out`` (n_experts, >=m); return their derivatives.

        ``curved`` says that second derivatives will be asked for. The derivatives are rows as
        :mod:`gmoe.kernels.rows` describes them.
        """
        design, *others = (part[:, :m] for part in data)
        out[:, :m] = self.value(own, shared, design[1:], *others)
        room[1][:, :, :m] = self.jacobian(own, shared, design[1:], *others)
        return room

    def n_moments(self, size: Size) -> int:
        """Rows of a basis whose second moments under the weights are all that :meth:`bend_of` needs; 0 for none."""
        return 0

    def bend_of(self, own, shared, moments, pull, mass, out):
        """Write :meth:`curvature` to the lower triangles of ``out`` (n_experts, b, b), from sums of a whole pass.

        Parameters
        ----------
        moments : ndarray, shape (n_experts, >=n_moments, >=n_moments)
            Lower triangles of the sums of weight times outer product of the basis.
        pull : ndarray, shape (segments, >=n_experts, rows)
            Sums of weight times derivative.
        mass : ndarray, shape (n_experts,)
            Sums of the weights.
        """
        raise NotImplementedError

    def bend_block(self, own, shared, data, m, weight, out, room):
        """Add :meth:`curvature` to the lower triangles of ``out`` (n_experts, b, b)."""
        design, *others = (part[:, :m] for part in data)
        out += self.curvature(own, shared, weight[:, :m], design[1:], *others)


def dense(rows, n_experts) -> np.ndarray:
    """Return the derivatives (n_experts, b, m) of rows as :mod:`gmoe.kernels.rows` describes them."""
    factors, basis, segments = rows
    parts = []
    for factor, first, count, _ in segments:
        part = np.broadcast_to(basis[:, first : first + count], (n_experts, count, basis.shape[2]))
        parts.append(part if factor < 0 else part * factors[factor][:, None])
    return np.concatenate(parts, axis=1)


def weighted_sums(rows, weight) -> np.ndarray:
    """Add up weight (n_experts, m) times derivative, (n_experts, b), of rows as in :mod:`gmoe.kernels.rows`."""
    factors, basis, segments = rows
    m, parts = weight.shape[1], []
    for factor, first, count, _ in segments:
        weighted = weight if factor < 0 else weight * factors[factor, :, :m]
        part = basis[:, first : first + count, :m]
        parts.append(weighted @ part[0].T if len(basis) == 1 else np.einsum("jm,jtm->jt", weighted, part))
    return np.concatenate(parts, axis=1)


def width(part, arrays, k):
    """Count the features that a part sees, by the first of its arrays that has an axis of features."""
    for array in part.arrays(Size(k, 1, 2)):
        if Axis.FEATURE in array.axes:
            if array.name not in arrays:
                raise ValueError(f"{part!r} needs the parameters {array.name}; given are {', '.join(arrays)}.")
            value = arrays[array.name]
            # The axis of features is the last one; a single response may leave its axis out.
            return value.shape[-1]
    return 0


def check_shapes(part, size, arrays):
    """Raise a ValueError where arrays are missing, or have other shapes or signs than a part declares."""
    counts = {Axis.EXPERT: size.n_experts, Axis.FEATURE: size.n_features, Axis.OUTPUT: size.n_outputs}
    for array in part.arrays(size):
        if array.name not in arrays:
            raise ValueError(f"{part!r} needs the parameters {array.name}; given are {', '.join(arrays)}.")
        shape = arrays[array.name].shape
        expected = tuple(counts.get(axis, n) for axis, n in zip(array.axes, shape, strict=False))
        if len(shape) != len(array.axes) or shape != expected:
            axes = ", ".join(axis.name.lower() for axis in array.axes)
            raise ValueError(f"{array.name} of {part!r} must have the axes ({axes}), {expected}; got {shape}.")
        if array.positive and not np.all(arrays[array.name] > 0):
            raise ValueError(f"{array.name} must be positive, got {arrays[array.name]}.")
