"""The set over which the likelihood is maximised, as a value."""

import math
from dataclasses import dataclass, fields

from gmoe._validation import check_not_negative, check_positive

# Beyond it a cold gate loses its digits to rounding, and a hot one is constant: see gmoe.gates.
TEMPERATURES = math.exp(-12.0), math.exp(30.0)


@dataclass(frozen=True)
class ParameterSpace:
    """The set of parameters over which a fit maximises the likelihood.

    The likelihood of a Gaussian mixture is unbounded: it rises without limit where an expert fits some rows exactly.
    A maximum likelihood estimate is therefore the maximum over a set, and this is that set. The defaults bound nothing
    that data with an estimate come near: they do not depend on the units of X and y, nor on how far apart the experts
    lie. Where a bound is active at the maximum, the certificate says which.

    Parameters
    ----------
    variance_ratio : float in [0, 1], default 1e-4
        Least ratio of the smallest to the largest variance of the experts (Hathaway, 1985; Di Mari, Rocci and Gattone,
        2017, for regressions). 1 makes all variances equal.
    rows_per_parameter : float >= 0, default 2
        Effective rows that an expert must have for each parameter of its density (intercept, slopes, variance), and
        half as many for each slope of its gate, by which it picks its rows: the sum of its gate probabilities. Where
        the rows would not suffice for all experts, half an equal share.
    min_variance, max_variance : float, default 0 and inf
        Absolute bounds of the variances, unit of y squared.
    min_relative_variance : float, default 1e-12
        Least variance, relative to the residual variance of one regression of y on the experts' features. It keeps
        data without noise, which all experts fit exactly, from an infinite likelihood.
    max_coef, max_intercept : float, default inf
        Bounds on the absolute values of the experts' slopes and intercepts.
    max_gate_coef, max_gate_intercept : float, default inf
        The same for the gate; where only differences between experts have an effect, for all these differences. Where
        a temperature is a mere scale, for the values over it.
    min_temperature, max_temperature : float, default exp(-12) and exp(30)
        Bounds of an estimated temperature that the gate identifies.
    interior_first : bool, default True
        Whether a maximum at which an expert has no more than its least rows, or fits a handful of them exactly, must be
        higher than others by more than chance gives: for the rows by log(n) for each parameter of that expert, for an
        exact fit of less than 5 % of the rows without limit. False takes the highest point of the set.

    Raises
    ------
    TypeError, ValueError
        For values outside of the ranges above.

    Examples
    --------
    >>> from gmoe import ParameterSpace
    >>> ParameterSpace(variance_ratio=1.0)  # one variance for all experts
    ParameterSpace(variance_ratio=1.0)
    >>> ParameterSpace(max_gate_coef=50.0, interior_first=False).is_compact
    False
    """

    variance_ratio: float = 1e-4
    rows_per_parameter: float = 2.0
    min_variance: float = 0.0
    max_variance: float = math.inf
    min_relative_variance: float = 1e-12
    max_coef: float = math.inf
    max_intercept: float = math.inf
    max_gate_coef: float = math.inf
    max_gate_intercept: float = math.inf
    min_temperature: float = TEMPERATURES[0]
    max_temperature: float = TEMPERATURES[1]
    interior_first: bool = True

    def __post_init__(self):
        for name in ("variance_ratio", "rows_per_parameter", "min_variance", "min_relative_variance"):
            object.__setattr__(self, name, check_not_negative(getattr(self, name), name))
        for name in ("max_variance", "max_coef", "max_intercept", "max_gate_coef", "max_gate_intercept"):
            value = getattr(self, name)
            object.__setattr__(self, name, math.inf if value == math.inf else check_positive(value, name))
        for name in ("min_temperature", "max_temperature"):
            object.__setattr__(self, name, check_positive(getattr(self, name), name))
        if self.variance_ratio > 1.0:
            raise ValueError(
                f"variance_ratio is smallest over largest and lies in [0, 1], got {self.variance_ratio}; "
                "1 makes all variances equal."
            )
        if not self.min_variance < self.max_variance:
            raise ValueError(
                f"min_variance must be below max_variance, got {self.min_variance} and {self.max_variance}."
            )
        if not TEMPERATURES[0] <= self.min_temperature < self.max_temperature <= TEMPERATURES[1]:
            raise ValueError(
                f"Temperatures must satisfy {TEMPERATURES[0]:.3g} <= min_temperature < max_temperature <= "
                f"{TEMPERATURES[1]:.3g}, got {self.min_temperature} and {self.max_temperature}."
            )
        if not isinstance(self.interior_first, bool):
            raise TypeError(f"interior_first must be True or False, got {self.interior_first!r}.")

    def __repr__(self):
        given = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return f"ParameterSpace({', '.join(f'{name}={value!r}' for name, value, default in given if value != default)})"

    @property
    def is_compact(self) -> bool:
        """Whether the set is bounded, as the convergence theorems of the papers assume; else a gate may separate."""
        bounds = self.max_variance, self.max_coef, self.max_intercept, self.max_gate_coef, self.max_gate_intercept
        floor = max(self.min_variance, self.min_relative_variance, self.variance_ratio)
        return all(math.isfinite(bound) for bound in bounds) and floor > 0.0

    def min_rows(self, n_own: int, n_slopes: int, n_rows: float, n_experts: int) -> float:
        """Effective rows that an expert must have.

        Parameters
        ----------
        n_own : int
            Parameters of the density of one expert: intercept, slopes and variance.
        n_slopes : int
            Slopes of its gate.
        n_rows : float
            Rows of the data (their weights, where these are counts).
        n_experts : int
        """
        return min(self.rows_per_parameter * (n_own + 0.5 * n_slopes), 0.5 * n_rows / n_experts)


def as_parameter_space(space) -> ParameterSpace:
    """Return the space itself, or the default one for None.

    Raises
    ------
    TypeError
        For anything else.
    """
    if space is None:
        return ParameterSpace()
    if not isinstance(space, ParameterSpace):
        raise TypeError(
            f"parameter_space must be None or a ParameterSpace, got {space!r}; for instance "
            "ParameterSpace(variance_ratio=1.0)."
        )
    return space
