"""Figures of fits and of studies as Display classes, in scikit-learn's manner; they need matplotlib.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; each expert has a line style and a marker too,
so that a print without colour can be read. Nothing is shown and no global setting is touched: what to do with the
figure is up to the caller.
"""

from gmoe.plotting._axes import COLOURS, LINES, MARKERS, log_ticks
from gmoe.plotting._calibration import CalibrationDisplay
from gmoe.plotting._criterion import CriterionDisplay
from gmoe.plotting._dendrogram import DendrogramDisplay
from gmoe.plotting._experts import ExpertFitDisplay
from gmoe.plotting._gate import GateDisplay
from gmoe.plotting._partition import GatePartitionDisplay
from gmoe.plotting._rates import RatePlotDisplay
from gmoe.plotting._residuals import ResidualDisplay
from gmoe.plotting._responsibilities import ResponsibilityDisplay
from gmoe.plotting._search import SearchDisplay
from gmoe.plotting._series import RateSeries

__all__ = [
    "COLOURS",
    "LINES",
    "MARKERS",
    "CalibrationDisplay",
    "CriterionDisplay",
    "DendrogramDisplay",
    "ExpertFitDisplay",
    "GateDisplay",
    "GatePartitionDisplay",
    "RatePlotDisplay",
    "RateSeries",
    "ResidualDisplay",
    "ResponsibilityDisplay",
    "SearchDisplay",
    "log_ticks",
]
