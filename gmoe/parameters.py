"""The parameters of a mixture of experts, in the units of the data: named arrays that gate and experts declare."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from gmoe._validation import check_positive

PER_EXPERT = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")
NOTHING: Mapping = MappingProxyType({})


@dataclass(frozen=True, eq=False, init=False)
class Parameters:
    """Parameters of ``k`` experts; arrays are read-only.

    Those of softmax gates and Gaussian experts have a place of their own. Other gates and experts declare other arrays
    (:meth:`gmoe.gates.BaseGate.arrays`, :meth:`gmoe.experts.BaseExperts.arrays`): they are given by name, and read as
    attributes.

    Attributes
    ----------
    gate_intercept : ndarray, shape (k,)
    gate_coef : ndarray, shape (k, d_gate)
    intercept : ndarray, shape (k,)
        Same unit as y. Of p responses (k, p).
    coef : ndarray, shape (k, d_expert)
        Of p responses (k, p, d_expert).
    variance : ndarray, shape (k,)
        Positive; unit of y squared.
    temperature : float, default 1.0
        Positive; divides the logits of the gate.
    others : mapping of str to ndarray
        All other arrays, by name.

    Raises
    ------
    ValueError
        For shapes that do not fit together, values that are not finite, or a variance or temperature that is not
        positive.
    """

    gate_intercept: np.ndarray
    gate_coef: np.ndarray
    intercept: np.ndarray
    coef: np.ndarray
    variance: np.ndarray
    temperature: float
    others: Mapping[str, np.ndarray]

    def __init__(
        self,
        gate_intercept=None,
        gate_coef=None,
        intercept=None,
        coef=None,
        variance=None,
        temperature=1.0,
        others=NOTHING,
        **arrays,
    ):
        given = (gate_intercept, gate_coef, intercept, coef, variance)
        for name, value in zip(PER_EXPERT, given, strict=True):
            object.__setattr__(self, name, None if value is None else _read_only(name, value))
        more = {name: _read_only(name, value) for name, value in {**others, **arrays}.items()}
        object.__setattr__(self, "others", MappingProxyType(more))
        object.__setattr__(self, "temperature", check_positive(float(temperature), "temperature"))
        if self.intercept is None:
            raise ValueError("Parameters need the intercepts of the experts' means, got none.")
        k = self.n_experts
        if k == 0:
            raise ValueError("Parameters need at least one expert, got none.")
        if not self.others:
            self._check_standard(k)

    def _check_standard(self, k):
        """Check the arrays of softmax gates and Gaussian experts; others are checked by the parts that declare them."""
        for name in ("gate_intercept", "variance", "intercept"):
            value = getattr(self, name)
            if value is not None and (value.ndim != 1 or len(value) != k) and not self._is_multivariate:
                raise ValueError(f"{name} must have shape ({k},), one entry per expert; got {value.shape}.")
        for name in ("gate_coef", "coef"):
            value = getattr(self, name)
            if value is not None and (value.ndim != 2 or len(value) != k) and not self._is_multivariate:
                raise ValueError(f"{name} must have shape ({k}, n_features), got {value.shape}.")
        if self.variance is not None and not np.all(self.variance > 0):
            raise ValueError(f"variance must be positive (it is a variance, not a log), got {self.variance}.")

    @property
    def _is_multivariate(self):
        return self.coef is not None and self.coef.ndim == 3

    def __repr__(self):
        given = (f"{name}={value.tolist()}" for name, value in self.arrays.items())
        return f"Parameters({', '.join(given)})"

    def __getattr__(self, name):
        # Of what has no place of its own; pickle asks before there is anything.
        others = self.__dict__.get("others", NOTHING)
        if name in others:
            return others[name]
        raise AttributeError(f"These parameters have no {name!r}; they have {', '.join(self.arrays)}.")

    def __reduce__(self):
        # Pickle would drop the read-only flags; the constructor sets them again.
        values = (*(getattr(self, name) for name in PER_EXPERT), self.temperature, dict(self.others))
        return Parameters, values

    @cached_property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """All arrays by name."""
        own = {name: getattr(self, name) for name in PER_EXPERT if self.__dict__.get(name) is not None}
        return MappingProxyType({**own, "temperature": np.array(self.temperature), **self.others})

    @cached_property
    def n_experts(self) -> int:
        """Number of experts, k."""
        one_response = self.variance is not None and not self._is_multivariate
        return self.variance.size if one_response else len(np.atleast_1d(self.intercept))

    @property
    def gate(self) -> np.ndarray:
        """Parameters of a softmax gate with the intercept first, shape (k, 1 + d_gate)."""
        return np.column_stack([self.gate_intercept, self.gate_coef])

    @property
    def expert(self) -> np.ndarray:
        """Parameters of the means of one response with the intercept first, shape (k, 1 + d_expert)."""
        return np.column_stack([self.intercept, self.coef])

    def with_gate(self, gate: np.ndarray, temperature: float = 1.0) -> "Parameters":
        """Return the same experts under other gate parameters (k, 1 + d_gate) and temperature."""
        return replace(self, gate_intercept=gate[:, 0], gate_coef=gate[:, 1:], temperature=temperature)

    def reorder(self, order) -> "Parameters":
        """Return the experts of softmax gates and Gaussian experts in another order (or a selection of them)."""
        if self.others:
            raise ValueError(f"Which axis of {', '.join(self.others)} counts experts is known to the model alone.")
        return replace(
            self, **{name: value[order] for name in PER_EXPERT if (value := getattr(self, name)) is not None}
        )


def _read_only(name, value):
    value = np.array(value, dtype=float)
    if not np.all(np.isfinite(value)):
        raise ValueError(f"{name} must be finite, got {value}.")
    value.flags.writeable = False
    return value
