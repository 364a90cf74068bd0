"""How far a fit is from the truth: Voronoi losses, errors by block, distances of densities, matching of experts."""

from gmoe.metrics._stack import ParameterStack
from gmoe.metrics._voronoi import VoronoiLoss, voronoi_cells, voronoi_loss

__all__ = ["ParameterStack", "VoronoiLoss", "voronoi_cells", "voronoi_loss"]
