"""Reads the parts of a study, and says of every error at which key and line it is."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np

from gmoe.gates import as_gate
from gmoe.model import GMoE
from gmoe.parameters import PER_EXPERT
from gmoe.study import checks as check
from gmoe.study.data.design import LAWS, SPACINGS, TRUTHS, LawOfX, side_of_grid, sizes_from, truth_from
from gmoe.study.describe.toml import line_of
from gmoe.study.errors import SpecError
from gmoe.study.losses.losses import DISTANCES, GATE_INTERCEPTS, VORONOI, Loss, Losses
from gmoe.study.protocols.near_truth import doublings, place
from gmoe.study.protocols.protocols import KINDS, STARTS, STOPS, Protocol

# Beyond these a study is a slip of the keyboard, and its list of data sets fills the memory.
MAX_SIZE, MAX_SIZES, MAX_DATA_SETS = 10**9, 10**5, 10**7
_TOP = {"name": check.label, "seed": check.integer(0), "replications": check.integer(1)}
_TRUTH = dict.fromkeys(PER_EXPERT, check.numbers) | {"gate": check.text, "temperature": check.positive}
_X = {"law": check.choice(list(LAWS)), **dict.fromkeys(("low", "high", "mean", "sd"), check.numbers)}
_SIZES = {
    "spacing": check.choice(SPACINGS), "start": check.integer(2, MAX_SIZE), "stop": check.integer(2, MAX_SIZE),
    "count": check.integer(1, MAX_SIZES),
}  # fmt: skip
_PROTOCOL = {
    "name": check.label, "n_experts": check.integer(1), "gate": check.text, "starts": check.choice(STARTS),
    "n_near": check.integer(0), "n_init": check.integer(1), "tol": check.positive, "max_iter": check.integer(1),
    "min_variance": check.positive, "stop": check.choice(STOPS), "tries": check.integer(0),
}  # fmt: skip
_LOSS = {
    "name": check.label, "kind": check.choice((*VORONOI, *DISTANCES)), "translation": check.choice(("infimum", "none")),
    "weights": check.choice(("exp_intercept", "gate_probability")), "scale": check.choice(("raw", "free")),
    "joint_norm": check.boolean, "power": check.positive, "gate_intercept": check.choice(GATE_INTERCEPTS),
    "points": check.integer(1),
}  # fmt: skip
# Kinds of losses that an option makes a difference to, where these are not the Voronoi losses.
_KINDS_OF = dict.fromkeys(("name", "kind", "points"), (*VORONOI, *DISTANCES)) | {"power": ("power",), "rbar": ("over",)}


@dataclass(frozen=True)
class Reader:
    """Reads the parts of a study and says where an error is."""

    source: str
    text: str

    def fail(self, path: Sequence[str | int], message: str) -> NoReturn:
        """Raise a SpecError with source, line, key and message."""
        key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in path).replace(".[", "[")
        line = line_of(self.text, path)
        where = self.source + (f", line {line}" if line else "")
        raise SpecError(f"{where}: {key + ': ' if key else ''}{message.rstrip('.')}.")

    def table(self, values, path, known) -> dict[str, Any]:
        """Check a table: known keys only, each by its check."""
        if not isinstance(values, Mapping):
            self.fail(path, f"must be a table, got {values!r}")
        result = {}
        for key, value in values.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                advice = f"did you mean {near[0]!r}? " if near else ""
                self.fail((*path, key), f"unknown key; {advice}known keys: {', '.join(known)}")
            result[key] = self.guard((*path, key), known[key], value)
        return result

    def guard(self, path, function, *arguments):
        """Call a function; its ValueError or TypeError becomes an error at the path."""
        try:
            return function(*arguments)
        except (ValueError, TypeError, ArithmeticError) as error:
            if isinstance(error, SpecError):
                raise
            self.fail(path, str(error))

    def study(self, values) -> dict[str, Any]:
        """Read a whole study: the fields of :class:`gmoe.study.Study`."""
        known = dict.fromkeys((*_TOP, "truth", "x", "sizes", "protocol", "loss"), lambda value: value)
        values = self.table(values, (), known | _TOP)
        for key in ("name", "seed", "replications", "truth", "sizes", "protocol"):
            if key not in values:
                self.fail((), f"the key {key!r} is missing")
        truth, law = self.truth_and_law(values["truth"], values.get("x"))
        sizes = self.sizes(values["sizes"], law)
        if len(sizes) * values["replications"] > MAX_DATA_SETS:
            given = f"got {values['replications']} at each of {len(sizes)} sizes"
            self.fail(("replications",), f"at most {MAX_DATA_SETS} data sets make a study, {given}")
        parts = {
            "sizes": sizes,
            "protocols": tuple(self.parts(values["protocol"], "protocol", self.protocol, truth)),
            "losses": tuple(self.parts(values.get("loss", [{}]), "loss", self.loss, truth)),
        }
        self.check_fit(truth, law, **parts)
        return {key: values[key] for key in _TOP} | {"truth": truth, "law": law} | parts

    def truth_and_law(self, values, x) -> tuple[GMoE, LawOfX]:
        """Read the truth, named or given, and the law of x that goes with it."""
        named = values if isinstance(values, str) else values.get("name") if isinstance(values, Mapping) else None
        default_x: Any = {"law": "uniform"}
        if named is not None:
            if not isinstance(named, str) or named not in TRUTHS:
                self.fail(("truth",), f"unknown truth {named!r}; known: {', '.join(TRUTHS)}, or give its parameters")
            if isinstance(values, Mapping) and len(values) > 1:
                self.fail(("truth",), "give either a name or parameters, not both")
            values, default_x = TRUTHS[named]["truth"], TRUTHS[named]["x"]
        given = self.table(values, ("truth",), _TRUTH)
        for key in PER_EXPERT:
            if key not in given:
                self.fail(("truth",), f"the key {key!r} is missing; a truth needs {', '.join(PER_EXPERT)}")
        if "gate" in given:
            self.guard(("truth", "gate"), as_gate, given["gate"])
        variance = self.guard(("truth", "variance"), np.ravel, given["variance"])
        if np.any(variance <= 0.0):
            self.fail(("truth", "variance"), f"must be positive, got {given['variance']}: variances, not logs")
        truth = self.guard(("truth",), truth_from, given)
        gate, mean = truth.parameters.gate_coef.shape, truth.parameters.coef.shape
        if gate != mean:
            what = "gate and means of a study have the same features, the columns of gate_coef and coef"
            self.fail(("truth",), f"{what}; got {gate[1]} and {mean[1]}; give a 0 for what is not used")
        x = self.table(default_x if x is None else x, ("x",), _X)
        if "law" not in x:
            self.fail(("x",), f"the key 'law' is missing; one of {', '.join(LAWS)}")
        for key in x:
            if key not in ("law", *LAWS[x["law"]]):
                self.fail(("x", key), f"does not belong to the law {x['law']!r}, which has {', '.join(LAWS[x['law']])}")
        return truth, self.guard(("x",), LawOfX.of, x, truth.n_features)

    def sizes(self, values, law) -> tuple[int, ...]:
        """Read a list or a table of sizes."""
        if isinstance(values, Mapping):
            values = self.table(values, ("sizes",), _SIZES)
            for key in _SIZES:
                if key not in values:
                    self.fail(("sizes",), f"the key {key!r} is missing; sizes are a list, or {', '.join(_SIZES)}")
            if values["count"] > 1 and values["stop"] <= values["start"]:
                self.fail(("sizes", "stop"), f"must be above start = {values['start']}, got {values['stop']}")
        elif isinstance(values, list) and values:
            values = [self.guard(("sizes",), check.integer(2, MAX_SIZE), value) for value in values]
        else:
            self.fail(("sizes",), f"must be a list of sizes or a table with {', '.join(_SIZES)}, got {values!r}")
        sizes = self.guard(("sizes",), sizes_from, values)
        if law.law == "grid":
            for n in sizes:
                self.guard(("sizes",), side_of_grid, n, len(law.first))
        return sizes

    def parts(self, values, key, read, truth):
        """Read an array of tables with different names."""
        values = [values] if isinstance(values, Mapping) else values
        if not isinstance(values, list) or not values:
            self.fail((key,), f"must be one table [{key}] or several [[{key}]]")
        names: set[str] = set()
        for index, value in enumerate(values):
            part = read(value, (key, index), truth)
            if part.name in names:
                self.fail((key, index), f"the name {part.name!r} is taken; give each its own name")
            names.add(part.name)
            yield part

    def protocol(self, values, path, truth) -> Protocol:
        """Read one protocol, and check that its gate suits."""
        kind = self.kind(values, path, tuple(KINDS))
        allowed = [field.name for field in fields(KINDS[kind])]
        given = self.table(
            {key: value for key, value in values.items() if key != "kind"},
            path,
            {key: _PROTOCOL[key] for key in ("name", *allowed)},
        )
        if "gate" in given:
            self.guard((*path, "gate"), as_gate, given["gate"])
        protocol = KINDS[kind](**{"name": kind, "n_experts": truth.n_experts} | given)
        gate = protocol.gate_for(truth)
        self.guard((*path, "n_experts"), gate.check, protocol.n_experts, truth.n_features)
        if kind.startswith("published") and (not gate.affine or gate.temperature != 1.0):
            self.fail((*path, "kind"), f"{kind} needs a gate without activation and temperature, not {gate!r}")
        if kind == "published_softmax" and gate.n_active is not None:
            self.fail((*path, "kind"), "published_softmax needs a dense gate; use published_topk")
        return protocol

    def loss(self, values, path, truth) -> Loss:
        """Read one loss."""
        kind = self.kind(values, path, (*VORONOI, *DISTANCES), "over")
        given = self.table(values, path, _LOSS | {"rbar": self.rbar})
        loss = Loss(**{"name": kind} | given)
        for field in fields(Loss):
            kinds = _KINDS_OF.get(field.name, VORONOI)
            if kind not in kinds and field.name in given and given[field.name] != field.default:
                self.fail((*path, field.name), f"does not belong to {kind!r}, but to {', '.join(map(repr, kinds))}")
        return loss

    def kind(self, values, path, known, default=None):
        """Read the key that decides which others there are."""
        if not isinstance(values, Mapping):
            self.fail(path, f"must be a table, got {values!r}")
        kind = values.get("kind", default)
        if kind is None:
            self.fail(path, f"the key 'kind' is missing; one of {', '.join(known)}")
        return self.guard((*path, "kind"), check.choice(known), kind)

    @staticmethod
    def rbar(value):
        """Read the exponents of large cells."""
        if not isinstance(value, Mapping) or not all(str(size).isdecimal() for size in value):
            raise ValueError(f"must be a table such as {{4 = 8.0}}, got {value!r}")
        return tuple((int(size), check.positive(power)) for size, power in value.items())

    def check_fit(self, truth, law, sizes, protocols, losses):
        """Take every loss of a model beside the truth once, rather than fail in each replication."""
        measured = Losses(losses, law)
        for i, protocol in enumerate(protocols):
            if sizes[0] < protocol.n_experts:
                self.fail(("sizes",), f"n = {sizes[0]} is too small for {protocol.n_experts} experts")
            way = doublings(truth.n_experts, protocol.n_experts)[-1]
            gate, parameters = protocol.gate_for(truth), place(truth.parameters, way)
            fixed = parameters.temperature if isinstance(gate.temperature, str) else gate.temperature
            model = self.guard(("protocol", i, "gate"), GMoE, parameters.with_gate(parameters.gate, fixed), gate)
            for j, (loss, points) in enumerate(zip(losses, measured.points, strict=True)):
                self.guard(("loss", j), loss.values, [model], truth, points)


# A new option of a protocol needs its check above.
assert all(field.name in _PROTOCOL for cls in KINDS.values() for field in fields(cls) if field.default is not MISSING)
