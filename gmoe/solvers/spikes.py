"""Spikes: experts that fit a few observations exactly; only the bound on the variance keeps their likelihood finite."""

import numpy as np

from gmoe.solvers.objective import Evaluation, Objective

# An expert at the variance bound with a smaller share than this is a spike (one with many fits data without noise).
SPIKE_SHARE = 0.05


def has_spike(objective: Objective, evaluation: Evaluation) -> bool:
    """Whether an expert with few observations sits at the bound."""
    share = evaluation.sums.g_scalar[1] / objective.blocks.total_weight
    return bool(np.any(objective.at_bound(evaluation.theta) & (share < SPIKE_SHARE)))
