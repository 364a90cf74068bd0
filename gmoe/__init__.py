"""Gaussian mixtures of experts, fitted to certified maximum likelihood."""

__version__ = "0.1.0"

from gmoe.estimator import GaussianMoERegressor, log_likelihood_scorer
from gmoe.gates import Gate, SoftmaxGate, as_gate, list_gates
from gmoe.inference import Summary
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.result import FitResult

__all__ = [
    "FitResult",
    "GMoE",
    "Gate",
    "GaussianMoERegressor",
    "Parameters",
    "SoftmaxGate",
    "Summary",
    "as_gate",
    "list_gates",
    "log_likelihood_scorer",
]
