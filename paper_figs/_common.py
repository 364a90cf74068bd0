"""What the scripts of the figures share: options, results, slopes in words, captions, files."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gmoe.study import Loss, Rate, Rates, Study, estimate_rates, exponents, load_study, measure_table, table

ROOT = Path(__file__).resolve().parents[1]
RESULTS, FIGURES = ROOT / "sims" / "results", ROOT / "paper_figs" / "figures"
# Over-specified studies that climb from beside the truth, each with NAME_search that starts from data too.
SEARCHED = ("softmax_over3", "softmax_over4")
SEARCHED += tuple(f"temperature_{gate}_over3" for gate in ("linear", "sigmoid", "tanh"))
HEAD = "| panel | study | protocol | error | median: on n | on n/log n | mean: on n | on n/log n | theory |"


@dataclass(frozen=True, eq=False)
class Results:
    """Results of one study; ``losses`` are those that were measured after the fact."""

    study: Study
    fits: Any
    losses: tuple[Loss, ...] = ()
    _rates: dict[str, Rates] = field(default_factory=dict, init=False)

    def measured(self, *losses: Loss, protocol: str | None = None) -> "Results":
        """Take more losses of the fits, perhaps of one protocol alone; numbers that no fit has are left out."""
        rows = self.fits if protocol is None else self.fits[self.fits["protocol"] == protocol]
        found = measure_table(self.study, rows, losses).filter(regex="^loss:").dropna(axis=1, how="all")
        return replace(self, fits=self.fits.join(found), losses=(*self.losses, *losses))

    @property
    def all_losses(self) -> tuple[Loss, ...]:
        """Those of the study and those measured since."""
        return (*self.study.losses, *self.losses)

    @cached_property
    def exponents(self) -> dict[tuple[str, str], float]:
        """The theory's, of all numbers."""
        return exponents(self.study, self.all_losses)

    def rates(self, loss: str) -> Rates | None:
        """Slopes of one number as ``gmoe rates table`` prints them; None where no fit has it."""
        if loss not in self._rates and f"loss:{loss}" in self.fits:
            self._rates[loss] = estimate_rates(self.fits, losses=[loss], theory=self.exponents)
        return self._rates.get(loss)

    def rate(self, protocol: str, loss: str, statistic: str = "median", scale: str = "n") -> Rate | None:
        """Return one slope, None where the results do not have it."""
        key = (protocol, loss, statistic, scale)
        rates = self.rates(loss)
        found = rates.rates if rates else ()
        return next((r for r in found if (r.protocol, r.loss, r.statistic, r.scale) == key), None)

    @property
    def set_up(self) -> str:
        """Sizes and replications in words."""
        sizes, spread = sorted(self.fits["n"].unique()), sorted(set(self.fits.groupby(["protocol", "n"]).size()))
        replications = "-".join(map(str, dict.fromkeys((spread[0], spread[-1]))))
        return f"{len(sizes)} sizes from {sizes[0]} to {sizes[-1]}, {replications} replications"


def read(folder: Path, names: Iterable[str]) -> dict[str, Results]:
    """Read those of the studies that have finished fits."""
    present = [name for name in names if (folder / name / "manifest.json").is_file()]
    found = {name: Results(load_study(folder / name), table(folder / name)) for name in present}
    return {name: results for name, results in found.items() if len(results.fits)}


def interval(rate: Any, digits: int = 3) -> str:
    """Slope with its interval, or why there is none."""
    if rate is None or not np.isfinite(rate.slope):
        return "no slope"
    # No minus before a zero.
    slope, low, high = (f"{round(value, digits) + 0.0:.{digits}f}" for value in (rate.slope, rate.low, rate.high))
    return f"{slope} [{low}, {high}]"


def slope_row(panel: str, name: str, results: Results, protocol: str, loss: str) -> str:
    """Row of a caption's table: median and mean, on both scales."""
    given = [results.rate(protocol, loss, s, x) for s in ("median", "mean") for x in ("n", "n/log n")]
    theory = "" if given[0] is None or given[0].theory is None else f"{given[0].theory:.4g}"
    return f"| {panel} | {name} | {protocol} | {loss} | {' | '.join(map(interval, given))} | {theory} |"


def fits_line(name: str, results: Results) -> str:
    """Sizes, replications, certified share and what the others are, by protocol."""
    parts = []
    for protocol, rows in results.fits.groupby("protocol", sort=True):
        counts = rows.loc[~rows["certified"], "status"].value_counts()
        others = ", ".join(f"{status} {counts[status]}" for status in sorted(counts.index))
        share = f"{rows['certified'].sum()} of {len(rows)} fits certified ({100.0 * rows['certified'].mean():.2f} %)"
        parts.append(f"{protocol}: {share}" + (f", uncertified: {others}" if others else ""))
    return f"- {name}: {results.set_up}. {'; '.join(parts)}."


def caption(name: str, text: str, rows: Sequence[str], results: Mapping[str, Results], head: str = HEAD) -> str:
    """Put a caption together: what is drawn, the slopes, the fits that they rest on."""
    rule = "|" + "---|" * (head.count("|") - 1)
    slopes = "\n".join([head, rule, *rows])
    fits = "\n".join(fits_line(study, found) for study, found in results.items())
    note = (
        "Slopes of the logarithm, with 95 % Monte Carlo intervals; see docs/rates.md. Likelihoods of over-specified "
        "models have many maxima: the certified one is the best that starts beside the truth led to, a local one "
        "(the studies named _search have starts from data too)."
    )
    return f"**{name}.** {' '.join(text.split())}\n\n{slopes}\n\n{note}\n\n{fits}\n"


def save(out: Path, name: str, figure: Any, text: str) -> list[Path]:
    """Write caption, PDF and PNG; without dates, so that equal results give equal files."""
    out.mkdir(parents=True, exist_ok=True)
    files = [out / f"{name}.md"]
    files[0].write_text(text, encoding="utf-8")
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        if figure is not None:
            files.append(out / f"{name}.{kind}")
            figure.savefig(files[-1], metadata=metadata, dpi=200)
    return files


def main(name: str, studies: Sequence[str], draw: Callable[[dict[str, Results]], tuple[Any, str]]) -> None:
    """Draw one figure from results, as the command line asks."""
    parser = argparse.ArgumentParser(description=sys.modules[draw.__module__].__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="(default: sims/results)")
    parser.add_argument("--out", type=Path, default=FIGURES, metavar="DIR", help="(default: paper_figs/figures)")
    parser.add_argument("--studies", action="store_true", help="print what the figure reads, and nothing else")
    options = parser.parse_args()
    if options.studies:
        print(*studies)
        return
    results = read(options.results, studies)
    if not results:
        sys.exit(f"{name}: no results in {options.results}; make them: python sims/run.py {' '.join(studies)}")
    if missing := [study for study in studies if study not in results]:
        print(f"{name}: not run yet; make them: python sims/run.py {' '.join(missing)}", file=sys.stderr)
    for file in save(options.out, name, *draw(results)):
        print(f"  {file}")
