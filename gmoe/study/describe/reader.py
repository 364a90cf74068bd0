"""Reads a whole study, and says of every error at which key and line it is."""

from typing import Any

from gmoe._limits import MOST
from gmoe.model import GMoE
from gmoe.study import checks as check
from gmoe.study.data.laws import LawOfX
from gmoe.study.data.truths import Drift, truth_at
from gmoe.study.describe.data import check_drifts, read_law, read_sizes, read_truth
from gmoe.study.describe.modules import load, names
from gmoe.study.describe.parts import check_fits, read_loss, read_parts, read_protocol
from gmoe.study.describe.source import Source
from gmoe.study.losses.base import Setting
from gmoe.study.protocols.base import Protocol

_MODULES = "import"
_TOP = {"name": check.label, "seed": check.integer(0), "replications": check.integer(1)}
_PARTS = {_MODULES: names} | dict.fromkeys(("truth", "x", "sizes", "protocol", "loss"), lambda value: value)
_NEEDED = ("name", "seed", "replications", "truth", "sizes", "protocol")


def read_study(source: Source, values: Any) -> dict[str, Any]:
    """Read the fields of :class:`gmoe.study.Study`.

    Raises
    ------
    SpecError
    """
    values = source.table(values, (), _TOP | _PARTS)
    modules = values.get(_MODULES, ())
    source.guard((_MODULES,), load, modules, source.folder)
    for key in _NEEDED:
        if key not in values:
            source.fail((), f"the key {key!r} is missing")
    truth, drifts, default = read_truth(source, values["truth"])
    law = read_law(source, values.get("x"), default, truth.n_features)
    sizes = read_sizes(source, values["sizes"], law)
    check_drifts(source, truth, drifts, sizes)
    if len(sizes) * values["replications"] > MOST["data sets"]:
        given = f"got {values['replications']} at each of {len(sizes)} sizes"
        source.fail(("replications",), f"at most {MOST['data sets']} data sets make a study, {given}")
    protocols = tuple(read_parts(source, values["protocol"], "protocol", read_protocol, truth))
    losses = tuple(read_parts(source, values.get("loss", [{}]), "loss", read_loss))
    check_fits(source, lambda p: setting_of(truth, drifts, law, p, sizes[0]), sizes, protocols, losses)
    parts = {"truth": truth, "drifts": drifts, "law": law, "sizes": sizes, "protocols": protocols, "losses": losses}
    return {key: values[key] for key in _TOP} | parts | {"modules": modules}


def setting_of(truth: GMoE, drifts: tuple[Drift, ...], law: LawOfX, protocol: Protocol, n: int) -> Setting:
    """Return what a protocol fits to data of a size."""
    now = truth_at(truth, drifts, n)
    return Setting(protocol.name, now, protocol.gate_for(now), protocol.n_experts, law, protocol.experts_for(now))
