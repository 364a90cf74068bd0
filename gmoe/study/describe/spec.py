"""The description of a study, from TOML or a dictionary; every error names the key and the line."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gmoe.experts import as_experts, experts_text
from gmoe.gates import as_gate, gate_text
from gmoe.model import GMoE
from gmoe.study.data.laws import LawOfX
from gmoe.study.data.seeds import seed_sequence, words_of
from gmoe.study.data.truths import Drift, truth_at, truth_to_dict
from gmoe.study.describe.modules import load
from gmoe.study.describe.reader import read_study, setting_of
from gmoe.study.describe.source import Source
from gmoe.study.describe.toml import read_toml
from gmoe.study.errors import SpecError
from gmoe.study.losses.base import Loss, Setting
from gmoe.study.losses.kinds import kind_of as kind_of_loss
from gmoe.study.protocols.base import Protocol
from gmoe.study.protocols.protocols import kind_of
from gmoe.study.protocols.sets import bounds


@dataclass(frozen=True, eq=False)
class Study:
    """A Monte Carlo study: one truth, sizes, replications, protocols that fit each data set, losses of each fit.

    Read one with :meth:`from_toml`; its parts are immutable.

    Attributes
    ----------
    name : str
    seed : int
        Root of all random numbers.
    replications : int
    truth : GMoE
    law : LawOfX
    sizes : tuple of int
    protocols : tuple of Protocol
    losses : tuple of Loss
    drifts : tuple of Drift
        Parameters of the truth that move with the size; see :meth:`truth_at`.
    modules : tuple of str
        Modules that register what the study names; workers import them first.
    """

    name: str
    seed: int
    replications: int
    truth: GMoE
    law: LawOfX
    sizes: tuple[int, ...]
    protocols: tuple[Protocol, ...]
    losses: tuple[Loss, ...]
    drifts: tuple[Drift, ...] = ()
    modules: tuple[str, ...] = ()

    def __setstate__(self, state):
        load(state["modules"])
        self.__dict__.update(state)

    @classmethod
    def from_toml(cls, source: str | Path) -> "Study":
        """Read a study.

        Parameters
        ----------
        source : path or str
            A TOML file, or the text of one.

        Raises
        ------
        SpecError
            With the key and its line, for anything that is not as it should be.
        """
        values, text, name, folder = read_toml(source)
        return cls(**read_study(Source(name, text, folder), values))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Study":
        """Read a study from what :meth:`to_dict` returns, or any dictionary of that form."""
        return cls(**read_study(Source("the study", ""), values))

    def to_dict(self) -> dict[str, Any]:
        """Everything that decides the numbers, defaults filled in, fit for JSON and TOML."""
        imported = {"import": list(self.modules)} if self.modules else {}
        return imported | {
            "name": self.name,
            "seed": self.seed,
            "replications": self.replications,
            "sizes": list(self.sizes),
            **self.cell_base,
            "protocol": [_given(p) | {"kind": kind_of(p)} for p in self.protocols],
            "loss": [_given(loss) | {"kind": kind_of_loss(loss)} for loss in self.losses],
        }

    @cached_property
    def cell_base(self) -> dict[str, Any]:
        """What all cells have in common: the truth and the law of x."""
        names = gate_name(self.truth.gate), experts_name(self.truth.experts)
        truth = truth_to_dict(self.truth, self.drifts, *names)
        return {"truth": truth, "x": self.law.to_dict()}

    def truth_at(self, n: int) -> GMoE:
        """Truth of the data sets of a size."""
        return truth_at(self.truth, self.drifts, n)

    def setting(self, protocol: Protocol, n: int | None = None) -> Setting:
        """Return what a protocol fits to data of size ``n``, by default the smallest."""
        return setting_of(self.truth, self.drifts, self.law, protocol, self.sizes[0] if n is None else n)

    def seed_of(self, n: int, replication: int) -> np.random.SeedSequence:
        """Return the seed of one replication."""
        return seed_sequence(self.seed, self._words[n], replication)

    @cached_property
    def _words(self) -> dict[int, tuple[int, int]]:
        return {n: words_of(self.cell(n)) for n in self.sizes}

    def cell(self, n: int) -> dict[str, Any]:
        """Return what the data of one size depend on, beside the root seed and the replication."""
        return self.cell_base | {"n": n}

    def protocol(self, name: str) -> Protocol:
        """Return the protocol of that name."""
        for protocol in self.protocols:
            if protocol.name == name:
                return protocol
        raise SpecError(f"No protocol {name!r} in this study; it has {', '.join(p.name for p in self.protocols)}.")


def gate_name(gate) -> str:
    """Text from which :func:`gmoe.as_gate` makes the same gate."""
    name = gate_text(gate)
    try:
        same = as_gate(name) == gate
    except ValueError:
        same = False
    if not same:
        raise SpecError(
            f"The name {name!r} does not make {gate!r}; give its activation, key or selection a name of its own, and "
            "register it."
        )
    return name


def experts_name(experts) -> str:
    """Text from which :func:`gmoe.as_experts` makes the same family."""
    name = experts_text(experts)
    try:
        same = as_experts(name) == experts
    except ValueError:
        same = False
    if not same:
        raise SpecError(f"The name {name!r} does not make {experts!r}; register its class by register_experts.")
    return name


def _given(part) -> dict[str, Any]:
    """Fields that are not None, tuples of pairs and sets as tables."""
    values = {key: value for key, value in asdict(part).items() if value is not None}
    if "space" in values:
        values["space"] = bounds(part.space)
    if "rbar" in values:
        values["rbar"] = {str(size): value for size, value in values["rbar"]}
    return values
