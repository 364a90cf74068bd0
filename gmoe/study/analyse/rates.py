"""How fast losses fall with n: slopes with intervals from the replications of a study."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from gmoe.study.analyse.bootstrap import STATISTICS, Curve, curves, slope_weights
from gmoe.study.analyse.decay import Decay, compare_decay
from gmoe.study.data.seeds import words_of

__all__ = ["Decay", "Level", "Rate", "Rates", "Slope", "estimate_rates"]

PREFIX = "loss:"
# What the loss is regressed on; the second has a pure power where the theory has (log n / n)^r.
SCALES: dict[str, Callable] = {"n": np.log, "n/log n": lambda n: np.log(n / np.log(n))}
PARTS = ("rates", "levels", "local", "kept", "decay")


@dataclass(frozen=True)
class Level:
    """Loss at one size.

    Attributes
    ----------
    protocol, loss : str
    n, n_replications : int
        Replications with a finite loss.
    mean, mean_mcse, median, median_mcse : float
        With Monte Carlo standard errors, that of the median by the bootstrap; nan from a single replication.
    """

    protocol: str
    loss: str
    n: int
    n_replications: int
    mean: float
    mean_mcse: float
    median: float
    median_mcse: float


@dataclass(frozen=True)
class Slope:
    """Slope over the sizes from ``smallest`` to ``largest``, with its Monte Carlo interval."""

    smallest: int
    largest: int
    n_sizes: int
    slope: float
    std_error: float
    low: float
    high: float


@dataclass(frozen=True)
class Rate:
    """Slope of the logarithm of a loss: the loss behaves like ``exp(constant) * scale**slope``.

    Attributes
    ----------
    protocol, loss, statistic : str
        ``statistic`` is "mean" or "median".
    scale : str
        "n", or "n/log n": the negative slope on log(log n / n).
    slope, std_error, low, high : float
        Least squares, every size counting the same. Standard error and interval are for the Monte Carlo error at the
        sizes given; they know nothing of sizes beyond.
    constant : float
    theory : float or None
        Predicted exponent.
    n_sizes, n_replications, smallest, largest : int
        What the slope rests on.
    note : str
        What was left out, or why there is no slope.
    local, kept : tuple of Slope
        Slopes within windows of neighbouring sizes; and without the smallest sizes, one more left out each time, for
        the reader to see how much depends on them.
    """

    protocol: str
    loss: str
    statistic: str
    scale: str
    slope: float
    std_error: float
    low: float
    high: float
    constant: float
    theory: float | None
    n_sizes: int
    n_replications: int
    smallest: int
    largest: int
    note: str
    local: tuple[Slope, ...]
    kept: tuple[Slope, ...]


@dataclass(frozen=True)
class Rates:
    """Rates of a study.

    Attributes
    ----------
    confidence : float
        Level of the intervals.
    levels : tuple of Level
    rates : tuple of Rate
    decay : tuple of Decay
    """

    confidence: float
    levels: tuple[Level, ...]
    rates: tuple[Rate, ...]
    decay: tuple[Decay, ...]

    def to_frame(self, part: str = "rates") -> Any:
        """Return one part as a pandas DataFrame.

        Parameters
        ----------
        part : {"rates", "levels", "local", "kept", "decay"}

        Raises
        ------
        ValueError
            For another part.
        """
        import pandas as pd

        if part not in PARTS:
            raise ValueError(f"part={part!r} is none of {', '.join(PARTS)}.")
        if part in ("levels", "decay"):
            return pd.DataFrame(map(asdict, getattr(self, part)), columns=_names(Level if part == "levels" else Decay))
        if part == "rates":
            names = [name for name in _names(Rate) if name not in ("local", "kept")]
            rows = [[getattr(rate, name) for name in names] for rate in self.rates]
            return pd.DataFrame(rows, columns=names).astype({"theory": float})
        keys = ["protocol", "loss", "statistic", "scale"]
        return pd.DataFrame(
            [{key: getattr(rate, key) for key in keys} | asdict(s) for rate in self.rates for s in getattr(rate, part)],
            columns=[*keys, *_names(Slope)],
        )


def _names(cls) -> list[str]:
    """Columns: the same in a table without rows."""
    return [field.name for field in fields(cls)]


def estimate_rates(
    table: Any,
    *,
    losses: Sequence[str] | None = None,
    confidence: float = 0.95,
    min_size: int = 0,
    window: int | None = None,
    theory: Mapping[tuple[str, str], float] | Mapping[str, float] | None = None,
    n_boot: int = 999,
    random_state: int | np.random.Generator = 0,
) -> Rates:
    """Estimate rates from the table of a study.

    Parameters
    ----------
    table : DataFrame
        One row per protocol, n and replication, with columns ``loss:<name>``, as :func:`gmoe.study.table` returns it.
        Losses that are not finite, those of failed replications, are left out.
    losses : sequence of str, optional
        Names, all by default.
    confidence : float, default 0.95
    min_size : int, default 0
        Smaller sizes are left out. Look at ``kept`` before you choose one.
    window : int, optional
        Sizes in a window of local slopes; a third of the sizes by default, at least 3.
    theory : mapping of str to float, optional
        Predicted exponent, such as -0.5, by loss or by (protocol, loss).
    n_boot : int, default 999
        Resamples.
    random_state : int or Generator, default 0
        Draws the resamples.

    Returns
    -------
    Rates

    Raises
    ------
    ValueError
        For an unknown loss, a size that all are below, or a level of confidence or window that makes no sense.
    """
    known = [column.removeprefix(PREFIX) for column in table.columns if column.startswith(PREFIX)]
    for loss in losses or ():
        if loss not in known:
            raise ValueError(f"The table has no loss {loss!r}; it has {', '.join(map(repr, known)) or 'none'}.")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}.")
    if window is not None and window < 2:
        raise ValueError(f"A slope needs a window of 2 sizes or more, got {window}.")
    if len(table) and min_size > table["n"].max():
        raise ValueError(f"min_size={min_size} leaves no size; the largest is {table['n'].max()}.")
    root = int(np.random.default_rng(random_state).integers(2**63))
    predicted: dict[Any, float] = dict(theory or {})
    result = Rates(confidence, (), (), ())
    for protocol, rows in table[table["n"] >= min_size].groupby("protocol", sort=True):
        for loss in losses or known:
            samples = _samples(rows, PREFIX + loss)
            absent = len(rows) - sum(map(len, samples.values()))
            exponent = predicted.get((protocol, loss), predicted.get(loss))
            one = _Group(str(protocol), loss, samples, absent, confidence, window, exponent)
            # A seed of its own: an interval does not depend on which other losses are in the table.
            rng = np.random.default_rng([root, *words_of({"protocol": str(protocol), "loss": loss})])
            levels, rates, decay = one.estimate(rng, n_boot)
            result = Rates(confidence, result.levels + levels, result.rates + rates, result.decay + decay)
    return result


def _samples(rows, column) -> dict[int, np.ndarray]:
    """Finite losses by size, in the order of the replications: the order decides what a resample holds."""
    rows = rows[np.isfinite(rows[column])].sort_values(["n", "replication"])
    return {int(n): group[column].to_numpy(dtype=float) for n, group in rows.groupby("n", sort=True)}


@dataclass(frozen=True, eq=False)
class _Group:
    """One loss of one protocol."""

    protocol: str
    loss: str
    samples: dict[int, np.ndarray]
    absent: int
    confidence: float
    window: int | None
    theory: float | None

    def estimate(self, rng, n_boot):
        usable = {n: loss for n, loss in self.samples.items() if len(loss) > 1}
        with np.errstate(divide="ignore", invalid="ignore"):  # a loss of zero has no logarithm: see _rate
            found = curves(np.array([*usable], dtype=float), [*usable.values()], rng, n_boot)
            levels = self._levels(found["median"])
        rates = [self._rate(found[name], scale) for name in STATISTICS for scale in SCALES]
        return levels, tuple(rates), self._decay(found, rates)

    def _levels(self, median: Curve):
        # The bootstrap is of logarithms; by the delta method the standard error is that times the median.
        relative = dict(zip(median.n, np.sqrt(median.variance), strict=True))
        for_each = []
        for n, loss in self.samples.items():
            mcse = float(loss.std(ddof=1) / len(loss) ** 0.5) if len(loss) > 1 else float("nan")
            middle = float(np.median(loss))
            spread = float(middle * relative.get(n, np.nan))
            for_each.append(Level(self.protocol, self.loss, n, len(loss), float(loss.mean()), mcse, middle, spread))
        return tuple(for_each)

    def _rate(self, curve: Curve, scale: str) -> Rate:
        m, nan = len(curve.n), float("nan")
        lone = len(self.samples) - m
        out = [f"{lone} sizes with a single replication"] if lone else []
        out += [f"{self.absent} losses that are not finite"] if self.absent else []
        note = f"left out {' and '.join(out)}" if out else ""
        estimate, std_error, low, high, constant = nan, nan, nan, nan, nan
        local: tuple[Slope, ...] = ()
        kept: tuple[Slope, ...] = ()
        if m < 2:
            note = "a slope needs two sizes with two replications each"
        elif not np.isfinite(curve.draws).all():
            note = "a loss that is not positive has no logarithm"
        else:
            width = min(self.window or max(3, m // 3), m)
            windows = [slice(0, m)] + [slice(i, i + width) for i in range(m - width + 1)]
            slopes = self._slopes(curve, scale, windows + [slice(i, m) for i in range(max(1, m - 2))])
            (_, _, _, estimate, std_error, low, high) = vars(slopes[0]).values()
            local, kept = tuple(slopes[1 : len(windows)]), tuple(slopes[len(windows) :])
            constant = float(curve.value.mean() - estimate * SCALES[scale](curve.n).mean())
        return Rate(
            self.protocol, self.loss, curve.statistic, scale, estimate, std_error, low, high, constant, self.theory,
            m, int(curve.n_replications.sum()), int(min(curve.n, default=0)), int(max(curve.n, default=0)), note,
            local, kept,
        )  # fmt: skip

    def _slopes(self, curve: Curve, scale, windows) -> list[Slope]:
        columns = curve.functionals(slope_weights(SCALES[scale](curve.n), windows), self.confidence)
        ends = [(int(curve.n[w][0]), int(curve.n[w][-1]), w.stop - w.start) for w in windows]
        return [Slope(*end, *map(float, row)) for end, row in zip(ends, zip(*columns, strict=True), strict=True)]

    def _decay(self, found, rates) -> tuple[Decay, ...]:
        on_n = {
            rate.statistic: rate for rate in rates if rate.scale == "n" and rate.n_sizes > 2 and rate.std_error > 0.0
        }
        return tuple(compare_decay(found[name], self.protocol, self.loss, on_n[name].high < 0.0) for name in on_n)
