"""Write ``sims/README.md``: of each study its claim, outcome, evidence and computing time, from the results alone."""

import argparse
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np

from gmoe.study import EDGES, estimate_rates, load_study, table

HERE = Path(__file__).resolve().parent
HEAD = """\
# The papers' simulations

Each file in `designs/` describes a study: its first lines say which claim it tests, and which of its settings are the
source's and which are ours. `results/` has all fits of the full runs, one folder per study, which every `gmoe rates`
command reads; `manifest.json` there says by which versions, commits and processors they were made,
in one run or several.

```sh
python sims/run.py softmax_exact          # run, or go on where it was stopped
python sims/run.py softmax_exact --quick  # three small sizes, to see that it works
gmoe rates report sims/results/softmax_exact
make figures                              # all figures from the results
```

`checks/` has what `second_opinion.py NAME --edges` (BFGS on fits at an edge) and `spikes.py NAME` (parameters made by
hand against over-specified fits) printed. What the results say of the theory is in [What the simulations
say](../docs/simulations.md). This page is written by `python sims/summarise.py`. Slopes are of the median loss on log
n with 95 % Monte Carlo intervals. Of the maximum likelihood fits, *certified* is the share with a certificate of an
interior maximum, *at an edge* those whose largest likelihood that was found has none (a gate that separates, a
variance or temperature at its bound), *of the rest* the certified share of all fits not at an edge: what is missing
there stopped at the limit of iterations, or at a kink. In brackets, for studies that climb from beside the truth
only: the same of the data sets on which a search from data was run too, without and with it. By size: `gmoe rates
table FOLDER certificates`. Core-minutes are of the fits alone.

"""
COLUMNS = ("study", "claim", "sizes x replications", "slope, maximum likelihood", "slope, published protocol")
COLUMNS += ("certified", "at an edge", "certified, of the rest", "core-minutes")


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=HERE / "results", metavar="DIR")
    parser.add_argument("--out", type=Path, default=HERE / "README.md", metavar="FILE")
    options = parser.parse_args()
    options.out.write_text(page(options.results), encoding="utf-8")


def page(results: Path) -> str:
    """Text of the page."""
    folders = [results / file.stem for file in sorted((HERE / "designs").glob("*.toml"))]
    done = {
        folder.name: (load_study(folder), table(folder)) for folder in folders if (folder / "manifest.json").exists()
    }
    tables = {name: fits for name, (_, fits) in done.items()}
    rows = [cells(name, study, fits, tables.get(f"{name}_search")) for name, (study, fits) in done.items()]
    return HEAD + markdown(COLUMNS, rows) + "\n" + failures(tables) + unfinished(tables)


def cells(name, study, fits, searched) -> list[str]:
    """Line of one study; ``searched`` are the fits of a wide search on its data, None where there is none."""
    slopes = {
        rate.protocol: f"{rate.slope:.3f} [{rate.low:.3f}, {rate.high:.3f}]"
        for rate in estimate_rates(fits, losses=["voronoi"]).rates
        if (rate.statistic, rate.scale) == ("median", "n") and np.isfinite(rate.slope)
    }
    mle = fits[fits["protocol"] == "mle"]
    size = f"{len(study.sizes)} ({study.sizes[0]} to {study.sizes[-1]}) x {study.replications}"
    edge = mle["status"].isin(EDGES)
    wide = "" if searched is None else on_the_same_data(mle, searched)
    evidence = [percent(mle["certified"]), percent(edge) + wide, percent(mle.loc[~edge, "certified"])]
    evidence.append(f"{fits['seconds'].sum() / 60.0:.0f}")
    return [name, claim(name), size, slopes.get("mle", "-"), slopes.get("published", "-"), *evidence]


def on_the_same_data(near, searched) -> str:
    """Shares at an edge before and after a wide search."""
    pairs = near.merge(searched[searched["protocol"] == "mle"], on=["n", "replication"], suffixes=("", "_searched"))
    shares = [percent(pairs[status].isin(EDGES)) for status in ("status", "status_searched")]
    return f" (of {len(pairs)}: {shares[0]}, searched {shares[1]})"


def percent(share) -> str:
    """Mean of a column of truth values in words."""
    return f"{100.0 * share.mean():.1f} %"


def claim(name: str) -> str:
    """First paragraph of a design's comment."""
    text = (HERE / "designs" / f"{name}.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["name"] == name
    first = text.partition("\n#\n")[0]
    return " ".join(line.lstrip("# ") for line in first.splitlines()).removeprefix("Claim: ").replace("|", "\\|")


def failures(done) -> str:
    """List the fits that failed, with the seeds that bring them back: a row for each kind of failure at one size."""
    groups = defaultdict(list)
    for name, fits in done.items():
        for row in fits[fits["error"] != ""].sort_values(["protocol", "n", "replication"]).to_dict("records"):
            stem, _, replication = row["seed"].rpartition(",")
            groups[name, row["protocol"], str(row["n"]), stem, kind(row["error"])].append(replication)
    if not groups:
        return "No fit failed.\n"
    text = (
        "Fits that failed, or a loss of which cannot be taken. The seed of one is `SEED,REPLICATION`, with which\n"
        "`gmoe rates replay` runs it again.\n\n"
    )
    rows = [[*key[:4], ", ".join(replications), key[4]] for key, replications in groups.items()]
    return text + markdown(("study", "protocol", "n", "seed", "replications", "error"), rows)


def unfinished(done) -> str:
    """List the maximum likelihood fits that are neither certified nor at an edge."""
    rows = []
    for name, fits in done.items():
        left = fits[(fits["protocol"] == "mle") & ~fits["certified"] & ~fits["status"].isin(EDGES)]
        rows += [[name, *map(str, row)] for row in left[["n", "seed", "status", "gradient"]].itertuples(index=False)]
    if not rows:
        return ""
    text = "\nMaximum likelihood fits that stopped short of a certificate.\n\n"
    return text + markdown(("study", "n", "seed, replication last", "status", "largest average gradient"), rows)


def kind(error: str) -> str:
    """Return the message with its numbers left out, which differ from fit to fit."""
    return re.sub(r"-?\b\d[\d.]*(e[-+]?\d+)?\b", "#", error).replace("|", "\\|")


def markdown(columns, rows) -> str:
    """Table of texts."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
