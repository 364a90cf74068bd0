"""Reads what a study does with its data: protocols and losses."""

from collections.abc import Callable, Iterator
from dataclasses import Field, replace
from typing import Any

from gmoe.experts import as_experts
from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.study import checks as check
from gmoe.study.data.arrays import origin, sizes_of
from gmoe.study.describe.source import Source
from gmoe.study.losses.base import Fits, Loss, Setting
from gmoe.study.losses.kinds import KINDS as LOSSES
from gmoe.study.losses.together import numbers_of
from gmoe.study.protocols.base import Protocol
from gmoe.study.protocols.near_truth import NearTruth
from gmoe.study.protocols.protocols import KINDS as PROTOCOLS


def read_parts(source: Source, values: Any, key: str, read: Callable, *arguments: Any) -> Iterator[Any]:
    """Read an array of tables with different names."""
    names: set[str] = set()
    for path, value in source.tables(values, key):
        part = read(source, value, path, *arguments)
        if part.name in names:
            source.fail(path, f"the name {part.name!r} is taken; give each its own name")
        names.add(part.name)
        yield part


def read_protocol(source: Source, values: Any, path: tuple, truth: GMoE) -> Protocol:
    """Read one protocol, and check that its gate and experts suit."""
    kind = source.kind(values, path, tuple(PROTOCOLS))
    known = {"name": check.label} | _checks(check.options_of(PROTOCOLS[kind]))
    given = source.table({key: value for key, value in values.items() if key != "kind"}, path, known)
    for key, read in (("gate", as_gate), ("experts", as_experts)):
        if key in given:
            source.guard((*path, key), read, given[key])
    defaults: dict[str, Any] = {"name": kind, "n_experts": truth.n_experts}
    protocol = PROTOCOLS[kind](**defaults | given)
    gate, experts = sizes_of(truth, protocol.n_experts)
    source.guard((*path, "n_experts"), protocol.gate_for(truth).check, *gate[:2])
    source.guard((*path, "experts"), protocol.experts_for(truth).check, *experts)
    source.guard((*path, "kind"), protocol.check, truth)
    return protocol


def read_loss(source: Source, values: Any, path: tuple) -> Loss:
    """Read one loss; another kind's option may be there at its default, as older manifests have it."""
    kind = source.kind(values, path, tuple(LOSSES), "over")
    cls = LOSSES[kind]
    own = check.options_of(cls)
    every = {name: option for each in LOSSES.values() for name, option in check.options_of(each).items()} | own
    given = source.table(values, path, {"name": check.label, "kind": check.text} | _checks(every))
    for key in [key for key in given if key in every]:
        if not _belongs(own.get(key), kind) and given[key] != every[key].default:
            kinds = [other for other, each in LOSSES.items() if _belongs(check.options_of(each).get(key), other)]
            source.fail((*path, key), f"does not belong to {kind!r}, but to {', '.join(map(repr, kinds))}")
    fields: dict[str, Any] = {"name": kind} | {key: given[key] for key in given if key in ("name", *own)}
    return cls(**fields | ({"kind": kind} if len(cls.kinds) > 1 else {}))


def check_fits(source: Source, setting: Callable, sizes: tuple[int, ...], protocols, losses) -> None:
    """Take every loss of a model beside the truth once, rather than fail in each replication.

    ``setting`` makes the :class:`Setting` of a protocol.
    """
    for i, protocol in enumerate(protocols):
        if sizes[0] < protocol.n_experts:
            source.fail(("sizes",), f"n = {sizes[0]} is too small for {protocol.n_experts} experts")
        given: Setting = setting(protocol)
        model = source.guard(("protocol", i, "gate"), _beside, given)
        task = (sizes[0], 0)
        fits = Fits.of(given, {protocol.name: {task: (model, 0.0)}}, [task])
        for j, loss in enumerate(losses):
            source.guard(("loss", j), loss.values, fits)
        source.guard(("loss",), numbers_of, losses, given)


def _beside(setting: Setting) -> GMoE:
    """Model of the fitted parts with the truth's density, as far as they can have it."""
    gate: Any = setting.gate
    truth, parts = setting.truth, (gate, setting.experts)
    try:
        beside = NearTruth(truth, parts, setting.n_experts)
        parameters = beside.placed(beside.ways[-1])
    except ValueError:  # they have nothing in common
        parameters = origin(parts, sizes_of(truth, setting.n_experts))
    if gate.can_anneal and not isinstance(gate.temperature, str):
        parameters = replace(parameters, temperature=gate.temperature)
    return GMoE(parameters, gate, truth.gate_columns, truth.expert_columns, setting.experts)


def _checks(options: dict[str, Field]) -> dict[str, Callable]:
    return {name: option.metadata["check"] for name, option in options.items()}


def _belongs(option: Field | None, kind: str) -> bool:
    return option is not None and kind in (option.metadata["kinds"] or (kind,))
