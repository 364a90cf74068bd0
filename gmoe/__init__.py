"""Gaussian mixtures of experts, fitted to certified maximum likelihood."""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

from gmoe.gates import (
    Activation,
    ActivationGate,
    CosineGate,
    DenseToSparseGate,
    Gate,
    Key,
    LaplaceGate,
    NormalisedSigmoidGate,
    QuadraticGate,
    Selection,
    SoftmaxGate,
    Threshold,
    ThresholdGate,
    TopK,
    TopKGate,
    as_gate,
    list_activations,
    list_gates,
)
from gmoe.inference import Summary
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.solvers.evidence.result import FitResult

if TYPE_CHECKING:
    from gmoe.estimator import GaussianMoERegressor, log_likelihood_scorer

__all__ = [
    "Activation",
    "ActivationGate",
    "CosineGate",
    "DenseToSparseGate",
    "FitResult",
    "GMoE",
    "Gate",
    "GaussianMoERegressor",
    "Key",
    "LaplaceGate",
    "NormalisedSigmoidGate",
    "ParameterSpace",
    "Parameters",
    "QuadraticGate",
    "Selection",
    "SoftmaxGate",
    "Summary",
    "Threshold",
    "ThresholdGate",
    "TopK",
    "TopKGate",
    "as_gate",
    "list_activations",
    "list_gates",
    "log_likelihood_scorer",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Late: scikit-learn takes more than half the time of an import, and workers of a study do without it.
    if name in ("GaussianMoERegressor", "log_likelihood_scorer"):
        from gmoe import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
