"""Monte Carlo studies of convergence: described in TOML, resumable, reproducible to the bit."""

from gmoe.study.analyse.rates import Decay, Level, Rate, Rates, Slope, estimate_rates
from gmoe.study.compute.replay import Replay, replay
from gmoe.study.compute.runner import Outcome, Progress, Status, merge, run, status, table
from gmoe.study.describe.spec import Study
from gmoe.study.errors import ChangedStudyError, FolderInUseError, SpecError, StoreError, StudyError
from gmoe.study.results.manifest import load_study

__all__ = [
    "ChangedStudyError",
    "Decay",
    "FolderInUseError",
    "Level",
    "Outcome",
    "Progress",
    "Rate",
    "Rates",
    "Replay",
    "Slope",
    "SpecError",
    "Status",
    "StoreError",
    "Study",
    "StudyError",
    "estimate_rates",
    "load_study",
    "merge",
    "replay",
    "run",
    "status",
    "table",
]
