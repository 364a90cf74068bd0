"""Of which study a result file is: it says so itself, and is believed only if it is the study at hand."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gmoe.study.describe.spec import Study
from gmoe.study.errors import ChangedStudyError, SpecError
from gmoe.study.results.arrow import schema_of
from gmoe.study.results.columns import columns

# Of the file's own metadata: a description of the study, as JSON.
_KEY = b"gmoe:study"
_COUNT = "replications"


def identity(study: Study) -> dict[str, Any]:
    """Everything that decides the numbers of a replication: the study, but for how many replications there are."""
    return {key: value for key, value in study.to_dict().items() if key != _COUNT}


def stamped(table: pa.Table, study: Study) -> pa.Table:
    """Return the table with the study's identity in its metadata."""
    return table.replace_schema_metadata({_KEY: json.dumps(identity(study)).encode()})


def refuse_foreign(path: Path, table: pa.Table, study: Study) -> None:
    """Raise a ChangedStudyError that names a result file and what of it is not the study's."""
    for what in _foreign(table, study):
        raise ChangedStudyError(f"{path} is not of this study: {what}. Move it away, or give another folder.")


def refuse_changes(folder: Path, old: Mapping[str, Any], study: Study) -> None:
    """Raise a ChangedStudyError where a study differs from that of a folder, unless by more replications."""
    held, wanted = _read_again(old), study.to_dict()
    # The first replications do not depend on how many there are.
    held[_COUNT] = max(held[_COUNT], wanted[_COUNT])
    if changes := _shown(held, wanted):
        raise ChangedStudyError(
            f"{folder} holds results of another study: {changes}. Give another folder, or the study as it was."
        )


def differences(old, new, path: str = "") -> Iterator[str]:
    """Yield "key: old -> new" for every entry that differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            below = f"{path}.{key}" if path else key
            yield from differences(old.get(key, "nothing"), new.get(key, "nothing"), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from differences(left, right, f"{path}[{i}]")
    elif old != new:
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _foreign(table, study) -> Iterator[str]:
    """Yield what of a table is not the study's: its identity, its columns, or its rows."""
    held, wanted = _held(table), identity(study)
    if held is None:
        yield "it does not say of which study it is"
        return
    # Another study's modules are not imported to find out what else differs.
    if held != wanted and held.get("import") == wanted.get("import"):
        try:
            held = _read_again(held | {_COUNT: study.replications})
            del held[_COUNT]
        except SpecError:
            pass  # the differences say why
    if changes := _shown(held, wanted):
        yield changes
    expected = schema_of(columns(study))
    if not table.schema.equals(expected, check_metadata=False):
        there, here = set(table.schema.names), set(expected.names)
        yield f"its columns are others (it lacks {sorted(here - there)}, it has {sorted(there - here)})"
        return
    allowed = {"protocol": [protocol.name for protocol in study.protocols], "n": list(study.sizes)}
    for key, values in allowed.items():
        if odd := [value for value in pc.unique(table[key]).to_pylist() if value not in values]:
            yield f"it has {key} {odd[0]!r}, the study {', '.join(map(repr, values))}"
    replications = pc.min_max(table["replication"]).as_py()
    if len(table) and not 0 <= replications["min"] <= replications["max"] < study.replications:
        yield f"it has replication {replications['max']}, the study {study.replications} replications, counted from 0"


def _held(table) -> dict[str, Any] | None:
    try:
        held = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def _read_again(old) -> dict[str, Any]:
    """Read and write a description once more: an older one then has the defaults of options that came later."""
    return Study.from_dict(old).to_dict()


def _shown(old, new) -> str:
    changes = list(differences(old, new))
    return "; ".join(changes[:3]) + ("; ..." if len(changes) > 3 else "")


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
