"""Measures near a truth, with so many atoms in each of its cells, as points of a box."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmoe.frames import Frame
from gmoe.gates import BaseGate
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.part import Size

EXPERT_BLOCKS = ("intercept", "coef", "variance")


@dataclass(frozen=True, eq=False)
class Cells:
    """Coordinates of the measures that have ``pattern`` atoms in the cells of a truth of Gaussian experts.

    A point z holds, in this order: the change of each cell's log-mass, (l,); the logits of the atoms' shares of it,
    (k,); the changes of all other gate parameters of the atoms, (k, q - 1); of their intercepts, slopes and variances,
    in standard deviations and variances of the true expert, (k, d + 2); and of the shared gate parameters, (s,).
    Where a gate's intercept is no logarithm of a mass, its own change stands in place of the cell's.

    Parameters
    ----------
    truth : GMoE
    pattern : sequence of int
    gate : BaseGate
        Of the fit.
    """

    truth: GMoE
    pattern: Sequence[int]
    gate: BaseGate

    @cached_property
    def cell(self) -> np.ndarray:
        """True expert of each atom, (k,)."""
        return np.repeat(np.arange(len(self.pattern)), self.pattern)

    @cached_property
    def true(self):
        """Natural gate rows and shared parameters of the truth, and its experts' parameters (l, d + 2)."""
        own, shared = self.truth.gate.from_raw(self.truth.parameters.arrays, _identity(self.truth))
        p = self.truth.parameters
        return own, shared, np.column_stack([p.intercept, p.coef, p.variance])

    @cached_property
    def slices(self) -> dict[str, np.ndarray]:
        """Indices of the coordinates by kind, arrays of the shapes above."""
        own, shared, experts = self.true
        k = len(self.cell)
        shapes: dict[str, tuple[int, ...]] = {}
        shapes["mass"] = (len(self.pattern),)
        shapes["share"] = (k,)
        shapes["gate"] = (k, own.shape[1] - 1)
        shapes["expert"] = (k, experts.shape[1])
        shapes["shared"] = (len(shared),)
        found, at = {}, 0
        for name, shape in shapes.items():
            found[name] = np.arange(at, at + int(np.prod(shape))).reshape(shape)
            at += found[name].size
        return found

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return sum(index.size for index in self.slices.values())

    @cached_property
    def units(self) -> np.ndarray:
        """Units of the experts' coordinates, (k, d + 2)."""
        experts = self.true[2][self.cell]
        sd = np.sqrt(experts[:, -1:])
        return np.column_stack([np.repeat(sd, experts.shape[1] - 1, axis=1), experts[:, -1]])

    def first(self, cell: int) -> int:
        """Index of a cell's first atom."""
        return int(np.searchsorted(self.cell, cell))

    @cached_property
    def fixed(self) -> np.ndarray:
        """Coordinates that others make superfluous: a share of each cell, and what the gate leaves open in the last."""
        at, last = self.slices, len(self.pattern) - 1
        fixed = [at["share"][self.first(j)] for j in range(last + 1)]
        symmetry = self.gate.symmetry_of(Size(len(self.cell), self.truth.sizes[0].n_features))
        q = symmetry.n_columns
        for moved in (*symmetry.translations, symmetry.void):
            for column in {i % q for i in moved if i < len(self.cell) * q}:
                whole = [i // q for i in moved if i % q == column and i < len(self.cell) * q]
                atoms = [self.first(last)] if moved is not symmetry.void else whole
                for atom in atoms if len(whole) else ():
                    fixed.append(at["mass"][self.cell[atom]] if column == 0 else at["gate"][atom, column - 1])
        return np.unique(fixed)

    def blocks(self, cell: int) -> dict[str, list[int]]:
        """Coordinates of each block of parameters of a cell's first movable atom, by name of the block."""
        at, atoms = self.slices, np.flatnonzero(self.cell == cell)
        d = self.truth.sizes[1].n_features
        gate_names = [array.name for array in self.gate.arrays(self.truth.sizes[0])]
        atom = atoms[0]
        if len(atoms) > 1 and np.isin(at["gate"][atom], self.fixed).any():
            atom = atoms[1]
        blocks = {
            "gate_intercept": [at["mass"][cell]],
            gate_names[1] if len(gate_names) > 1 else "gate": list(at["gate"][atom]),
            "intercept": [at["expert"][atom, 0]],
            "coef": list(at["expert"][atom, 1 : 1 + d]),
            "variance": [at["expert"][atom, -1]],
            "temperature": list(at["shared"]),
        }
        free = {name: [int(i) for i in index if i not in self.fixed] for name, index in blocks.items()}
        return {name: index for name, index in free.items() if index}

    def bounds(self, radius: float, share_logit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the box, (size,) each."""
        high = np.full(self.size, radius)
        high[self.slices["share"]] = share_logit
        low = -high
        low[self.slices["expert"][:, -1]] = -min(radius, 0.9)
        return low, high

    def shares(self, z) -> np.ndarray:
        """Share of each atom in its cell's mass, (k,)."""
        weight = np.exp(z[self.slices["share"]])
        return weight / np.bincount(self.cell, weight)[self.cell]

    def parameters(self, z):
        """Gate rows without the shares (k, q), shared (s,), and experts (k, d + 2)."""
        at, (own, shared, experts) = self.slices, self.true
        rows = own[self.cell].copy()
        rows[:, 0] += z[at["mass"]][self.cell]
        rows[:, 1:] += z[at["gate"]]
        return rows, shared + z[at["shared"]], experts[self.cell] + self.units * z[at["expert"]]

    def model(self, z) -> GMoE:
        """Return the measure as a model."""
        rows, shared, experts = self.parameters(z)
        rows[:, 0] += np.log(self.shares(z))
        raw = self.gate.to_raw(rows, shared, _identity(self.truth))
        return GMoE(
            Parameters(**raw, intercept=experts[:, 0], coef=experts[:, 1:-1], variance=experts[:, -1]),
            self.gate, self.truth.gate_columns, self.truth.expert_columns,
        )  # fmt: skip


def _identity(truth):
    return Frame.identity(truth.sizes[0].n_features)
