"""Many sets of parameters as one: arrays with a leading axis over the fits of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmoe.experts import GAUSSIAN
from gmoe.gates import Gate, SoftmaxGate, by_scores
from gmoe.model import GMoE
from gmoe.parameters import Parameters

FIELDS = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")
_DIMENSIONS = dict(zip(FIELDS, (2, 3, 2, 3, 2), strict=True))


@dataclass(frozen=True, eq=False)
class ParameterStack:
    """Parameters of ``n_fits`` fits with ``k`` experts each, as columns of a table of fits hold them.

    Attributes
    ----------
    gate_intercept, intercept, variance : array-like, shape (n_fits, k)
    gate_coef, coef : array-like, shape (n_fits, k, d_gate) and (n_fits, k, d_expert)
    temperature : array-like, shape (n_fits,), or float, default 1

    Raises
    ------
    ValueError
        For shapes that do not fit together, values that are not finite, variances or temperatures that are not
        positive.
    """

    gate_intercept: np.ndarray
    gate_coef: np.ndarray
    intercept: np.ndarray
    coef: np.ndarray
    variance: np.ndarray
    temperature: np.ndarray | float = 1.0

    def __post_init__(self):
        for name in FIELDS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=float))
        shape = self.variance.shape
        for name, ndim in _DIMENSIONS.items():
            value = getattr(self, name)
            if value.ndim != ndim or value.shape[:2] != shape:
                wanted = "(n_fits, k)" if ndim == 2 else "(n_fits, k, n_features)"
                raise ValueError(
                    f"{name} must have shape {wanted} with (n_fits, k) as in variance, {shape}; got {value.shape}."
                )
        if 0 in shape:
            raise ValueError(f"A stack needs at least one fit and one expert, got (n_fits, k) = {shape}.")
        temperature = np.asarray(self.temperature, dtype=float)
        if temperature.shape not in ((), shape[:1]):
            raise ValueError(
                f"temperature must be one number or have shape ({shape[0]},), one per fit; got {temperature.shape}."
            )
        object.__setattr__(self, "temperature", np.ascontiguousarray(np.broadcast_to(temperature, shape[:1])))
        for name in (*FIELDS, "temperature"):
            value = getattr(self, name)
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} must be finite; fit {_first(~np.isfinite(value))} is not.")
        for name in ("variance", "temperature"):
            if not np.all(getattr(self, name) > 0):
                raise ValueError(f"{name} must be positive; fit {_first(getattr(self, name) <= 0)} is not.")

    @classmethod
    def of(cls, parameters: Sequence[Parameters]) -> "ParameterStack":
        """Stack parameters of one shape.

        Raises
        ------
        ValueError
            Where numbers of experts or of features differ, or there are none.
        """
        parameters = list(parameters)
        kinds = sorted({type(p).__name__ for p in parameters if not isinstance(p, Parameters)})
        if kinds:
            raise TypeError(f"A stack is made of Parameters, got {kinds}; a GMoE holds its own as parameters.")
        if not parameters:
            raise ValueError("Got no fits; pass at least one set of Parameters.")
        for name in ("gate_coef", "coef"):
            shapes = sorted({getattr(p, name).shape for p in parameters})
            if len(shapes) > 1:
                raise ValueError(
                    f"All fits of a stack need {name} of one shape, got {shapes}; pass fits of other shapes apart."
                )
        arrays = {name: np.array([getattr(p, name) for p in parameters]) for name in FIELDS}
        return cls(**arrays, temperature=np.array([p.temperature for p in parameters]))

    @property
    def n_fits(self) -> int:
        """Number of fits."""
        return len(self.variance)

    @property
    def n_experts(self) -> int:
        """Number of experts, k."""
        return self.variance.shape[1]

    def __getitem__(self, i: int) -> Parameters:
        """Parameters of one fit."""
        arrays = {name: getattr(self, name)[i] for name in FIELDS}
        return Parameters(**arrays, temperature=float(np.asarray(self.temperature)[i]))


@dataclass(frozen=True)
class Given:
    """What a user passed: the stack, the gate (None for bare parameters), columns, and whether it was one model."""

    stack: ParameterStack
    gate: Gate | None
    columns: tuple | None
    single: bool


Measures = GMoE | Parameters | ParameterStack | Sequence[GMoE] | Sequence[Parameters] | Given


def as_stack(measures: Measures, name: str) -> Given:
    """Read one model, one set of parameters, a stack, or a sequence of models or parameters."""
    if isinstance(measures, Given):
        return measures
    if isinstance(measures, ParameterStack):
        return Given(measures, None, None, False)
    single = isinstance(measures, GMoE | Parameters)
    items = [measures] if single else list(measures) if np.iterable(measures) else [measures]
    models = [item for item in items if isinstance(item, GMoE)]
    parameters = [item for item in items if isinstance(item, Parameters)]
    if len(parameters) == len(items):
        return Given(ParameterStack.of(parameters), None, None, single)
    if len(models) < len(items):
        kinds = sorted({type(item).__name__ for item in items})
        raise TypeError(
            f"{name} must be a GMoE, Parameters, a ParameterStack, or a sequence of one of the first two; got {kinds}. "
            "A fitted estimator holds its GMoE as model_."
        )
    for model in models:
        if model.experts != GAUSSIAN:
            raise ValueError(
                f"Voronoi losses and errors of blocks are known for Gaussian experts of one response, not for "
                f"{model.experts!r}; compare densities with hellinger."
            )
        by_scores(model.gate)
    settings = {(item.gate, item.gate_columns, item.expert_columns) for item in models}
    if len(settings) > 1:
        raise ValueError(f"All models of {name} need the same gate and columns, got {len(settings)} kinds; split them.")
    gate, *columns = settings.pop()
    return Given(ParameterStack.of([item.parameters for item in models]), gate, tuple(columns), single)


def check_models(**models):
    """Raise a TypeError for what is no GMoE."""
    for name, model in models.items():
        if not isinstance(model, GMoE):
            raise TypeError(
                f"{name} must be a GMoE, got {type(model).__name__}; a fitted estimator holds it as model_, and "
                "GMoE(parameters, gate) makes one of Parameters."
            )


def read_pair(fitted: Measures, true: Measures, gate: Gate | str | None) -> tuple[Given, Given]:
    """Read both measures, give bare parameters the other's gate (or ``gate``), and check that they are comparable."""
    left, right = as_stack(fitted, "fitted"), as_stack(true, "true")
    if right.stack.n_fits != 1:
        raise ValueError(f"true must be one model, got {right.stack.n_fits}; only fitted may be a table.")
    for name in ("gate_coef", "coef"):
        d_fitted, d_true = (getattr(given.stack, name).shape[2] for given in (left, right))
        if d_fitted != d_true:
            raise ValueError(
                f"{name} has {d_fitted} features in fitted and {d_true} in true; pass models on the same columns."
            )
    if None not in (left.columns, right.columns) and left.columns != right.columns:
        raise ValueError(
            f"fitted sees the columns (gate, experts) {left.columns}, true {right.columns}; pass models on the same."
        )
    # Bare parameters see the columns that the other measure names.
    columns = left.columns or right.columns
    left, right = replace(left, columns=columns), replace(right, columns=columns)
    given = None if gate is None else by_scores(gate)
    fallback = given or right.gate or left.gate or SoftmaxGate()
    return _with_gate(left, given or fallback, fitted=True), _with_gate(right, given or fallback)


def _with_gate(given: Given, gate: Gate, fitted=False) -> Given:
    """Give bare parameters a gate, and its fixed temperature, as a GMoE would."""
    if given.gate is not None:
        return given
    stack = given.stack
    if fitted:
        # A fit may have fewer experts than are active in the truth.
        gate = replace(gate, selection=gate.selection.limited(stack.n_experts))
    if not isinstance(gate.temperature, str):
        # Fit by fit: what one of a table has been given says nothing about the others.
        stack = replace(stack, temperature=np.where(stack.temperature == 1.0, gate.temperature, stack.temperature))
    return replace(given, stack=stack, gate=gate)


def _first(bad):
    return int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
