"""Axes and the look of an expert: what the displays share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Okabe and Ito (2008), without their black, which is the mixture's, and their yellow, which is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")


def look(expert: int) -> dict[str, Any]:
    """Colour and line style of an expert; the pairs repeat only after 12 experts, with markers after 60."""
    return {"color": COLOURS[expert % len(COLOURS)], "linestyle": LINES[expert % len(LINES)]}


def expert_labels(names: Sequence[int | str], n_experts: int) -> list[str]:
    """Labels of the experts by their names, or by their numbers where they have none."""
    return [f"expert {name}" for name in names or range(n_experts)]


def blend(proba: np.ndarray) -> np.ndarray:
    """Mix the experts' colours by probability, (n, k) to red, green and blue (n, 3)."""
    hexadecimal = [COLOURS[j % len(COLOURS)] for j in range(proba.shape[1])]
    palette = np.array([[int(h[i : i + 2], 16) / 255.0 for i in (1, 3, 5)] for h in hexadecimal])
    return np.clip(proba @ palette, 0.0, 1.0)


def pyplot() -> Any:
    """Import matplotlib's pyplot.

    Raises
    ------
    ImportError
        With the remedy, where matplotlib is absent.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Figures need matplotlib, which is not installed. Install it: pip install gmoe[plot]."
        ) from error
    return plt


def own_axes(ax: Any) -> Any:
    """Return ``ax``, or the axes of a new figure."""
    return pyplot().subplots(layout="constrained")[1] if ax is None else ax


def single(values: np.ndarray, remedy: str) -> np.ndarray:
    """Return residuals (n,), or raise where they are of several responses."""
    if values.ndim > 1:
        raise ValueError(
            f"This figure is of one response, y has {values.shape[1]} columns; take one of them: residuals = "
            f"estimator.quantile_residuals(X, y), then {remedy}."
        )
    return values


def legend_above(ax: Any, lines: list[Any], mixture: tuple[Any, ...] | None = None) -> Any:
    """Put the legend above the axes, where it covers no data: the experts, and below them the mixture."""
    handles: list[Any] = list(lines)
    labels = [line.get_label() for line in lines]
    if mixture is not None:
        handles.append(mixture)
        labels.append("mixture ± 2 sd")
    return ax.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        borderaxespad=0.2,
        columnspacing=1.2,
        handletextpad=0.5,
        handlelength=2.4,
    )


def log_ticks(axis: Any) -> None:
    """Label a logarithmic axis at powers of ten, and at 2 and 5 times them where it is shorter than two decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    low, high = axis.get_view_interval()
    if high < (1.0 + 1e-6) * low:  # a single value: matplotlib leaves no room, and nothing is seen
        low, high = getattr(axis.axes, f"set_{axis.axis_name}lim")(0.5 * low, 2.0 * high)
    if high < 100.0 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(_product))


def _product(value, _):
    """Write 20000 as 2 times a power of ten; small powers in full."""
    if 0.9e-3 < value < 0.9e3:
        return f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    front = "" if mantissa == "1" else rf"{mantissa}\cdot"
    return f"${front}10^{{{int(exponent)}}}$"
