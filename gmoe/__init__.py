"""Gaussian mixtures of experts, fitted to certified maximum likelihood."""

__version__ = "0.1.0"

from gmoe.estimator import GaussianMoERegressor, log_likelihood_scorer
from gmoe.gates import (
    Activation,
    ActivationGate,
    DenseToSparseGate,
    Gate,
    SoftmaxGate,
    TopKGate,
    as_gate,
    list_activations,
    list_gates,
)
from gmoe.inference import Summary
from gmoe.model import GMoE
from gmoe.parameters import Parameters
from gmoe.solvers.result import FitResult

__all__ = [
    "Activation",
    "ActivationGate",
    "DenseToSparseGate",
    "FitResult",
    "GMoE",
    "Gate",
    "GaussianMoERegressor",
    "Parameters",
    "SoftmaxGate",
    "Summary",
    "TopKGate",
    "as_gate",
    "list_activations",
    "list_gates",
    "log_likelihood_scorer",
]
