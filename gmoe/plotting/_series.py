"""Losses of one protocol by size, with their fit: what a rate plot draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class RateSeries:
    """Losses of one protocol by size, and the fit ``exp(constant) * n**slope``.

    Attributes
    ----------
    label : str
    n, loss, relative_error : ndarray, shape (m,)
        Sizes, mean or median losses, and their standard errors divided by them.
    constant, slope, low, high : float
        The fit, and the interval of its slope; nan where there is none.
    theory : float or None
        Predicted slope.
    look : int
        Which colour, line and marker: the same whichever other series are drawn.
    mean : ndarray, shape (m,), optional
        Mean losses beside medians: a thin line.
    """

    label: str
    n: np.ndarray
    loss: np.ndarray
    relative_error: np.ndarray
    constant: float = float("nan")
    slope: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    theory: float | None = None
    look: int = 0
    mean: np.ndarray | None = None

    @classmethod
    def of(
        cls, rates: Any, protocol: str, loss: str, statistic: str = "median", *, label: str | None = None, look: int = 0
    ) -> "RateSeries":
        """Take one loss of one protocol out of :class:`gmoe.study.Rates`; sizes without a positive loss are left out.

        Raises
        ------
        ValueError
            Where the rates do not have it.
        """
        key = (protocol, loss, statistic, "n")
        rate = next((r for r in rates.rates if (r.protocol, r.loss, r.statistic, r.scale) == key), None)
        if rate is None:
            raise ValueError(f"The rates have no {statistic} of loss {loss!r} of protocol {protocol!r}.")
        levels = [v for v in rates.levels if (v.protocol, v.loss) == key[:2] and getattr(v, statistic) > 0.0]
        columns = ("n", statistic, f"{statistic}_mcse", "mean")
        n, value, error, mean = (np.array([getattr(v, name) for v in levels], dtype=float) for name in columns)
        return cls(
            protocol if label is None else label, n, value, error / value, rate.constant, rate.slope, rate.low,
            rate.high, rate.theory, look, mean if statistic == "median" else None,
        )  # fmt: skip
