"""Monte Carlo studies of convergence: described in TOML, resumable, reproducible to the bit."""

from gmoe.study.errors import ChangedStudyError, FolderInUseError, SpecError, StoreError, StudyError
from gmoe.study.manifest import load_study
from gmoe.study.replay import Replay, replay
from gmoe.study.runner import Outcome, Progress, Status, merge, run, status, table
from gmoe.study.spec import Study

__all__ = [
    "ChangedStudyError",
    "FolderInUseError",
    "Outcome",
    "Progress",
    "Replay",
    "SpecError",
    "Status",
    "StoreError",
    "Study",
    "StudyError",
    "load_study",
    "merge",
    "replay",
    "run",
    "status",
    "table",
]
