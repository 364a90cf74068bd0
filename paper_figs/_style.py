"""One style for all figures: sizes, fonts, letters of panels, labels of axes, empty panels."""

from typing import Any

import matplotlib
from matplotlib.figure import Figure

WIDTH = 7.0  # inches, as printed
matplotlib.rcParams.update(
    {
        "font.size": 8.0, "axes.titlesize": 9.0, "axes.labelsize": 8.0, "legend.fontsize": 8.0,
        "figure.labelsize": 9.0, "xtick.labelsize": 8.0, "ytick.labelsize": 8.0, "axes.linewidth": 0.6,
        "axes.spines.top": False, "axes.spines.right": False, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4, "ytick.minor.width": 0.4, "pdf.fonttype": 42,
    }
)  # fmt: skip


def panels(rows: int, columns: int, height: float, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of the printed width and its axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def letter(i: int) -> str:
    """Return the letter of a panel."""
    return f"({'abcdefghijklmnopqrstuvwxyz'[i]})"


def absent(ax: Any, title: str, text: str = "not run") -> None:
    """Say why a panel is empty."""
    ax.set_title(title, loc="left", pad=3.0)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", color="0.4")
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)
