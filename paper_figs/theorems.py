"""The reference measurement: every theorem's exponent, on truths and over compact sets fixed before any run.

The rule, written before any study had ended. The slope of the median loss on log n over the last one and a half
decades, with its 95 % Monte Carlo interval; a theorem's is the average over its truths. *Agrees*: the predicted
exponent is inside of the interval. *Does not agree*: it is outside. *Undecided*: it is inside, and the half-width is
above 0.02, so that agreement would say little. Where theory states an upper bound, *faster* than it is no
disagreement (this sentence was added after the first over-specified study had ended). For regular models the constant
counts too: the median loss at the largest size over that which the Fisher information predicts
(``gmoe.study.limit_losses``), which goes to 1.
"""

import sys
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from _common import ROOT, Results, caption, main
from _style import absent, letter, panels

from gmoe.study import Rate, estimate_rates, limit_losses, predictions
from gmoe.theory import Prediction

sys.path.insert(0, str(ROOT / "sims"))
from reference_studies import NAMES, THEOREMS  # the truths and sets, beside the simulations

DECADES, WIDEST, LOSS = 1.5, 0.02, "voronoi"
# Losses by theorem, where it is not about the first one.
LOSSES = {"topk_few": "hellinger", "linear_exact": "free", "linear_over": "free"}
# Numbers of over-specified fits whose average over the truths stands below.
BLOCKS = tuple(f"{block} (cell of 2)" for block in ("gate_coef", "intercept", "coef", "variance"))
STUDIES = NAMES
HEAD = (
    "| theorem | truth | error | exponent, stated | measured, last 1.5 decades | half-width | all sizes "
    "| over the information bound | certified | verdict |"
)
NORMAL = 1.959964


@dataclass(frozen=True, eq=False)
class Measured:
    """One theorem on one truth."""

    theorem: str
    truth: str
    found: Results
    loss: str

    @cached_property
    def prediction(self) -> Prediction | None:
        """What the theory says of the number."""
        return predictions(self.found.study).get(("mle", self.loss))

    @property
    def stated(self) -> float:
        """Exponent of the theory."""
        return -0.5 if self.prediction is None or self.prediction.exponent is None else self.prediction.exponent

    @property
    def is_bound(self) -> bool:
        """Whether the theory states that the loss falls at least so fast, and no more."""
        return self.prediction is None or self.prediction.bound == "upper bound"

    @cached_property
    def late(self) -> Rate:
        """Slope over the last sizes."""
        least = self.found.fits["n"].max() / 10.0**DECADES
        return self._slope(int(0.99 * least))

    @cached_property
    def whole(self) -> Rate:
        """Slope over all sizes."""
        return self._slope(0)

    def _slope(self, least):
        rates = estimate_rates(self.found.fits, losses=[self.loss], min_size=least).rates
        return next(r for r in rates if (r.statistic, r.scale) == ("median", "n"))

    @cached_property
    def levels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sizes, median losses and their Monte Carlo standard errors."""
        levels = estimate_rates(self.found.fits, losses=[self.loss]).levels
        return tuple(np.array([getattr(level, name) for level in levels]) for name in ("n", "median", "median_mcse"))

    @cached_property
    def limit(self) -> float | None:
        """Median loss at n = 1 by the information; None where the model is not regular."""
        if THEOREMS[self.theorem].extra:
            return None
        n = int(self.levels[0][-1])
        losses = [loss for loss in self.found.study.losses if loss.name == self.loss]
        return float(np.median(limit_losses(self.found.study, n, losses)[self.loss]) * n**-self.stated)

    @property
    def ratio(self) -> str:
        """Median loss at the largest size over the limit, with its interval."""
        if self.limit is None:
            return ""
        n, median, error = (column[-1] for column in self.levels)
        value, half = median * n**-self.stated / self.limit, NORMAL * error / median
        return f"{value:.3f} [{value * np.exp(-half):.3f}, {value * np.exp(half):.3f}]"

    def row(self) -> str:
        """Line of the table."""
        late, share = self.late, 100.0 * self.found.fits["certified"].mean()
        cells = [
            self.theorem, self.truth, self.loss, f"{self.stated:g}", interval(late.slope, late.low, late.high),
            f"{(late.high - late.low) / 2.0:.3f}", f"{self.whole.slope:.3f}", self.ratio, f"{share:.1f} %",
            verdict(self.stated, late.low, late.high, self.is_bound),
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"


def interval(slope, low, high) -> str:
    """Return a slope in words."""
    return f"{slope:.3f} [{low:.3f}, {high:.3f}]"


def verdict(stated: float, low: float, high: float, is_bound: bool = False) -> str:
    """Judge an interval by the rule above."""
    if not np.isfinite(high - low):
        return "undecided"
    if low <= stated <= high:
        return "agrees" if (high - low) / 2.0 <= WIDEST else "undecided"
    return "faster" if is_bound and high < stated else "does not agree"


def lines(rows: list[Measured]) -> list[str]:
    """Lines of a theorem: of all truths together, loss, density and blocks, and of each truth, the loss."""
    others = ("hellinger", *(BLOCKS if THEOREMS[rows[0].theorem].extra else ()))
    others = [loss for loss in others if loss != rows[0].loss and all(row.found.rate("mle", loss) for row in rows)]
    return [
        average(rows), *(average([replace(row, loss=loss) for row in rows]) for loss in others),
        *(row.row() for row in rows),
    ]  # fmt: skip


def average(rows: list[Measured]) -> str:
    """Line of a theorem: its truths together."""
    slopes = np.array([row.late.slope for row in rows])
    half = NORMAL * np.sqrt(np.sum([row.late.std_error**2 for row in rows])) / len(rows)
    share = 100.0 * min(row.found.fits["certified"].mean() for row in rows)
    low, high, stated = slopes.mean() - half, slopes.mean() + half, rows[0].stated
    truths = f"{len(rows)} of {len(THEOREMS[rows[0].theorem].truths)}, {slopes.min():.3f} to {slopes.max():.3f}"
    cells = [
        f"**{rows[0].theorem}**", truths, rows[0].loss, f"{stated:g}", interval(slopes.mean(), low, high),
        f"{half:.3f}", "", "", f"at least {share:.1f} %", f"**{verdict(stated, low, high, rows[0].is_bound)}**",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def draw(results):
    """Return the figure and its caption."""
    found: dict[str, list[Measured]] = {}
    for name, each in results.items():
        theorem, _, truth = name.partition(".")
        found.setdefault(theorem, []).append(Measured(theorem, truth, each, LOSSES.get(theorem, LOSS)))
    rows = [line for measured in found.values() for line in lines(measured)]
    figure, axes = panels(len(found), 2, 2.3 * len(found))
    for i, (theorem, measured) in enumerate(found.items()):
        panel(axes[i, 0], f"{letter(2 * i)} {theorem}: loss", measured, flat=False)
        panel(axes[i, 1], f"{letter(2 * i + 1)} {theorem}: loss x n^{-measured[0].stated:g}", measured, flat=True)
    figure.supxlabel("n")
    return figure, caption("theorems", f"{TEXT} {__doc__.partition(chr(10) + chr(10))[2]}", rows, results, HEAD)


TEXT = """Each theorem on each of its truths: median losses of the maximum over a compact set, with two Monte Carlo
standard errors. Left, the loss, dotted the theory's slope; right, the loss times n to the stated rate, flat where the
theory holds, over what the Fisher information predicts where the model is regular (then 1 is the limit). Points are
joined for the eye; no slope is drawn through them. Sets and truths: sims/reference_studies.py."""


def panel(ax, title, rows, flat):
    """Draw the medians of each truth."""
    if not rows:
        return absent(ax, title)
    for row in rows:
        i = THEOREMS[row.theorem].truths.index(row.truth)
        n, median, error = row.levels
        unit = n**row.stated * (row.limit or 1.0) if flat else np.ones(len(n))
        bars = (
            median / unit * (1.0 - np.exp(-2.0 * error / median)),
            median / unit * (np.exp(2.0 * error / median) - 1.0),
        )
        look = {"color": f"C{i}", "marker": "osD^v<>"[i], "linewidth": 0.7, "markersize": 3.0}
        ax.errorbar(n, median / unit, bars, label=row.truth, **look)
    if flat and rows[0].limit is not None:
        ax.axhline(1.0, color="0.4", linestyle=":", linewidth=1.0)
    elif not flat:
        n, median, _ = rows[0].levels
        ax.plot(n, 0.5 * median[0] * (n / n[0]) ** rows[0].stated, color="0.4", linestyle=":", label="theory's slope")
        ax.legend(frameon=False, ncols=2, fontsize=6.0)
    ax.set(xscale="log", yscale="log")
    ax.set_title(title, loc="left")


if __name__ == "__main__":
    main("theorems", STUDIES, draw)
