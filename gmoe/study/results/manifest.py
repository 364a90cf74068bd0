"""The manifest of a results folder: the study, by what each run was made, and a checksum over both."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gmoe import __version__
from gmoe.study.describe.spec import Study
from gmoe.study.errors import StoreError
from gmoe.study.results.environment import environment
from gmoe.study.results.identity import refuse_changes
from gmoe.study.results.lock import turn
from gmoe.study.results.store import read_file, result_files, write_whole

MANIFEST, FORMAT = "manifest.json", 2
_CHECKSUM = "checksum"
_REMEDY = (
    f"put the {MANIFEST} back as it was, or remove it and run the study's TOML file on this folder again: the result "
    "files say themselves of which study they are"
)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest.

    Raises
    ------
    StoreError
        Where there is none, it cannot be read, or it is not as gmoe wrote it.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no results ({MANIFEST} is missing); give the folder of a run.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}); {_REMEDY}.") from error
    if not isinstance(manifest, dict) or manifest.get(_CHECKSUM) != _checksum(manifest):
        raise StoreError(f"{path} is damaged, or was edited: its checksum is that of another content; {_REMEDY}.")
    if manifest.get("format") != FORMAT:
        raise StoreError(f"{path} has format {manifest.get('format')!r}, this gmoe reads {FORMAT}; use that gmoe.")
    study, runs = manifest.get("study"), manifest.get("runs")
    if not isinstance(study, dict) or not isinstance(runs, list) or not all(map(_is_run, runs)):
        raise StoreError(f"{path} is no manifest of gmoe; {_REMEDY}.")
    return manifest


def load_study(folder: str | Path) -> Study:
    """Return the study that a results folder belongs to."""
    return Study.from_dict(read_manifest(Path(folder))["study"])


def write_manifest(folder: Path, study: Study, run: Mapping[str, Any]) -> None:
    """Write a new manifest, or add a run to the one that is there.

    Raises
    ------
    ChangedStudyError
        Where the folder belongs to a study with other numbers; the message names what differs.
    """
    added = environment() | dict(run)
    # Shards that start together would each write the manifest that they read.
    with turn(folder / ".lock-manifest"):
        manifest: dict[str, Any] = {"format": FORMAT, "study": study.to_dict(), "runs": []}
        if (folder / MANIFEST).exists():
            manifest = read_manifest(folder)
            refuse_changes(folder, manifest["study"], study)
            manifest["study"] = study.to_dict()
            _warn_of_versions(manifest["runs"])
        else:  # results without one say themselves of which study they are
            for path in result_files(folder):
                read_file(path, study)
        manifest["runs"].append(added)
        write_whole(folder / MANIFEST, encoded(manifest))


def encoded(manifest: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest, with the checksum of its content."""
    return json.dumps({**manifest, _CHECKSUM: _checksum(manifest)}, indent=1).encode()


def _checksum(manifest) -> str:
    content = {key: value for key, value in manifest.items() if key != _CHECKSUM}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_run(value) -> bool:
    return isinstance(value, dict) and isinstance(value.get("versions"), dict)


def _warn_of_versions(runs):
    before = runs[-1]["versions"].get("gmoe", __version__) if runs else __version__
    if before != __version__:
        warnings.warn(
            f"These results were begun by gmoe {before} and go on with {__version__}; the manifest records both.",
            RuntimeWarning,
            stacklevel=4,
        )
