"""The parameters of a Gaussian mixture of experts, in the units of the data."""

from dataclasses import dataclass, fields, replace

import numpy as np

from gmoe._validation import check_positive

PER_EXPERT = ("gate_intercept", "gate_coef", "intercept", "coef", "variance")


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters of ``k`` experts; arrays are read-only.

    Attributes
    ----------
    gate_intercept : ndarray, shape (k,)
    gate_coef : ndarray, shape (k, d_gate)
    intercept : ndarray, shape (k,)
        Same unit as y.
    coef : ndarray, shape (k, d_expert)
    variance : ndarray, shape (k,)
        Positive; unit of y squared.
    temperature : float, default 1.0
        Positive; divides the logits of the gate.

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
    temperature: float = 1.0

    def __post_init__(self):
        object.__setattr__(self, "temperature", check_positive(self.temperature, "temperature"))
        for name in PER_EXPERT:
            value = np.array(getattr(self, name), dtype=float)
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} must be finite, got {value}.")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        k = self.variance.size
        if k == 0:
            raise ValueError("Parameters need at least one expert, got none.")
        for name in ("gate_intercept", "intercept", "variance"):
            if getattr(self, name).shape != (k,):
                raise ValueError(
                    f"{name} must have shape ({k},), one entry per expert; got {getattr(self, name).shape}."
                )
        for name in ("gate_coef", "coef"):
            if getattr(self, name).ndim != 2 or len(getattr(self, name)) != k:
                raise ValueError(f"{name} must have shape ({k}, n_features), got {getattr(self, name).shape}.")
        if not np.all(self.variance > 0):
            raise ValueError(f"variance must be positive (it is a variance, not a log), got {self.variance}.")

    def __reduce__(self):
        # Pickle would drop the read-only flags; the constructor sets them again.
        return Parameters, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def n_experts(self) -> int:
        """Number of experts, k."""
        return len(self.variance)

    @property
    def gate(self) -> np.ndarray:
        """Gate parameters with the intercept first, shape (k, 1 + d_gate)."""
        return np.column_stack([self.gate_intercept, self.gate_coef])

    @property
    def expert(self) -> np.ndarray:
        """Expert means' parameters with the intercept first, shape (k, 1 + d_expert)."""
        return np.column_stack([self.intercept, self.coef])

    def with_gate(self, gate: np.ndarray, temperature: float = 1.0) -> "Parameters":
        """Return the same experts under other gate parameters (k, 1 + d_gate) and temperature."""
        return replace(self, gate_intercept=gate[:, 0], gate_coef=gate[:, 1:], temperature=temperature)

    def reorder(self, order) -> "Parameters":
        """Return the experts in another order (or a selection of them)."""
        return replace(self, **{name: getattr(self, name)[order] for name in PER_EXPERT})
