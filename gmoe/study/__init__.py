"""Monte Carlo studies of convergence: described in TOML, resumable, reproducible to the bit.

| room | question |
|---|---|
| ``data`` | what are the data drawn from: truths, laws of x, sizes, seeds? |
| ``losses`` | what is measured of a fit, and which quantity of the theory is that? |
| ``protocols`` | how is one data set fitted? |
| ``describe`` | what is a study, and how is it read? |
| ``results`` | what does a results folder hold? |
| ``compute`` | who computes what, and what is missing? |
| ``analyse`` | what do the results say: rates, certificates, losses after the fact? |
| ``show`` | how does it look? |

Each room imports from those above it alone.
"""

from gmoe.solvers.evidence.result import EDGES
from gmoe.study.analyse.health import failures, health
from gmoe.study.analyse.information import limit_losses
from gmoe.study.analyse.measure import measure, measure_table
from gmoe.study.analyse.rates import Decay, Level, Rate, Rates, Slope, estimate_rates
from gmoe.study.analyse.theory import exponents, predicted, predictions
from gmoe.study.checks import option
from gmoe.study.compute.replay import Replay, replay
from gmoe.study.compute.replications import draw
from gmoe.study.compute.runner import Outcome, Progress, Status, merge, run, status, table
from gmoe.study.data.laws import LawOfX
from gmoe.study.describe.spec import Study
from gmoe.study.errors import ChangedStudyError, FolderInUseError, SpecError, StoreError, StudyError
from gmoe.study.losses.arrays import Arrays
from gmoe.study.losses.base import Fits, Loss, Quantity, Setting
from gmoe.study.losses.blocks import Blocks
from gmoe.study.losses.distances import Distance
from gmoe.study.losses.gates import GateBoundary, SmallestShare, Temperature
from gmoe.study.losses.kinds import register_loss
from gmoe.study.losses.voronoi import Voronoi
from gmoe.study.protocols.sets import MIN_VARIANCE, parameter_space
from gmoe.study.results.fits import model_of
from gmoe.study.results.manifest import load_study

__all__ = [
    "EDGES",
    "MIN_VARIANCE",
    "Arrays",
    "Blocks",
    "ChangedStudyError",
    "Decay",
    "Distance",
    "Fits",
    "FolderInUseError",
    "GateBoundary",
    "LawOfX",
    "Level",
    "Loss",
    "Outcome",
    "Progress",
    "Quantity",
    "Rate",
    "Rates",
    "Replay",
    "Setting",
    "Slope",
    "SmallestShare",
    "SpecError",
    "Status",
    "StoreError",
    "Study",
    "StudyError",
    "Temperature",
    "Voronoi",
    "draw",
    "estimate_rates",
    "exponents",
    "failures",
    "health",
    "limit_losses",
    "load_study",
    "measure",
    "measure_table",
    "merge",
    "model_of",
    "option",
    "parameter_space",
    "predicted",
    "predictions",
    "register_loss",
    "replay",
    "run",
    "status",
    "table",
]
