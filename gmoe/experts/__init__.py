"""Families of experts: the conditional densities that a gate mixes."""

from gmoe.experts._densities import NormalDensity, UniformDensity
from gmoe.experts._named import as_experts, experts_text, list_experts, register_experts
from gmoe.experts.base import BaseExperts, VarianceBounds
from gmoe.experts.gaussian import GaussianExperts
from gmoe.experts.heteroscedastic import HeteroscedasticExperts
from gmoe.experts.location_scale import LocationScaleExperts
from gmoe.experts.multivariate import MultivariateGaussianExperts
from gmoe.experts.noise import NoiseExperts
from gmoe.experts.student import StudentExperts

__all__ = [
    "GAUSSIAN",
    "BaseExperts",
    "GaussianExperts",
    "HeteroscedasticExperts",
    "LocationScaleExperts",
    "MultivariateGaussianExperts",
    "NoiseExperts",
    "NormalDensity",
    "StudentExperts",
    "UniformDensity",
    "VarianceBounds",
    "as_experts",
    "experts_text",
    "list_experts",
    "register_experts",
]

#: The experts of the papers, and of every fit that does not say otherwise.
GAUSSIAN = GaussianExperts()
