"""The public names of gmoe, whose modules load with the first of them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gmoe.distributions import Intervals, PredictiveDistribution
from gmoe.experts import (
    BaseExperts,
    GaussianExperts,
    HeteroscedasticExperts,
    LocationScaleExperts,
    MultivariateGaussianExperts,
    NoiseExperts,
    NormalDensity,
    StudentExperts,
    UniformDensity,
    as_experts,
    list_experts,
    register_experts,
)
from gmoe.frames import Change, Frame, ResponseFrame
from gmoe.gates import (
    Activation,
    ActivationGate,
    BaseGate,
    CosineGate,
    DenseToSparseGate,
    EntmaxGate,
    EntropyGate,
    EntropyRule,
    ExpertChoice,
    ExpertChoiceGate,
    Gate,
    GroupGate,
    Key,
    LaplaceGate,
    NormalisedSigmoidGate,
    ProbitGate,
    QuadraticGate,
    Selection,
    SmoothTreeGate,
    SoftmaxGate,
    Threshold,
    ThresholdGate,
    TopK,
    TopKGate,
    TopP,
    TopPGate,
    TreeGate,
    as_gate,
    list_activations,
    list_gates,
    register_gate,
)
from gmoe.model import GMoE
from gmoe.parameter_space import ParameterSpace
from gmoe.parameters import Parameters
from gmoe.part import Array, Axis, Size
from gmoe.solvers.evidence.result import FitResult

if TYPE_CHECKING:
    from gmoe.diagnostics import diagnose
    from gmoe.estimator import GaussianMoERegressor, log_likelihood_scorer, unwrap
    from gmoe.inference import Summary
    from gmoe.model_selection import select

__all__ = [
    "Activation",
    "ActivationGate",
    "Array",
    "Axis",
    "BaseExperts",
    "BaseGate",
    "Change",
    "CosineGate",
    "DenseToSparseGate",
    "EntmaxGate",
    "EntropyGate",
    "EntropyRule",
    "ExpertChoice",
    "ExpertChoiceGate",
    "FitResult",
    "Frame",
    "GMoE",
    "Gate",
    "GaussianExperts",
    "GaussianMoERegressor",
    "GroupGate",
    "HeteroscedasticExperts",
    "Intervals",
    "Key",
    "LaplaceGate",
    "LocationScaleExperts",
    "MultivariateGaussianExperts",
    "NoiseExperts",
    "NormalDensity",
    "NormalisedSigmoidGate",
    "ParameterSpace",
    "Parameters",
    "PredictiveDistribution",
    "ProbitGate",
    "QuadraticGate",
    "ResponseFrame",
    "Selection",
    "Size",
    "SmoothTreeGate",
    "SoftmaxGate",
    "StudentExperts",
    "Summary",
    "Threshold",
    "ThresholdGate",
    "TopK",
    "TopKGate",
    "TopP",
    "TopPGate",
    "TreeGate",
    "UniformDensity",
    "as_experts",
    "as_gate",
    "diagnose",
    "list_activations",
    "list_experts",
    "list_gates",
    "log_likelihood_scorer",
    "register_experts",
    "register_gate",
    "select",
    "unwrap",
]

# Late: scikit-learn takes more than half the time of an import, and workers of a study do without it.
_LATE = {
    "GaussianMoERegressor": "gmoe.estimator",
    "Summary": "gmoe.inference",
    "diagnose": "gmoe.diagnostics",
    "log_likelihood_scorer": "gmoe.estimator",
    "select": "gmoe.model_selection",
    "unwrap": "gmoe.estimator",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'gmoe' has no attribute {name!r}")
