"""How far a fit is from the truth: Voronoi losses, errors by block, distances of densities, matching of experts."""

from gmoe.metrics._blocks import BlockErrors, block_errors
from gmoe.metrics._cells import CellLoss, cell_loss
from gmoe.metrics._distances import Distance, hellinger, kl_divergence, total_variation
from gmoe.metrics._matching import Matching, match_experts
from gmoe.metrics._stack import ParameterStack
from gmoe.metrics._voronoi import VoronoiLoss, voronoi_cells, voronoi_loss

__all__ = [
    "BlockErrors",
    "CellLoss",
    "Distance",
    "Matching",
    "ParameterStack",
    "VoronoiLoss",
    "block_errors",
    "cell_loss",
    "hellinger",
    "kl_divergence",
    "match_experts",
    "total_variation",
    "voronoi_cells",
    "voronoi_loss",
]
