"""Distributions of one number: standard ones, those of experts, their mixture, and what a user may ask of it."""

from gmoe.distributions.components import Component, LocationScale, normals
from gmoe.distributions.mixture import Mixture
from gmoe.distributions.predictive import Intervals, PredictiveDistribution
from gmoe.distributions.standard import NORMAL, Normal, Standard, StudentT, Uniform

__all__ = [
    "NORMAL",
    "Component",
    "Intervals",
    "LocationScale",
    "Mixture",
    "Normal",
    "PredictiveDistribution",
    "Standard",
    "StudentT",
    "Uniform",
    "normals",
]
