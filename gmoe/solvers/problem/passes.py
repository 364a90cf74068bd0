"""One pass over the data: what gate, experts and the mixture kernel add up, block by block, threads or not."""

import math
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from gmoe._arrays import BLOCK, Blocks, aligned, block_length
from gmoe.kernels.mixture import COMPLETE, OBSERVED, PRODUCTS, SCORE, change, work_rows
from gmoe.kernels.rows import STRIP_LENGTH
from gmoe.kernels.tiles import padded
from gmoe.solvers.problem.layout import Layout

# Blocks are summed in fixed groups, so that results do not depend on the number of threads: at least so many groups,
# and of at most so many blocks.
GROUPS, GROUP_BLOCKS = 8, 16
# Numbers in the rows of derivatives of a block: what the second-level cache holds, and a pass streams through.
ROWS_IN_CACHE, LEAST_BLOCK = 65536, 512


def block_size(layout: Layout) -> int:
    """Observations of a block whose rows of derivatives stay in the cache."""
    rows = layout.k * layout.n_held
    return min(BLOCK, max(LEAST_BLOCK, ROWS_IN_CACHE // rows // LEAST_BLOCK * LEAST_BLOCK))


def places(layout: Layout, order: int) -> dict[str, tuple[slice, tuple[int, ...]]]:
    """Where the arrays of :class:`Sums` are in one flat vector, and their shapes; found once for a layout."""
    if order not in layout.places:
        layout.places[order] = _places(layout, order)
    return layout.places[order]


def _places(layout, order):
    k, q, own, shared = layout.k, padded(layout.q_gate), layout.width, layout.n_shared
    complete, observed, both = order >= COMPLETE, order >= OBSERVED, padded(own + shared)
    pulls = (
        (len(part), padded(k), padded(max(part[:, 2], default=0)))
        for part in (layout.gate_segments, layout.expert_segments)
    )
    shapes = {
        "totals": (3, k),
        **dict(zip(("pull_gate", "pull_expert"), pulls, strict=True)),
        "gate_block": (k * complete, q, q),
        "gate_shared": (k * complete, padded(layout.s_gate), both),
        "gate_gram": (padded(k * layout.q_gate + layout.s_gate) * complete,) * 2,
        "block": (k * observed, padded(own), padded(own)),
        "shared_block": (k * observed, padded(shared), both),
        "full": (padded(layout.size) * observed,) * 2,
        "moments": (k * complete * (layout.n_moments > 0), *[padded(layout.n_moments)] * 2),
        "bend_gate": (k * (order >= PRODUCTS), layout.n_gate, layout.n_gate),
        "bend_expert": (k * complete, layout.n_expert, layout.n_expert),
    }
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()]).tolist()
    parts = (slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True))
    return dict(zip(shapes, zip(parts, shapes.values(), strict=True), strict=True))


class View:
    """One array of :class:`Sums`, made when it is asked for: all of them cost a third of a pass at 300 observations."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, sums, owner) -> np.ndarray:
        part, shape = sums.places[self.name]
        # From here on the attribute of the instance, which goes before this one of the class.
        sums.__dict__[self.name] = view = sums.flat[part].reshape(shape)
        return view


class Sums:
    """What one pass adds up, as views of one flat vector, so that groups add with one operation.

    Attributes
    ----------
    value : float
        Log-likelihood.
    totals : ndarray, shape (3, k)
        Sums of responsibilities and of gate probabilities; at [2, 0] that of w log(largest responsibility).
    pull_gate, pull_expert : ndarray, shapes (segments, padded k, padded rows)
        The score, by segments of the rows of derivatives.
    bend_gate, bend_expert : ndarray, shapes (k, b, b)
        Lower triangles of the parts' second derivatives under the weights w (r - p) and w r.
    gate_block, gate_shared, gate_gram, block, shared_block, full, moments : ndarray
        See :func:`gmoe.kernels.mixture.mixture`.
    """

    totals = View()
    pull_gate = View()
    pull_expert = View()
    bend_gate = View()
    bend_expert = View()
    gate_block = View()
    gate_shared = View()
    gate_gram = View()
    block = View()
    shared_block = View()
    full = View()
    moments = View()

    def __init__(self, places: dict[str, tuple[slice, tuple[int, ...]]]):
        self.places = places
        # A few spare numbers keep the group vectors from sharing cache sets.
        self.flat = np.zeros(places["bend_expert"][0].stop + 8)
        self.value = 0.0

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """What the mixture kernel writes."""
        return [getattr(self, name) for name in list(self.places)[:-2]]

    def clear(self):
        """Start from zero."""
        self.flat[:] = 0.0
        self.value = 0.0


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The objective at one parameter vector, averaged over the weights; fields beyond ``order`` are None."""

    theta: np.ndarray
    value: float
    gradient: np.ndarray
    sums: Sums
    hessian: np.ndarray | None = None


class Room:
    """Scratch of one thread for the blocks of a data set."""

    def __init__(self, blocks: Blocks, gate, experts, layout: Layout):
        k, length = layout.k, block_length(blocks.n, blocks.length)
        self.buffer = blocks.buffer()
        self.logit, self.density = aligned(k, length), aligned(k, length)
        self.gate, self.experts = gate.room(layout.gate_size, length), experts.room(layout.expert_size, length)
        self.work = aligned(work_rows(k, layout.n_gate, layout.n_expert), STRIP_LENGTH, fill=0.0)


class Passes:
    """Passes over one data set.

    Parameters
    ----------
    blocks : Blocks
    gate : BaseGate
    experts : BaseExperts
    layout : Layout
    executor : concurrent.futures.Executor or None
    """

    def __init__(self, blocks: Blocks, gate, experts, layout: Layout, executor):
        self.blocks, self.gate, self.experts, self.layout, self._executor = blocks, gate, experts, layout, executor
        n_groups = min(blocks.n_blocks, max(GROUPS, -(-blocks.n_blocks // GROUP_BLOCKS)))
        bounds = [blocks.n_blocks * group // n_groups for group in range(n_groups + 1)]
        self._groups = list(pairwise(bounds))
        self._rooms: deque = deque()
        self._scratch: dict[int, tuple[dict, deque]] = {}

    def sums(self, theta, order) -> Sums:
        """Add up what an order asks for at a parameter vector."""
        gate, experts = self._own(theta)

        def add(sums, block, room):
            x_gate, x_expert, y, w, m = block
            rows = self.gate.fill_block(*gate, (x_gate,), m, room.logit, room.gate, order >= PRODUCTS)
            sums.value += self.experts.mix_block(
                *experts, (x_expert, y), w, m, room.logit, rows, room.density, room.experts, room.work,
                self.layout.q_gate, order, sums.outputs,
            )  # fmt: skip
            if order >= COMPLETE and not self.layout.n_moments:
                self.experts.bend_block(*experts, (x_expert, y), m, room.density, sums.bend_expert, room.experts)
            if order >= PRODUCTS:
                self.gate.bend_block(*gate, (x_gate,), m, room.logit, sums.bend_gate, room.gate)

        total = self._total(order, add)
        if order >= COMPLETE and self.layout.n_moments:
            self.experts.bend_of(*experts, total.moments, total.pull_expert, total.totals[0], total.bend_expert)
        return total

    def change(self, theta, direction) -> Sums:
        """Add up the change of the score along a direction, but for that of the rows themselves."""
        (gate, experts), layout = self._own(theta), self.layout
        directions = direction[layout.at_gate], direction[layout.at_expert]

        def add(sums, block, room):
            x_gate, x_expert, y, w, m = block
            gate_rows = self.gate.fill_block(*gate, (x_gate,), m, room.logit, room.gate)
            rows = self.experts.fill_block(*experts, (x_expert, y), m, room.density, room.experts)
            change(room.logit, room.density, *gate_rows, *rows, *directions, w, m, room.work, *sums.outputs[:3])

        return self._total(SCORE, add)

    def _own(self, theta):
        gate, expert = self.layout.split(theta)
        return (
            (np.ascontiguousarray(gate), self.layout.shared(theta)),
            (np.ascontiguousarray(expert), self.layout.expert_shared(theta)),
        )

    def _total(self, order, add):
        """Sum ``add(sums, block, room)`` over all blocks, in fixed groups."""
        if order not in self._scratch:
            self._scratch[order] = places(self.layout, order), deque()
        # Output arrays of the groups, used again: making them anew costs as much as a hundred observations each.
        where, pool = self._scratch[order]
        try:
            groups = pool.pop()
        except IndexError:
            groups = [Sums(where) for _ in self._groups]

        def group(number):
            sums, room = groups[number], self._take_room()
            sums.clear()
            for b in range(*self._groups[number]):
                add(sums, self.blocks.designs(b, room.buffer), room)
            self._rooms.append(room)
            return sums

        total = Sums(where)
        run = map if self._executor is None or len(self._groups) == 1 else self._executor.map
        for part in run(group, range(len(self._groups))):
            total.flat += part.flat
            total.value += part.value
        pool.append(groups)
        return total

    def _take_room(self):
        try:
            return self._rooms.pop()
        except IndexError:
            return Room(self.blocks, self.gate, self.experts, self.layout)
