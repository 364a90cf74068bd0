"""The manifest of a results folder: the study, and by what each run was made."""

import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gmoe import __version__
from gmoe.study.describe.spec import Study
from gmoe.study.errors import ChangedStudyError, StoreError
from gmoe.study.results.lock import turn
from gmoe.study.results.store import result_files, write_whole

MANIFEST, FORMAT = "manifest.json", 1
# Result files do not say of which study they are, so that a new manifest beside them might be that of another one.
_REMEDY = f"restore {MANIFEST} (a run of the same study in another folder writes the same), or give another folder"
PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "pandas", "pyarrow", "joblib", "distributed")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest.

    Raises
    ------
    StoreError
        Where there is none, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        study, runs = manifest["study"], manifest["runs"]
    except FileNotFoundError:
        raise StoreError(f"{folder} holds no results ({MANIFEST} is missing); give the folder of a run.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}); {_REMEDY}.") from error
    if not isinstance(study, dict) or not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise StoreError(f"{path} is damaged; {_REMEDY}.")
    if manifest.get("format") != FORMAT:
        raise StoreError(f"{path} has format {manifest.get('format')!r}, this gmoe reads {FORMAT}; use that gmoe.")
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
    StoreError
        Where there are results without a manifest.
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
        elif result_files(folder):
            raise StoreError(f"{folder} has results, but its {MANIFEST} is missing; {_REMEDY}.")
        manifest["runs"].append(added)
        write_whole(folder / MANIFEST, json.dumps(manifest, indent=1).encode())


def refuse_changes(folder: Path, old: Mapping[str, Any], study: Study) -> None:
    """Raise a ChangedStudyError where a study differs from that of a folder, unless by more replications."""
    # Read and written again, an older folder has the defaults of options that came later.
    held, wanted = Study.from_dict(old).to_dict(), study.to_dict()
    # The first replications do not depend on how many there are.
    held["replications"] = max(held["replications"], wanted["replications"])
    changes = list(differences(held, wanted))
    if changes:
        shown = "; ".join(changes[:3]) + ("; ..." if len(changes) > 3 else "")
        raise ChangedStudyError(
            f"{folder} holds results of another study: {shown}. Give another folder, or the study as it was."
        )


def differences(old, new, path: str = ""):
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


def environment() -> dict[str, Any]:
    """When, by which versions and on what a run was made."""
    versions = {"gmoe": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "git": _git(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def _warn_of_versions(runs):
    before = runs[-1].get("versions", {}).get("gmoe", __version__) if runs else __version__
    if before != __version__:
        warnings.warn(
            f"These results were begun by gmoe {before} and go on with {__version__}; the manifest records both.",
            RuntimeWarning,
            stacklevel=4,
        )


def _git() -> str | None:
    """Commit of the package's own working tree, with "+changes" where it has some."""
    here = Path(__file__).parent

    def ask(*arguments):
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        if ask("ls-files", "--error-unmatch", Path(__file__).name):
            return ask("rev-parse", "HEAD") + ("+changes" if ask("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        pass
    return None


def _cpu() -> str:
    if sys.platform == "linux":
        try:
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        except OSError:
            pass
    return platform.processor() or platform.machine()


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
