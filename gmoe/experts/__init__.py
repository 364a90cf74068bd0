"""Families of experts: the conditional densities that a gate mixes."""

from gmoe.experts._named import as_experts, list_experts
from gmoe.experts.base import BaseExperts, VarianceBounds
from gmoe.experts.gaussian import GaussianExperts
from gmoe.experts.multivariate import MultivariateGaussianExperts

__all__ = [
    "GAUSSIAN",
    "BaseExperts",
    "GaussianExperts",
    "MultivariateGaussianExperts",
    "VarianceBounds",
    "as_experts",
    "list_experts",
]

#: The experts of the papers, and of every fit that does not say otherwise.
GAUSSIAN = GaussianExperts()
