"""Families of experts: the conditional densities that a gate mixes."""

from gmoe.experts.base import BaseExperts
from gmoe.experts.gaussian import GaussianExperts

__all__ = ["GAUSSIAN", "BaseExperts", "GaussianExperts"]

#: The experts of the papers, and of every fit that does not say otherwise.
GAUSSIAN = GaussianExperts()
