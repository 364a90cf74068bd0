"""The numbers that docs/simulations.md quotes and no figure shows, as tables."""

from dataclasses import replace

import numpy as np
from _common import SEARCHED, fits_line, interval, main
from _errors import AVERAGE, SMALLEST, stated, with_blocks

from gmoe.study import EDGES

PAPER = ("softmax_over3_paper", "softmax_over4_paper")
NEAR = "softmax_over3"
# The loss of the over-specified temperature designs that the theory has an exponent for.
TEMPERATURE = {"linear": "free", "sigmoid": "voronoi", "tanh": "voronoi", "gelu": "voronoi"}
EXACT = ("softmax_exact", *(f"temperature_{gate}_exact" for gate in (*TEMPERATURE, "relu")))
EXACT += ("topk_exact_score", "topk_exact_logit", "topk_two_of_four")
STUDIES = (*PAPER, *EXACT, *(name for near in SEARCHED for name in (near, f"{near}_search")))
# Slopes without the smaller sizes: from so many sizes up to all of them.
FEWEST = 4
# Where the published form of the loss has its modes.
MODES = {"below 0.3": (0.0, 0.3), "0.9 to 1.1": (0.9, 1.1), "1.9 to 2.1": (1.9, 2.1), "above 3": (3.0, np.inf)}
# An expert with a smaller share hardly matters for the density.
LIGHT = 0.05
# Log-likelihoods that differ by less are the same.
SAME = 1e-4
KEY = ["n", "replication"]
COMPARED = ("data sets", "median starts", "higher", "lower", "median gain of the higher")
COMPARED += ("at an edge beside the truth", "of the search", "edges beside the truth that stay edges")
# Where the papers' over-specified simulations begin.
MANY = 10_000


def draw(results):
    """Return no figure, and the tables."""
    tables = [
        modes({name: results[name] for name in PAPER if name in results}),
        *([protocol(results[NEAR]), heavy(results[NEAR])] if NEAR in results else []),
        *searches({name: results[name] for name in SEARCHED if {name, f"{name}_search"} <= results.keys()}, results),
        at_edge({name: found for name, found in results.items() if name not in PAPER}),
        larger(results),
    ]
    fits = "\n".join(fits_line(name, found) for name, found in results.items())
    return None, "\n".join(["**in_text.** Numbers of the text that no figure shows.\n", *tables, fits, ""])


def modes(results):
    """Shares of the published protocol's fits by the published form of the loss."""
    rows = []
    for name, found in results.items():
        loss = found.fits.loc[found.fits["protocol"] == "published", "loss:published_form"]
        shares = [f"{100.0 * np.mean((loss >= low) & (loss <= high)):.1f} %" for low, high in MODES.values()]
        rows.append([name, *shares, interval(found.rate("published", "published_form"))])
    return section("Published protocol, published form of the loss", ["study", *MODES, "slope of the median"], rows)


def protocol(found):
    """Where the published protocol ends, beside the maximum on the same data."""
    pairs = merged(found.fits, "published", found.fits, "mle")
    head = ["n", "median iterations", "maximum above it: median log-likelihood", "median loss / that of the maximum"]
    rows = []
    for n, pair in pairs.groupby("n"):
        gap = (pair["log_likelihood_other"] - pair["log_likelihood"]).median()
        ratio = pair["loss:voronoi"].median() / pair["loss:voronoi_other"].median()
        rows.append([n, f"{pair['n_iter'].median():.0f}", f"{gap:.2f}", f"{ratio:.3g}"])
    return section(f"Published protocol and maximum likelihood, {NEAR}", head, rows)


def heavy(found):
    """Slopes in cells of two without the fits that have a light expert; a selection that n changes."""
    blocks = with_blocks(found)
    kept = replace(blocks, fits=blocks.fits[~(blocks.fits[f"loss:{SMALLEST}"] < LIGHT)])
    count = kept.fits.dropna(subset=[f"loss:{SMALLEST}"]).groupby("n").size()
    exponents = {key: p.exponent for key, p in stated(kept).items() if p.exponent is not None}
    keys = [key for key in exponents if key.endswith("(cell of 2)") and AVERAGE not in key]
    rows = [[key, interval(kept.rate("mle", key)), f"{exponents[key]:.4g}"] for key in keys]
    title = f"Worst atom, {NEAR}, fits whose experts all have shares of {LIGHT:g} or more"
    some = f" ({count.iloc[0]} fits at n = {count.index[0]}, {count.iloc[-1]} at n = {count.index[-1]})"
    return section(title + some, ["error", "slope of the median", "theory"], rows)


def searches(near, results):
    """Compare searches from data with the fits that start beside the truth, on the same data: all, and one by size."""
    pairs = {name: compared(found, results[f"{name}_search"]) for name, found in near.items()}
    rows = [[name, *searched(pair)] for name, pair in pairs.items()]
    large = {name: pair[pair["n"] > MANY] for name, pair in pairs.items()}
    large = [[name, *searched(pair)] for name, pair in large.items() if len(pair)]
    by_size = [[n, *searched(pair)] for n, pair in pairs[NEAR].groupby("n")] if NEAR in pairs else []
    title = "Starts from data too against starts beside the truth, log-likelihoods on the same data"
    return [
        section(title, ["study", *COMPARED], rows),
        section(f"The same, n above {MANY}", ["study", *COMPARED], large),
        section(f"The same, {NEAR} by n", ["n", *COMPARED], by_size),
    ]


def compared(near, search):
    """Fits of a search beside those that start beside the truth on the same data."""
    pairs = merged(search.fits, "mle", near.fits, "mle")
    gain = pairs["log_likelihood"] - pairs["log_likelihood_other"]
    return pairs.assign(gain=gain, higher=gain > SAME, lower=gain < -SAME, edge=pairs["status"].isin(EDGES))


def searched(pairs):
    """Cells of a row under ``COMPARED``."""
    up = pairs.loc[pairs["higher"], "gain"].median()
    edge = pairs["status_other"].isin(EDGES)
    return [
        len(pairs), f"{pairs['n_starts'].median():.0f}", percent(pairs["higher"]), int(pairs["lower"].sum()),
        f"{up:.2f}", percent(edge), percent(pairs["edge"]), f"{int((edge & pairs['edge']).sum())} of {edge.sum()}",
    ]  # fmt: skip


def percent(share):
    """Share in words."""
    return f"{100.0 * share.mean():.0f} %"


def at_edge(results):
    """Share of the fits without a maximum inside of the parameters, by study and n."""
    shares = {}
    for name, found in results.items():
        mle = found.fits[found.fits["protocol"] == "mle"]
        shares[name] = mle["status"].isin(EDGES).groupby(mle["n"]).mean()
    sizes = sorted(set().union(*(share.index for share in shares.values())))
    rows = [[name, *(f"{100.0 * share[n]:.1f}" if n in share else "" for n in sizes)] for name, share in shares.items()]
    return section("Maximum likelihood fits at an edge, per cent by n", ["study", *map(str, sizes)], rows)


def larger(results):
    """Slopes of the over-specified temperature designs as small sizes are left out, the same sizes for all gates."""
    names = {gate: f"temperature_{gate}_over3" for gate in TEMPERATURE if f"temperature_{gate}_over3" in results}
    rates = {gate: results[name].rate("mle", TEMPERATURE[gate]) for gate, name in names.items()}
    kept = {gate: {s.smallest: s for s in rate.kept if s.n_sizes >= FEWEST} for gate, rate in rates.items() if rate}
    sizes = sorted(set().union(*kept.values()))
    rows = [[n, *(interval(slopes.get(n)) for slopes in kept.values())] for n in sizes]
    heads = [f"{gate}, slopes / temperature" if TEMPERATURE[gate] == "free" else gate for gate in kept]
    return section("Over-specified temperature designs, slope of the median loss from n on", ["n", *heads], rows)


def merged(fits, protocol, others, other):
    """Fits of a protocol beside those of another one on the same data."""
    columns = [*KEY, "log_likelihood", "loss:voronoi", "status"]
    first, second = fits[fits["protocol"] == protocol], others.loc[others["protocol"] == other, columns]
    return first.merge(second, on=KEY, suffixes=("", "_other"))


def section(title, head, rows):
    """Put a table under its title."""
    lines = [f"{title}:", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""])


if __name__ == "__main__":
    main("in_text", STUDIES, draw)
