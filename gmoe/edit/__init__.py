"""Edits of a fitted model: pure functions that return a new model, and the evidence of what it costs."""

from gmoe.edit._edited import Edited
from gmoe.edit.activate import ActivationCurve, activate, activation_curve
from gmoe.edit.add import add
from gmoe.edit.balance import balance
from gmoe.edit.customise import customise
from gmoe.edit.forget import Forgotten, forget
from gmoe.edit.merge import merge
from gmoe.edit.project import project
from gmoe.edit.prune import prune, prune_losses, subset
from gmoe.edit.rounded import rounded

__all__ = [
    "ActivationCurve",
    "Edited",
    "Forgotten",
    "activate",
    "activation_curve",
    "add",
    "balance",
    "customise",
    "forget",
    "merge",
    "project",
    "prune",
    "prune_losses",
    "rounded",
    "subset",
]
